"""One answer from several data sets: normalised scores, their interquartile mean, the probability of improvement.

Definitions and stratified bootstrap of Agarwal et al. 2021, arXiv:2108.13264 (rliable): runs are drawn anew within each
data set, and 95 % intervals are percentiles. M names, D data sets, n seeds, B resamples.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import kendalltau, norm, trim_mean

from src.core.metric_specs import metric_spec
from src.core.multiple_tests import CHANCE
from src.report.compare import Compared
from src.report.counts import SEED, least_p
from src.report.section import Section
from src.report.statistics import MIN_SEEDS, POWER, Estimate, detectable

RESAMPLES = 2000
MOST_SEEDS = 200  # of which a power analysis says how many it would take
Scores = Mapping[str, Sequence[np.ndarray]]  # of each name [n], an array per data set


@dataclass(frozen=True)
class Scale:
    """What the score 0 and the score 1 stand for, in the primary metric."""

    zero: float
    one: float

    def score(self, values: np.ndarray) -> np.ndarray:
        """Failed runs, which are infinite, have the lowest score of all, at most 0."""
        scores = (values - self.zero) / (self.one - self.zero)
        lowest = np.where(np.isfinite(scores), scores, 0.0).min(initial=0.0)
        return np.where(np.isinf(scores), lowest, scores)


def scale(section: Section) -> Scale:
    """From samples of one class alone to held-out real data; of a likelihood from the collapse floor to the entropy.

    Where the data's entropy is not known, 1 is the best mean of a name.
    """
    key, spec = section.primary, metric_spec(section.primary)
    best = section.best_first[0].mean(key)
    worst = spec.worst(section.num_modes, 0.0)
    real = section.control("real", key.removesuffix("_late"))
    if worst is not None and real is not None:
        return Scale(worst, real)
    floor, entropy = (_mean(section, reference) for reference in ("floor_nll", "entropy"))
    if floor is None or best is None:
        raise ValueError(f"{key} has no scale: neither a worst value and real data's nor a collapse floor is known")
    return Scale(floor, best if entropy is None else entropy)


def _mean(section: Section, key: str) -> float | None:
    values = [run.scalars[key] for run in section.included if key in run.scalars]
    return float(np.mean(values)) if values else None


def scores(sections: Sequence[Section]) -> dict[str, list[np.ndarray]]:
    """Of the names that were run on all data sets, the baseline first; nothing where it was not."""
    names = [name for name in sections[0].names if all(name in section.names for section in sections)]
    made: dict[str, list[np.ndarray]] = {name: [] for name in names}
    for section in sections:
        scored = scale(section).score(section.tables[section.primary])
        for name in names:
            values = scored[section.names.index(name)]
            made[name].append(values[~np.isnan(values)])
    known = {name: arrays for name, arrays in made.items() if all(len(array) for array in arrays)}
    return known if all(section.baseline in known for section in sections) else {}


def interquartile_mean(runs: Sequence[np.ndarray]) -> np.ndarray:
    """Mean of the middle half of all runs of all data sets, from arrays [..., n]."""
    return trim_mean(np.concatenate(runs, -1), 0.25, axis=-1)


def sign(key: str) -> int:
    """1 where higher values of a metric are better, else −1."""
    return 1 if metric_spec(key).better == "higher" else -1


def improvement(treated: Sequence[np.ndarray], baseline: Sequence[np.ndarray]) -> np.ndarray:
    """Probability that a run is better than one of the baseline's; mean over data sets [..., n]."""
    return np.mean([superiority(*pair) for pair in zip(treated, baseline, strict=True)], 0)


