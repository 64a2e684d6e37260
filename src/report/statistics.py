"""Means and paired differences with intervals from a variance that is moderated over names.

Shapes: M names, the first of them the baseline, n seeds; leading dimensions are independent studies. NaN is a seed
that was not run.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import NamedTuple

import numpy as np
from scipy.special import fdtrc, stdtr, stdtrit

from src.core.metric_specs import UNBOUNDED
from src.core.multiple_tests import CHANCE

MIN_SEEDS = 3
POWER = 0.8
CAUTION = 3.0  # over M: added to the estimated spread of the names' variances, which few names underestimate
OUTLYING = 0.05  # of the F test by which a name's variance is too large for the others' to speak for it
MOST_TURNS = 200  # of centring names and seeds, which one turn does where all names have all seeds
ROUNDING = 1e-12  # relative; values that differ by less do not differ


@dataclass(frozen=True)
class Significance:
    """p of one test, alone and after Holm's correction for the `tests` of its family."""

    p: float
    corrected: float
    tests: int

    @property
    def holds(self) -> bool:
        return self.corrected < CHANCE


@dataclass(frozen=True)
class Estimate:
    """Mean of n values with its 95 % interval; None is what n values cannot give."""

    n: int
    mean: float | None = None
    sd: float | None = None
    low: float | None = None
    high: float | None = None


def estimate(values: Iterable[float], bounds: tuple[float, float] = UNBOUNDED) -> Estimate:
    """Mean, standard deviation and 95 % interval of one sample alone, by Student's t; cut off at `bounds`.

    Values without spread do not tell how far their mean can be trusted: they have no interval.
    """
    sample = [*map(float, values)]
    n = len(sample)
    if n < 2:
        return Estimate(n, sample[0] if sample else None)
    mean, sd = fmean(sample), stdev(sample)
    if sd <= ROUNDING * abs(mean):
        return Estimate(n, mean, 0.0)
    half = float(stdtrit(n - 1, 0.975)) * sd / math.sqrt(n)
    return Estimate(n, mean, sd, max(mean - half, bounds[0]), min(mean + half, bounds[1]))


class Variance(NamedTuple):
    """Variance of one value of each name and the degrees of freedom behind it, each [..., M]."""

    value: np.ndarray
    df: np.ndarray


