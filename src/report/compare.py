"""Names beside a baseline in one metric: their values by seed, means, groups of seeds, and which test decides what."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import stdtrit

from src.core.metric_specs import metric_spec
from src.report.counts import clopper_pearson, rank_sum_p, share_difference, split
from src.report.records import Run
from src.report.statistics import MIN_SEEDS, ROUNDING, UNBOUNDED, Estimate, differences, moderated


@dataclass(frozen=True)
class Compared:
    """Names against the baseline in one metric; of several each number is an array [..., M − 1], NaN being "none".

    Attributes:
        difference: mean paired difference over the seeds that both have; no mean where seeds failed or fall into two
            groups, no interval where the rank-sum test decides.
        p: two-sided, by t or by the exact rank-sum test; none below MIN_SEEDS pairs.
        exact: whether the rank-sum test decides.
        share: difference of the shares of worse seeds, exact interval, where seeds failed or fall into two groups.
        worse: seeds that failed or lie on the worse side, of the name and of the baseline, among those of both.
        error, df: of the difference, where t decides.
    """

    difference: Estimate
    p: Any
    exact: Any
    share: Estimate
    worse: tuple[Any, Any]
    error: Any
    df: Any

    def of(self, place: int) -> "Compared":
        """One name's numbers, None being "none"."""
        return Compared(**{key: _of(value, place) for key, value in vars(self).items()})


def _of(value: Any, place: int) -> Any:
    if isinstance(value, tuple):
        return tuple(_of(part, place) for part in value)
    if isinstance(value, Estimate):
        return Estimate(*(_of(part, place) for part in vars(value).values()))
    return None if value is None or np.isnan(value[place]) else value[place].item()


def compare(
    values: np.ndarray, lower_is_better: bool, rounding: float = 0.0, bounds: tuple[float, float] = UNBOUNDED
) -> Compared:
    """Paired differences of M names from the first, by t where it is valid, else by an exact rank-sum test.

    The rank-sum test decides where a shared seed of either name failed, where either name's seeds fall into two groups
    (`split`), and where some name's do and the difference is about as wide as the gap between them (0.5 to 1.5 times):
    then it may be two lucky draws. Failed seeds tie for the worst. It also decides where no value has any spread.

    Args:
        values: [..., M, n]; NaN was not run, an infinite value is a failed seed, with the sign of what is worse.
        rounding: variance that a value owes to being a count.
        bounds: what is possible for the metric.
    """
    failed = np.isinf(values)
    finite = np.where(failed, np.nan, values)
    groups = split(finite, rounding)
    threshold = groups.threshold[..., None, None]
    beyond = finite > threshold if lower_is_better else finite < threshold
    pairs = ~np.isnan(values[..., 1:, :]) & ~np.isnan(values[..., :1, :])
    lost = (failed[..., 1:, :] | failed[..., :1, :]) & pairs
    steady = np.where(groups.mixed[..., None], np.nan, finite)  # two groups would pass for a large variance
    _, mean, error, df, p = differences(steady, rounding)
    scale = np.where(np.isfinite(values), np.abs(values), 0).max((-2, -1))[..., None]
    jumps = np.abs(mean)[..., None] / groups.gap[..., None, :]
    lucky = ((jumps > 0.5) & (jumps < 1.5)).any(-1)
    tested = pairs.sum(-1) >= MIN_SEEDS
    grouped = (lost.any(-1) | groups.mixed[..., 1:] | groups.mixed[..., :1]) & pairs.any(-1)
    exact = grouped | (lucky & pairs.any(-1)) | (tested & ~(error > 0) & (np.abs(mean) > ROUNDING * scale))
    by_t = tested & ~exact
    half = np.where(by_t, error * stdtrit(np.where(by_t, df, 1), 0.975), np.nan)
    reach = bounds[1] - bounds[0]
    bad = failed | beyond
    worse = tuple((side & pairs).sum(-1) for side in (bad[..., 1:, :], bad[..., :1, :]))
    p = np.where(by_t, np.where(error > 0, p, 1.0), np.nan)
    shares = np.full((3, *p.shape), np.nan)
    for place in zip(*np.nonzero(exact & tested), strict=True):
        both = values[place[:-1]][[place[-1] + 1, 0]][:, pairs[place]]
        p[place] = rank_sum_p(*both)
        if grouped[place]:
            shares[:, *place] = share_difference(*((int(side[place]), both.shape[1]) for side in worse))
    n, ends = pairs.sum(-1), (np.maximum(mean - half, -reach), np.minimum(mean + half, reach))
    return Compared(
        difference=Estimate(n, np.where(grouped, np.nan, mean), None, *ends),
        p=p,
        exact=exact,
        share=Estimate(n, shares[0], None, *shares[1:]),
        worse=worse,
        error=np.where(by_t, error, np.nan),
        df=np.where(by_t, df, np.nan),
    )