def superiority(scores: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Share of the pairs of a score [..., n] and one of the others [..., m] in which it is higher; ties count half."""
    scores, others = scores[..., :, None], others[..., None, :]
    return ((scores > others) + 0.5 * (scores == others)).mean((-2, -1))


@dataclass(frozen=True)
class Aggregate:
    """A name over all data sets; `better` is the probability of improvement, None for the baseline itself."""

    name: str
    iqm: Estimate
    better: Estimate | None


def aggregates(of: Scores) -> list[Aggregate]:
    """The baseline, which is the first, and every other name, the highest interquartile mean first."""
    random = np.random.default_rng(SEED)
    drawn = {name: [random.choice(array, (RESAMPLES, len(array))) for array in runs] for name, runs in of.items()}
    baseline = next(iter(of), "")

    def estimate(value: np.ndarray, draws_B: np.ndarray, runs: Sequence[np.ndarray]) -> Estimate:
        """Without an interval where a data set has few runs, or where the bootstrap knows one value only."""
        enough = min(map(len, [*runs, *of[baseline]])) >= MIN_SEEDS and np.ptp(draws_B) > 0
        ends = np.quantile(draws_B, (0.025, 0.975)).tolist() if enough else (None, None)
        return Estimate(sum(map(len, runs)), float(value), None, *ends)

    made = [
        Aggregate(
            name,
            estimate(interquartile_mean(runs), interquartile_mean(drawn[name]), runs),
            estimate(improvement(runs, of[baseline]), improvement(drawn[name], drawn[baseline]), runs)
            if name != baseline
            else None,
        )
        for name, runs in of.items()
    ]
    return sorted(made, key=lambda one: -(one.iqm.mean or 0))


def win_rates(of: Scores) -> np.ndarray:
    """Probability [M, M] that a run of the row's name is better than one of the column's."""
    return np.array([[improvement(row, column) for column in of.values()] for row in of.values()])


@dataclass(frozen=True)
class Agreement:
    """Kendall's τ between the orders of names on two data sets, and the name that moves most, with its places."""

    tau: float
    p: float
    names: int
    moved: str
    places: tuple[int, int]


def agreement(one: Section, other: Section) -> Agreement | None:
    """By the means in the primary metric; None below three names that both have."""
    both = (one, other)
    means = [{s.name: m for s in of.summaries if (m := s.mean(of.primary)) is not None} for of in both]
    names = [name for name in means[0] if name in means[1]]
    if len(names) < 3:
        return None
    signs = [-sign(of.primary) for of in both]
    values = [[sign * mean[name] for name in names] for sign, mean in zip(signs, means, strict=True)]
    tau, p = kendalltau(*values)
    places = [{names[i]: place for place, i in enumerate(np.argsort(v, kind="stable"), 1)} for v in values]
    moved = max(names, key=lambda name: abs(places[0][name] - places[1][name]))
    return Agreement(float(tau), float(p), len(names), moved, (places[0][moved], places[1][moved]))


def seeds_needed(compared: Compared, tests: int, better: float) -> int | None:
    """How many seeds show a true difference as large as the one observed, in 4 of 5 cases at the strictest level.

    By t with the observed variances. Where the rank-sum test decides, by Noether's formula (1987,
    doi:10.1080/01621459.1987.10478478), but no fewer than can have so small a p; these are enough where every run is
    better, or none. None where nothing was observed, or MOST_SEEDS are not enough.

    Args:
        better: the probability that a run is better than one of the baseline's, as observed.
    """
    level, n = CHANCE / tests, compared.difference.n
    if compared.exact:
        fewest = next(size for size in range(MIN_SEEDS, MOST_SEEDS) if least_p(size, size) < level)
        effect = abs(better - 0.5)
        needed = (norm.isf(level / 2) + norm.isf(1 - POWER)) ** 2 / (6 * effect**2) if 0 < effect < 0.5 else 0.0
        return max(fewest, math.ceil(needed)) if effect and needed <= MOST_SEEDS else None
    if not (compared.error and compared.df and compared.difference.mean):
        return None

    def shown(size: int) -> bool:
        error, df = compared.error * math.sqrt(n / size), compared.df * (size - 1) / (n - 1)
        return detectable(error, df, level) <= abs(compared.difference.mean)

    return next((size for size in range(MIN_SEEDS, MOST_SEEDS + 1) if shown(size)), None)
