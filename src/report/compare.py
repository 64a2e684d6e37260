"""The comparison of several names with a baseline in one metric: which test decides, and what it says."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import stdtrit

from src.report.counts import rank_sum_p, share_difference, split
from src.report.statistics import MIN_SEEDS, ROUNDING, UNBOUNDED, Estimate, differences


@dataclass(frozen=True)
class Compared:
    """Names against the baseline in one metric; of several each number is an array [..., M − 1], NaN being "none".

    Attributes:
        difference: mean paired difference over the seeds that both have; no mean where seeds failed or fall into two
            groups.
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
    grouped = (lost.any(-1) | groups.mixed[..., 1:] | groups.mixed[..., :1] | lucky) & pairs.any(-1)
    exact = grouped | (tested & ~(error > 0) & (np.abs(mean) > ROUNDING * scale))
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