@dataclass(frozen=True)
class Groups:
    """How many of a name's seeds failed or lie on the worse side of the gap between two groups of values.

    `threshold` is None where runs failed and the values of the others are of one group.
    """

    worse: int
    n: int
    threshold: float | None
    failed: int


def table(names: Sequence[str], completed: Sequence[Run], failed: Sequence[Run], key: str) -> np.ndarray:
    """Values of one metric, [M, n]: NaN was not run or not measured, ±∞ failed or has no value, with the worse sign.

    A metric that is neither good nor bad has no worst value: a failed run has none of it. A level that the decoder does
    not see has no usage, which is no failure.
    """
    seeds = sorted({run.seed for run in (*completed, *failed)})
    lost = {"higher": -math.inf, "lower": math.inf, None: math.nan}[metric_spec(key).better]
    values = np.full((len(names), len(seeds)), np.nan)
    for run in (*failed, *completed):
        missing = lost if run.failed or (key in run.metrics and not key.startswith("usage_")) else math.nan
        value = missing if run.failed else run.scalars.get(key, missing)
        values[names.index(run.name), seeds.index(run.seed)] = value
    return values


def estimates(names: Sequence[str], values_MN: np.ndarray, key: str, num_modes: int | None) -> dict[str, Estimate]:
    """Mean of each name with its 95 % interval, by t on the moderated variance.

    Where seeds failed or fall into two groups, the interval lies between the means of the groups as the exact limits
    of their shares do, a failed run having the metric's worst value; without one there is neither mean nor interval.
    """
    spec, finite_MN = metric_spec(key), np.where(np.isinf(values_MN), np.nan, values_MN)
    if not np.isfinite(finite_MN).any():
        return {name: Estimate(0) for name in names}
    grouped = groups(names, values_MN, key)
    mixed = np.array([name in grouped and grouped[name].threshold is not None for name in names])
    variance = moderated(np.where(mixed[:, None], np.nan, finite_MN), spec.rounding)
    least, most = spec.bounds(num_modes)
    worst = spec.worst(num_modes, float(np.nanmax(finite_MN)))
    made = {}
    for place, name in enumerate(names):
        row = values_MN[place][~np.isnan(values_MN[place])]
        failed = np.isinf(row)
        if not len(row) or (worst is None and failed.any()):
            made[name] = Estimate(len(row))
            continue
        row = np.where(failed, worst, row).astype(float)
        mean, sd = float(row.mean()), float(row.std(ddof=1)) if len(row) > 1 else None
        spread = float(variance.value[place]) if len(row) > 1 else 0.0
        ends = (None, None)
        if name in grouped:
            ends = _between_groups(row, grouped[name], spec.better == "higher")
        elif spread > 0:
            half = float(stdtrit(variance.df[place], 0.975)) * math.sqrt(spread / len(row))
            ends = (max(mean - half, least), min(mean + half, most))
        made[name] = Estimate(len(row), mean, sd, *ends)
    return made


def _between_groups(row: np.ndarray, of: Groups, higher: bool) -> Sequence[float | None]:
    if not 0 < of.worse < of.n:
        return None, None
    ordered = np.sort(row)[:: 1 if higher else -1]
    bad, good = float(ordered[: of.worse].mean()), float(ordered[of.worse :].mean())
    return sorted(good + share * (bad - good) for share in clopper_pearson(of.worse, of.n))


def groups(names: Sequence[str], values_MN: np.ndarray, key: str) -> dict[str, Groups]:
    """Names with failed seeds or with seeds in two groups."""
    failed_MN, spec = np.isinf(values_MN), metric_spec(key)
    finite_MN = np.where(failed_MN, np.nan, values_MN)
    parted = split(finite_MN, spec.rounding)
    threshold = float(parted.threshold)
    worse_MN = failed_MN | (finite_MN < threshold if spec.better == "higher" else finite_MN > threshold)
    counts = zip(worse_MN.sum(1), (~np.isnan(values_MN)).sum(1), parted.mixed, failed_MN.sum(1), strict=True)
    return {
        name: Groups(int(worse), int(n), threshold if mixed else None, int(failed))
        for name, (worse, n, mixed, failed) in zip(names, counts, strict=True)
        if mixed or failed
    }


def comparisons(names: Sequence[str], values_MN: np.ndarray, key: str, num_modes: int | None) -> dict[str, Compared]:
    """Every name but the first against the first."""
    spec = metric_spec(key)
    result = compare(values_MN, spec.better != "higher", spec.rounding, spec.bounds(num_modes))
    return {name: result.of(place) for place, name in enumerate(names[1:])}