def moderated(values: np.ndarray, rounding: float = 0.0, blocks: bool = False) -> Variance:
    """Variance of each name, shrunk towards the mean over names (empirical Bayes, after Smyth 2004).

    s̃² = (d₀ s̄² + d s²) / (d₀ + d) with d + d₀ degrees of freedom, at most those of the pooled variance, D / (1 + c).
    The prior's d₀ is 2 / (c + CAUTION/M), where c is the squared coefficient of variation of the true variances, by
    moments: equally variable names are pooled, others keep their own. A name whose variance is larger than the others'
    by an F test at OUTLYING is not shrunk (as Phipson et al. 2016 do). Values that are all alike, as at the floor or
    the ceiling of a metric, say nothing of the spread: their name has the others'.

    Args:
        values: [..., M, n].
        rounding: least variance of a value, 1/12 for counts.
        blocks: take out what all names share in a seed first, which costs one degree of freedom in as many as have it.
    """
    values = _without_lone(values) if blocks else values
    known = np.isfinite(values)
    count = known.sum(-1)
    spread = np.where(known, values, -np.inf).max(-1) > np.where(known, values, np.inf).min(-1)
    lost = np.ones(count.shape)
    if blocks:
        sharing = np.maximum(known.sum(-2, keepdims=True), 1)
        lost = np.where(known, 1 - 1 / sharing, 0).sum(-1) / np.maximum(count, 1)
        values = _centred(values)
    own_df = np.where(spread | ~spread.any(-1, keepdims=True), np.maximum(count - 1, 0), 0).astype(float)
    names = np.maximum((own_df > 0).sum(-1, keepdims=True), 1).astype(float)
    squares = (np.where(known, values - _mean(values, -1), 0) ** 2).sum(-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        own = np.where((own_df > 0) & (lost > 0), np.maximum(squares / own_df / lost, rounding), np.nan)
        df = own_df.sum(-1, keepdims=True)
        pooled = np.nansum(own * own_df, -1, keepdims=True) / df
        typical_df = df / names
        total_df = np.maximum((own_df * lost).sum(-1, keepdims=True), own_df.max(-1, keepdims=True))
        varies = np.nansum(np.where(own_df > 0, own - pooled, 0) ** 2, -1, keepdims=True) / (names - 1) / pooled**2
        unequal = np.maximum((varies - 2 / typical_df) / (1 + 2 / typical_df), 0)
        unequal = np.nan_to_num(unequal, posinf=0.0)
        prior_df = 2 / (unequal + CAUTION / names)
        others = (pooled * df - own * own_df) / (df - own_df)
        outlying = fdtrc(own_df, np.maximum(total_df - own_df, 1), own / others) < OUTLYING
        prior_df = np.where(outlying & (names > 2), 0, prior_df)
        value = (prior_df * pooled + own_df * np.nan_to_num(own)) / (prior_df + own_df)
    df = np.maximum(prior_df + own_df, np.maximum(count - 1, 0))
    return Variance(value, np.minimum(df, np.maximum(total_df / (1 + unequal), 1)))


def _mean(values: np.ndarray, axis: int) -> np.ndarray:
    known = np.isfinite(values)
    total = np.where(known, values, 0).sum(axis, keepdims=True)
    return total / np.maximum(known.sum(axis, keepdims=True), 1)


def _without_lone(values: np.ndarray) -> np.ndarray:
    """NaN where a seed has one name, or a name one seed, until none is left: neither says anything of the spread."""
    while True:
        known = np.isfinite(values)
        lone = known & ((known.sum(-2, keepdims=True) < 2) | (known.sum(-1, keepdims=True) < 2))
        if not lone.any():
            return values
        values = np.where(lone, np.nan, values)


def _centred(values: np.ndarray) -> np.ndarray:
    """Residuals of the least-squares fit of an effect per name and one per seed, by centring both in turn."""
    scale = np.where(np.isfinite(values), np.abs(values), 0).max(initial=0.0)
    for _ in range(MOST_TURNS):
        values = values - _mean(values, -1)
        shared = _mean(values, -2)
        values = values - shared
        if np.abs(shared).max(initial=0.0) <= ROUNDING * scale:
            break
    return values


class Differences(NamedTuple):
    """Of every name but the first from the first, each [..., M − 1]: mean, standard error, degrees of freedom, p."""

    n: np.ndarray
    mean: np.ndarray
    error: np.ndarray
    df: np.ndarray
    p: np.ndarray


def differences(values: np.ndarray, rounding: float = 0.0) -> Differences:
    """Paired differences from the first name, tested by t on the moderated variances of both.

    Seeds are blocks: what all names share in a seed is taken out first. Two names alone give the paired t-test. The
    degrees of freedom are Welch's and Satterthwaite's for the sum of two variances.
    """
    baseline, others = values[..., :1, :], values[..., 1:, :]
    known = np.isfinite(values)
    variance = moderated(values, rounding, blocks=True)
    pairs = np.isfinite(others - baseline)
    n = pairs.sum(-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(pairs, others - baseline, 0).sum(-1) / np.where(n, n, np.nan)
        theirs, ours = variance.value[..., 1:], variance.value[..., :1]
        both = theirs + ours
        most = np.maximum(variance.df.max(-1, keepdims=True), 1)
        df = both**2 / (theirs**2 / variance.df[..., 1:] + ours**2 / variance.df[..., :1])
        df = np.clip(df, 1, most)
        error = np.sqrt(both / n)
        error = np.where(error > ROUNDING * np.where(known, np.abs(values), 0).max((-2, -1))[..., None], error, 0)
        p = np.where(error > 0, 2 * stdtr(df, -np.abs(mean) / error), np.nan)
    return Differences(n, mean, error, df, p)


def detectable(error: float, df: float, level: float) -> float:
    """The true difference that a two-sided t-test at this level shows with a probability of POWER."""
    return error * float(stdtrit(df, 1 - level / 2) + stdtrit(df, POWER))


def bare_p(value: float) -> str:
    """As in a table's column p: "0.012"."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}" if value < 0.1 else f"{value:.2f}"


def p_text(value: float) -> str:
    """As in "p = 0.012"."""
    return f"p {'= ' * (value >= 0.001)}{bare_p(value)}"
