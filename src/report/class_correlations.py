"""Why some classes survive and others vanish: properties of the real data against survival over all runs.

R runs, S seeds, K classes, B resamples, E evaluations.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.stats import rankdata

from src.core.multiple_tests import holm
from src.report.counts import SEED
from src.report.figures.survival import characters, recorded, survival
from src.report.grouping import Section, Summary
from src.report.statistics import CHANCE, MIN_SEEDS

RESAMPLES = 5000


@dataclass(frozen=True)
class Correlation:
    """Spearman's ρ of a property with survival, its 95 % interval, and p after Holm's correction."""

    key: str
    rho: float
    low: float
    high: float
    p: float

    @property
    def holds(self) -> bool:
        """Whether it may be called a finding."""
        return self.p < CHANCE and (self.low > 0 or self.high < 0)


@dataclass(frozen=True)
class Why:
    """What the runs of a section tell of their classes.

    Attributes:
        noun: what the classes are called, in the plural.
        channels: characters in a mode.
        labels: what the page calls each run's name.
        seeds: the seed of each run.
        survival_RK: a row per run, from 0 (always missing) to 1 (never).
        properties: K values each, as measured on real data; those alike for all classes left out.
    """

    classes: tuple[str, ...]
    noun: str
    channels: int
    labels: tuple[str, ...]
    seeds: tuple[int, ...]
    survival_RK: np.ndarray
    properties: Mapping[str, np.ndarray]

    @cached_property
    def survival_K(self) -> np.ndarray:
        """Mean over runs."""
        return self.survival_RK.mean(0)

    @property
    def num_seeds(self) -> int:
        return len(set(self.seeds))

    @property
    def enough_seeds(self) -> bool:
        return self.num_seeds >= MIN_SEEDS

    @property
    def differs(self) -> bool:
        """Whether there is anything to explain."""
        return bool(np.ptp(self.survival_K) > 0)

    @property
    def enough_classes(self) -> bool:
        """Whether a perfect order would hold: chance gives it, or its reverse, twice in K! orders."""
        return 2 / math.factorial(len(self.classes)) * len(self.properties) < CHANCE

    @property
    def testable(self) -> bool:
        return self.enough_seeds and self.differs and self.enough_classes and bool(self.properties)

    @cached_property
    def correlations(self) -> tuple[Correlation, ...]:
        """One per property, the strongest first."""
        return correlate(self.properties, self.survival_K)

    @cached_property
    def chance(self) -> float:
        """p of the classes' survival differing as much as it does if every seed lost classes of its own.

        Classes are shuffled within a seed, alike for all its runs, which share the data's order.
        """
        seeds = np.array(self.seeds)
        survival_SK = np.stack([self.survival_RK[seeds == seed].sum(0) for seed in sorted(set(self.seeds))])
        random = np.random.default_rng(SEED)
        shuffled = [random.permuted(survival_SK, axis=1).sum(0).var() for _ in range(RESAMPLES)]
        return _p(np.array(shuffled), survival_SK.sum(0).var())

    @cached_property
    def by_name(self) -> dict[str, np.ndarray]:
        """Survival [K] under each name that has enough seeds."""
        rows = {label: [i for i, own in enumerate(self.labels) if own == label] for label in dict.fromkeys(self.labels)}
        return {label: self.survival_RK[own].mean(0) for label, own in rows.items() if len(own) >= MIN_SEEDS}


def why(section: Section) -> Why | None:
    """Survival in every completed run, beside the properties; None where the runs do not tell both."""
    told = next((run.class_properties for run in section.included if run.class_properties), {})
    rows = {
        (summary.label, run.seed): survival_K
        for summary in section.summaries
        for run in recorded(summary)
        if told and (survival_K := late_survival(section, replace(summary, included=(run,)))) is not None
    }
    if not rows:
        return None
    classes = section.dataset.classes
    usable = {key: np.array(values) for key, values in told.items() if len(values) == len(classes)}
    return Why(
        classes=classes,
        noun=section.dataset.noun,
        channels=characters(section),
        labels=tuple(label for label, _ in rows),
        seeds=tuple(seed for _, seed in rows),
        survival_RK=np.stack([*rows.values()]),
        properties={key: values for key, values in usable.items() if np.ptp(values) > 0},
    )


def late_survival(section: Section, summary: Summary) -> np.ndarray | None:
    """Share [K] of the evaluations in the second half of training at which a class is not missing, over its seeds."""
    found = survival(section, summary)
    if found is None:
        return None
    seen_E, covered_EK = found
    return covered_EK[seen_E > seen_E.max() / 2].mean(0)


def correlate(properties: Mapping[str, np.ndarray], survival_K: np.ndarray) -> tuple[Correlation, ...]:
    """Each property's rank correlation with survival, the strongest first.

    Intervals: percentiles of a bootstrap over classes. p: shuffled survival, two-sided, then Holm (1979) over the
    properties. Neither assumes a distribution, and ties are what they are.
    """
    if not properties:
        return ()
    random = np.random.default_rng(SEED)
    drawn_BK = random.integers(len(survival_K), size=(RESAMPLES, len(survival_K)))
    shuffled_BK = random.permuted(np.tile(survival_K, (RESAMPLES, 1)), axis=1)
    rhos, intervals, raw = [], [], []
    for values_K in properties.values():
        rhos.append(float(spearman(values_K, survival_K)))
        intervals.append(np.quantile(spearman(values_K[drawn_BK], survival_K[drawn_BK]), (0.025, 0.975)))
        raw.append(_p(np.abs(spearman(values_K, shuffled_BK)), abs(rhos[-1])))
    rows = zip(properties, rhos, intervals, holm(raw), strict=True)
    found = (Correlation(key, rho, float(low), float(high), p) for key, rho, (low, high), p in rows)
    return tuple(sorted(found, key=lambda correlation: (-abs(correlation.rho), correlation.key)))


def spearman(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Rank correlation along the last axis, ties sharing their mean rank; 0 where one side is constant."""
    a, b = (rankdata(side, axis=-1) - (side.shape[-1] + 1) / 2 for side in (a, b))
    scale = np.sqrt((a * a).sum(-1) * (b * b).sum(-1))
    return np.divide((a * b).sum(-1), scale, out=np.zeros_like(scale), where=scale > 0)


def _p(chance_B: np.ndarray, observed: float) -> float:
    """Share of chance's values that are at least as large, the observed one among them; never 0."""
    return float(1 + (chance_B >= observed - 1e-9).sum()) / (1 + len(chance_B))
