"""The comparison of several names with a baseline in one metric: which test decides, and what it says."""

from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit

from src.report.counts import Split, rank_sum_p, share_difference, split
from src.report.statistics import MIN_SEEDS, ROUNDING, UNBOUNDED, differences


class Comparison(NamedTuple):
    """Every name but the first against the first, each [..., M − 1] unless said otherwise; NaN is "none".

    Attributes:
        n: seeds that both have.
        difference, low, high: mean paired difference with its 95 % interval, where seeds do not fall into two groups.
        p: two-sided, by t or by the exact rank-sum test; NaN below MIN_SEEDS pairs.
        exact: whether the rank-sum test decides.
        worse, worse_baseline: shared seeds that failed or lie on the worse side of the split.
        share, share_low, share_high: difference of their shares, exact interval, where seeds fall into two groups.
        error, df: of the difference, where t decides.
        split: whether and where values fall into two groups.
    """

    n: np.ndarray
    difference: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p: np.ndarray
    exact: np.ndarray
    worse: np.ndarray
    worse_baseline: np.ndarray
    share: np.ndarray
    share_low: np.ndarray
    share_high: np.ndarray
    error: np.ndarray
    df: np.ndarray
    split: Split


def compare(
    values: np.ndarray, lower_is_better: bool, rounding: float = 0.0, bounds: tuple[float, float] = UNBOUNDED
) -> Comparison:
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
    worse, worse_baseline = ((side & pairs).sum(-1) for side in (bad[..., 1:, :], bad[..., :1, :]))
    p = np.where(by_t, np.where(error > 0, p, 1.0), np.nan)
    share, share_low, share_high = (np.full(p.shape, np.nan) for _ in range(3))
    for place in zip(*np.nonzero(exact & tested), strict=True):
        both = values[place[:-1]][[place[-1] + 1, 0]][:, pairs[place]]
        p[place] = rank_sum_p(*both)
        if not grouped[place]:
            continue
        counts = ((int(side[place]), both.shape[1]) for side in (worse, worse_baseline))
        share[place], share_low[place], share_high[place] = share_difference(*counts)
    return Comparison(
        n=pairs.sum(-1),
        difference=np.where(grouped, np.nan, mean),
        low=np.maximum(mean - half, -reach),
        high=np.minimum(mean + half, reach),
        p=p,
        exact=exact,
        worse=worse,
        worse_baseline=worse_baseline,
        share=share,
        share_low=share_low,
        share_high=share_high,
        error=np.where(by_t, error, np.nan),
        df=np.where(by_t, df, np.nan),
        split=groups,
    )
