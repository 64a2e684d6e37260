"""The numbers of a section's runs as tables of names and seeds, and what the statistics make of them by name."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from src.core.metric_specs import metric_spec
from src.core.multiple_tests import CHANCE
from src.report.compare import compare
from src.report.counts import clopper_pearson, least_p, rank_sum_p, split
from src.report.possible import bounds, worst
from src.report.records import Run
from src.report.statistics import Estimate, detectable, moderated

MOST_SEEDS = 100


@dataclass(frozen=True)
class Groups:
    """How many of a name's seeds failed or lie on the worse side of the gap between two groups of values.

    `threshold` is None where runs failed and the values of the others are of one group.
    """

    worse: int
    n: int
    threshold: float | None
    failed: int

    @property
    def limits(self) -> tuple[float, float]:
        """Exact 95 % interval of the share."""
        return clopper_pearson(self.worse, self.n)


@dataclass(frozen=True)
class Compared:
    """One name against the baseline in one metric.

    Attributes:
        difference: mean paired difference; without a mean where seeds failed or fall into two groups.
        p: None below three pairs.
        exact: whether the rank-sum test decides.
        share: difference of the shares of worse seeds, where seeds failed or fall into two groups.
        worse: such seeds of the name and of the baseline.
        error, df: of the difference, where t decides.
    """

    difference: Estimate
    p: float | None
    exact: bool
    share: Estimate
    worse: tuple[int, int]
    error: float | None
    df: float | None

    def detectable(self, tests: int) -> float | None:
        """The difference that t shows with a probability of POWER among so many tests; None if t does not decide."""
        if not self.error:
            return None
        return detectable(self.error, self.df, CHANCE / tests)

    def seeds_needed(self, tests: int) -> int | None:
        """The fewest seeds with which the rank-sum test can show anything, where there were fewer."""
        n = self.difference.n
        if not self.exact or least_p(n, n) * tests < CHANCE:
            return None
        return next(size for size in range(n, MOST_SEEDS) if least_p(size, size) * tests < CHANCE)

    def count_needed(self, tests: int) -> int | None:
        """The fewest worse seeds against none that the rank-sum test shows; None if none suffices or t decides."""
        n = self.difference.n
        if not self.exact or not n:
            return None
        counts = (k for k in range(1, n + 1) if rank_sum_p([1.0] * k + [0.0] * (n - k), [0.0] * n) * tests < CHANCE)
        return next(counts, None)


def table(names: Sequence[str], completed: Sequence[Run], failed: Sequence[Run], key: str) -> np.ndarray:
    """Values of one metric, [M, n]: NaN was not run or not measured, ±∞ failed or has no value, with the worse sign.

    A metric that is neither good nor bad has no worst value: a failed run has none of it.
    """
    seeds = sorted({run.seed for run in (*completed, *failed)})
    better = metric_spec(key).better
    lost = {"higher": -math.inf, "lower": math.inf, None: math.nan}[better]
    values = np.full((len(names), len(seeds)), np.nan)
    rows, columns = ({item: place for place, item in enumerate(items)} for items in (names, seeds))
    for run in failed:
        values[rows[run.name], columns[run.seed]] = lost
    for run in completed:
        empty = lost if key in run.metrics else math.nan
        values[rows[run.name], columns[run.seed]] = run.scalars.get(key, empty)
    return values


def estimates(names: Sequence[str], values_MN: np.ndarray, key: str, num_modes: int | None) -> dict[str, Estimate]:
    """Mean of each name with its 95 % interval, by t on the moderated variance.

    Where seeds failed or fall into two groups, the interval lies between the means of the groups as the exact limits
    of their shares do, a failed run having the metric's worst value; without one there is neither mean nor interval.
    """
    finite_MN = np.where(np.isinf(values_MN), np.nan, values_MN)
    if not np.isfinite(finite_MN).any():
        return {name: Estimate(0) for name in names}
    found = groups(names, values_MN, key)
    mixed = split(finite_MN, metric_spec(key).rounding).mixed
    variance = moderated(np.where(mixed[:, None], np.nan, finite_MN), metric_spec(key).rounding)
    limits = bounds(key, num_modes)
    replaced = worst(key, num_modes, float(np.nanmax(finite_MN)))
    made = {}
    for place, name in enumerate(names):
        row = values_MN[place][~np.isnan(values_MN[place])]
        if name in found:
            made[name] = _of_two_groups(row, found[name], replaced, metric_spec(key).better == "higher")
            continue
        spread = float(variance.value[place]) if len(row) > 1 else 0.0
        half = float(stdtrit(variance.df[place], 0.975)) * math.sqrt(spread / len(row)) if spread > 0 else None
        mean = float(row.mean()) if len(row) else None
        sd = float(row.std(ddof=1)) if len(row) > 1 else None
        ends = (max(mean - half, limits[0]), min(mean + half, limits[1])) if half else (None, None)
        made[name] = Estimate(len(row), mean, sd, *ends)
    return made


def _of_two_groups(row: np.ndarray, found: Groups, replaced: float | None, higher: bool) -> Estimate:
    if replaced is None and found.failed:
        return Estimate(len(row))
    values = np.where(np.isinf(row), replaced, row) if found.failed else row
    mean = float(values.mean())
    sd = float(values.std(ddof=1)) if len(values) > 1 else None
    if not 0 < found.worse < found.n:
        return Estimate(len(values), mean, sd)
    ordered = np.sort(values)[:: 1 if higher else -1]
    bad, good = float(ordered[: found.worse].mean()), float(ordered[found.worse :].mean())
    ends = sorted(good + share * (bad - good) for share in found.limits)
    return Estimate(len(values), mean, sd, *ends)


def groups(names: Sequence[str], values_MN: np.ndarray, key: str) -> dict[str, Groups]:
    """Names with failed seeds or with seeds in two groups."""
    failed_MN = np.isinf(values_MN)
    finite_MN = np.where(failed_MN, np.nan, values_MN)
    parted = split(finite_MN, metric_spec(key).rounding)
    threshold = float(parted.threshold)
    beyond_MN = finite_MN < threshold if metric_spec(key).better == "higher" else finite_MN > threshold
    return {
        name: Groups(
            worse=int((failed_MN | beyond_MN)[place].sum()),
            n=int((~np.isnan(values_MN[place])).sum()),
            threshold=threshold if parted.mixed[place] else None,
            failed=int(failed_MN[place].sum()),
        )
        for place, name in enumerate(names)
        if parted.mixed[place] or failed_MN[place].any()
    }


def comparisons(names: Sequence[str], values_MN: np.ndarray, key: str, num_modes: int | None) -> dict[str, Compared]:
    """Every name but the first against the first."""
    known = metric_spec(key)
    found = compare(values_MN, known.better != "higher", known.rounding, bounds(key, num_modes))
    made = {}
    for place, name in enumerate(names[1:]):
        number = {part: _number(getattr(found, part)[place]) for part in found._fields if part != "split"}
        n = int(found.n[place])
        made[name] = Compared(
            difference=Estimate(n, number["difference"], None, number["low"], number["high"]),
            p=number["p"],
            exact=bool(found.exact[place]),
            share=Estimate(n, number["share"], None, number["share_low"], number["share_high"]),
            worse=(int(found.worse[place]), int(found.worse_baseline[place])),
            error=number["error"],
            df=number["df"],
        )
    return made


def _number(value: np.generic) -> float | None:
    return float(value) if np.isfinite(value) else None
