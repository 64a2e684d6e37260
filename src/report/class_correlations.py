"""Why some classes survive and others vanish: properties of the real data against survival over all runs.

R runs, S seeds, K classes, B resamples, E evaluations.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np

from src.core.class_properties import property_named
from src.core.metric_specs import MetricSpec
from src.core.multiple_tests import holm
from src.report.counts import SEED
from src.report.document import Cell, Table
from src.report.section import Section
from src.report.statistics import CHANCE, MIN_SEEDS, bare_p
from src.report.tables import table
from src.report.templating import percent, say
from src.report.trajectories import characters, recorded, survival

RESAMPLES = 5000
KEPT, LOST = ("O", "A"), ("Q", "X", "Z")  # letters that GANs are said to keep, and to lose
WORST = 3  # how many of the classes that fare worst are named
RHO = MetricSpec("ρ", decimals=2)


@dataclass(frozen=True)
class Correlation:
    """Spearman's ρ of a property with survival, its 95 % interval, and p after Holm's correction."""

    key: str
    rho: float
    low: float = math.nan
    high: float = math.nan
    p: float = math.nan

    @property
    def holds(self) -> bool:
        """Whether it may be called a finding."""
        return self.p < CHANCE and (self.low > 0 or self.high < 0)

    @property
    def label(self) -> str:
        return property_named(self.key).label

    @property
    def claim(self) -> str:
        known = property_named(self.key)
        return known.more if self.rho > 0 else known.less

    @staticmethod
    def text(value: float) -> str:
        return RHO.text(value, signed=True)


@dataclass(frozen=True)
class ClassCorrelations:
    """What the runs of a section show of their classes.

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

    def share(self, name: str) -> float:
        return float(self.survival_K[self.classes.index(name)])

    @property
    def num_seeds(self) -> int:
        return len(set(self.seeds))

    @property
    def differs(self) -> bool:
        """Whether there is anything to explain."""
        return bool(np.ptp(self.survival_K) > 0)

    @cached_property
    def answer(self) -> str:
        """Why some classes survive, as far as the runs show."""
        if self.num_seeds < MIN_SEEDS:
            return "too few seeds"
        if not self.differs:
            return "nothing vanishes" if self.survival_K[0] == 1 else "all alike"
        if not self.properties:
            return "nothing measured"
        orders = math.factorial(len(self.classes))  # chance gives a perfect order, or its reverse, twice in K! orders
        if 2 / orders * len(self.properties) >= CHANCE:
            return "too few classes"
        return "a property" if self.findings else "no property" if self.chance < CHANCE else "chance"

    @property
    def testable(self) -> bool:
        return self.answer in ("a property", "no property", "chance")

    @cached_property
    def correlations(self) -> tuple[Correlation, ...]:
        """One per property, the strongest first."""
        return correlate(self.properties, self.survival_K)

    @property
    def findings(self) -> list[Correlation]:
        return [correlation for correlation in self.correlations if correlation.holds]

    @property
    def twin(self) -> Correlation | None:
        """The property that goes most with the strongest one."""
        strongest, *others = self.correlations
        values = self.properties[strongest.key]
        between = [Correlation(other.key, float(spearman(values, self.properties[other.key]))) for other in others]
        return max(between, key=lambda one: abs(one.rho), default=None)

    @property
    def from_oracle(self) -> list[str]:
        return [property_named(k).label for k in ("oracle_error", "distance_to_others") if k in self.properties]

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

    @property
    def asked(self) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
        """The letters said to be kept and those said to be lost; None where the classes are others."""
        return (KEPT, LOST) if {*KEPT, *LOST} <= set(self.classes) else None

    @property
    def outlive(self) -> bool | None:
        """Whether the ones outlive the others; None where the seeds agree no better than by chance."""
        if not self.asked or self.num_seeds < MIN_SEEDS or self.chance >= CHANCE:
            return None
        return min(map(self.share, KEPT)) > max(map(self.share, LOST))

    @property
    def worst(self) -> list[str]:
        """The few classes that survive least."""
        return [name for name in sorted(self.classes, key=self.share)[:WORST] if self.share(name) < 1]

    @cached_property
    def by_name(self) -> dict[str, np.ndarray]:
        """Survival [K] under each name that has enough seeds."""
        rows = {label: [i for i, own in enumerate(self.labels) if own == label] for label in dict.fromkeys(self.labels)}
        return {label: self.survival_RK[own].mean(0) for label, own in rows.items() if len(own) >= MIN_SEEDS}


