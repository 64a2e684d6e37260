"""Exact tests and intervals for values that fall into two groups, and for runs that failed or did not."""

import math
from collections.abc import Sequence
from functools import cache
from math import comb
from typing import NamedTuple

import numpy as np
from scipy.special import betaincinv

RARE = 0.01  # how often equally noisy normal values would be taken for two groups
TRIES = 2000
SEED = 0  # so that a report can be made again
ROUNDING = 1e-9  # relative; values that differ by less are ties


@cache
def clopper_pearson(count: int, n: int) -> tuple[float, float]:
    """Exact 95 % interval of a probability (Clopper and Pearson 1934)."""
    low = float(betaincinv(count, n - count + 1, 0.025)) if count else 0.0
    return low, float(betaincinv(count + 1, n - count, 0.975)) if count < n else 1.0


@cache
def share_difference(treated: tuple[int, int], baseline: tuple[int, int]) -> tuple[float, float, float]:
    """Difference of two shares with its 95 % interval: the exact limits of both, combined by their squares.

    Zou and Donner 2008 ("MOVER"), with Clopper–Pearson limits in place of Wilson's.

    Args:
        treated, baseline: how many, of how many.
    """
    shares = [count / n for count, n in (treated, baseline)]
    (low, high), (low_0, high_0) = clopper_pearson(*treated), clopper_pearson(*baseline)
    difference = shares[0] - shares[1]
    down = math.hypot(shares[0] - low, high_0 - shares[1])
    up = math.hypot(high - shares[0], shares[1] - low_0)
    return difference, max(difference - down, -1.0), min(difference + up, 1.0)


def rank_sum_p(treated: Sequence[float], baseline: Sequence[float]) -> float:
    """Exact two-sided p of the Wilcoxon–Mann–Whitney rank-sum test, given the ties.

    Infinite values tie with each other. Of two values alone it is Fisher's exact test with the smaller tail doubled.
    """
    both = np.array([*treated, *baseline], float)
    finite = both[np.isfinite(both)]
    scale = ROUNDING * np.abs(finite).max(initial=0.0)
    rounded = np.where(np.isfinite(both), np.round(both / scale) * scale if scale else both, both)
    _, group, sizes = np.unique(rounded, return_inverse=True, return_counts=True)
    doubled = (2 * sizes.cumsum() - sizes + 1)[group]  # twice the mean rank of all that are tied
    chances = _distribution(tuple(sorted(doubled.tolist())), len(treated))
    observed = int(doubled[: len(treated)].sum())
    return min(1.0, 2 * float(min(chances[: observed + 1].sum(), chances[observed:].sum())))


@cache
def _distribution(ranks: tuple[int, ...], size: int) -> np.ndarray:
    """Probability of each sum of `size` of the ranks when all choices are equally likely."""
    ways = np.zeros((size + 1, sum(ranks) + 1))
    ways[0, 0] = 1
    for rank in ranks:
        ways[1:, rank:] += ways[:-1, : ways.shape[1] - rank].copy()
    return ways[size] / comb(len(ranks), size)


def least_p(n: int, m: int) -> float:
    """The smallest p that `rank_sum_p` can have with n and m values."""
    return min(1.0, 2 / comb(n + m, n))


class Split(NamedTuple):
    """Where the values of a study fall into two groups; NaN and False where they do not.

    Attributes:
        threshold: the middle of the gap between the groups, the median over the names that have both, [...].
        gap: its width in each name that has both, [..., M].
        mixed: which names have seeds in both groups, [..., M].
    """

    threshold: np.ndarray
    gap: np.ndarray
    mixed: np.ndarray


def split(values: np.ndarray, rounding: float = 0.0) -> Split:
    """Whether some names fall into two groups, such as seeds that collapse and seeds that do not.

    A name has two groups if the largest gap between its sorted values is wider, in units of the noise within the groups
    (pooled over names), than the widest such gap of as many equally noisy normal names is in all but RARE of cases.

    Args:
        values: [..., M, n], NaN where a seed is missing.
        rounding: variance that a value owes to its rounding, the least noise.
    """
    if values.shape[-1] < 3:
        none = np.full(values.shape[:-1], np.nan)
        return Split(none[..., 0], none, np.zeros(none.shape, bool))
    with np.errstate(invalid="ignore", divide="ignore"):
        gap, noise, middle = _gaps(values, rounding)
        counts = np.isfinite(values).sum(-1)
        limit = _limit(values.shape[-2], int(counts.max(initial=3)))
        least = ROUNDING * np.nanmax(np.abs(values), axis=(-2, -1), initial=0.0)[..., None]
        mixed = (gap > np.maximum(limit * noise, least)) & (counts > 2)
        threshold = np.ma.median(np.ma.array(middle, mask=~mixed), -1)
    return Split(np.ma.filled(threshold, np.nan), np.where(mixed, gap, np.nan), mixed)


def _gaps(values: np.ndarray, rounding: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Largest gap of each name, [..., M]; noise within the two sides, pooled over names, [..., 1]; its middle."""
    ordered = np.sort(values, -1)  # NaN last
    gaps = np.nan_to_num(np.diff(ordered, axis=-1), nan=-1.0)
    place = gaps.argmax(-1)[..., None]
    gap = np.take_along_axis(gaps, place, -1)[..., 0]
    middle = (np.take_along_axis(ordered, place, -1) + np.take_along_axis(ordered, place + 1, -1))[..., 0] / 2
    known = np.isfinite(ordered)
    left = known & (np.arange(ordered.shape[-1]) <= place)
    squares = sum(_squares(ordered, side) for side in (left, known & ~left))
    df = np.maximum(known.sum(-1) - 2, 0)
    pooled = (squares * (df > 0)).sum(-1, keepdims=True) / np.maximum(df.sum(-1, keepdims=True), 1)
    return gap, np.sqrt(np.maximum(pooled, rounding)), middle


def _squares(values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    mean = np.where(chosen, values, 0).sum(-1, keepdims=True) / np.maximum(chosen.sum(-1, keepdims=True), 1)
    return (np.where(chosen, values - mean, 0) ** 2).sum(-1)


@cache
def _limit(names: int, seeds: int) -> float:
    """The widest gap of any name over the noise within its sides that normal values exceed in RARE of cases."""
    normal = np.random.default_rng(SEED).normal(size=(TRIES, names, seeds))
    gap, noise, _ = _gaps(normal, 0.0)
    return float(np.quantile(gap.max(-1) / noise[..., 0], 1 - RARE))