def class_correlations(section: Section) -> ClassCorrelations | None:
    """Survival in every completed run, beside the properties; None where the runs do not tell both.

    Of a run it is the share of the evaluations in the second half of training at which a class is not missing.
    """
    measured = next((run.class_properties for run in section.included if run.class_properties), {})
    runs = [(s, run) for s in section.summaries for run in recorded(s)] if measured else []
    known = [(s.label, run.seed, found) for s, run in runs if (found := survival(section, replace(s, included=(run,))))]
    if not known:
        return None
    labels, seeds, found = zip(*known, strict=True)
    usable = {key: np.array(values) for key, values in measured.items() if len(values) == len(section.classes)}
    return ClassCorrelations(
        classes=section.classes,
        noun=section.dataset.noun,
        channels=characters(section),
        labels=labels,
        seeds=seeds,
        survival_RK=np.stack([covered_EK[seen_E > seen_E.max() / 2].mean(0) for seen_E, covered_EK in found]),
        properties={key: values for key, values in usable.items() if np.ptp(values) > 0},
    )


def correlate(properties: Mapping[str, np.ndarray], survival_K: np.ndarray) -> tuple[Correlation, ...]:
    """Each property's rank correlation with survival, the strongest first.

    Intervals: percentiles of a bootstrap over classes. p: shuffled survival, two-sided, then Holm (1979) over the
    properties. Neither assumes a distribution, and ties are what they are. All properties share one set of resamples.
    """
    if not properties:
        return ()
    random, own_K = np.random.default_rng(SEED), _ranks(survival_K)
    drawn_BK = random.integers(len(survival_K), size=(RESAMPLES, len(survival_K)))
    shuffled_BK = random.permuted(np.tile(own_K, (RESAMPLES, 1)), axis=1)
    resampled_BK = _ranks(survival_K[drawn_BK])
    rhos = {key: float(spearman(values_K, survival_K)) for key, values_K in properties.items()}
    ends = [
        np.quantile(_correlation(_ranks(values_K[drawn_BK]), resampled_BK), (0.025, 0.975)).tolist()
        for values_K in properties.values()
    ]
    chance = [_p(np.abs(_correlation(_ranks(properties[key]), shuffled_BK)), abs(rho)) for key, rho in rhos.items()]
    rows = zip(rhos.items(), ends, holm(chance), strict=True)
    correlations = [Correlation(key, rho, low, high, p) for (key, rho), (low, high), p in rows]
    return tuple(sorted(correlations, key=lambda correlation: (-abs(correlation.rho), correlation.key)))


def spearman(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Rank correlation along the last axis, ties sharing their mean rank; 0 where one side is constant."""
    return _correlation(_ranks(a), _ranks(b))


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks along the last axis from their mean."""
    from scipy.stats import rankdata  # takes a third of a second; reports without properties of classes do without

    return rankdata(values, axis=-1) - (values.shape[-1] + 1) / 2


def _correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    scale = np.sqrt((a * a).sum(-1) * (b * b).sum(-1))
    return np.divide((a * b).sum(-1), scale, out=np.zeros_like(scale), where=scale > 0)


def _p(chance_B: np.ndarray, observed: float) -> float:
    """Share of chance's values that are at least as large, the observed one among them; never 0."""
    return float(1 + (chance_B >= observed - 1e-9).sum()) / (1 + len(chance_B))


def property_table(outcome: ClassCorrelations) -> Table:
    """Every class with its survival and its properties, the one that fared worst first."""
    known = {key: property_named(key) for key in outcome.properties}

    def value(name: str, key: str) -> str:
        return f"{outcome.properties[key][outcome.classes.index(name)]:.3g}"

    columns = [("", str), ("survival", lambda name: percent(outcome.share(name)))]
    columns += [(one.label, partial(value, key=key)) for key, one in known.items()]
    units = ", ".join(f"{one.label}: {one.unit}" for one in known.values() if one.unit)
    order = sorted(outcome.classes, key=lambda name: (outcome.share(name), name))
    return table(order, columns, say("properties", units))


def correlation_table(outcome: ClassCorrelations) -> Table | None:
    """Rank correlation of each property with survival, the strongest first; None if nothing can be tested."""
    columns = [
        ("property", lambda one: one.label),
        ("ρ", lambda one: Cell(one.text(one.rho), f"{one.text(one.low)} … {one.text(one.high)}")),
        ("p", lambda one: Cell(bare_p(one.p), tone="helps" * one.holds)),
    ]
    return table(outcome.correlations, columns, say("rank_correlations")) if outcome.testable else None


def within_table(outcome: ClassCorrelations) -> Table | None:
    """ρ within each name that has enough seeds and loses anything unevenly; None if there is only one name."""

    def rho(label: str, key: str) -> str:
        survival_K = outcome.by_name[label]
        return RHO.text(float(spearman(outcome.properties[key], survival_K)), True) if np.ptp(survival_K) else "–"

    columns = [
        ("name", lambda label: Cell(f"`{label}`")),
        ("mean survival", lambda label: percent(outcome.by_name[label].mean())),
        *((one.label, lambda label, key=one.key: rho(label, key)) for one in outcome.correlations),
    ]
    return table(outcome.by_name, columns, say("correlations")) if len(outcome.by_name) > 1 else None
