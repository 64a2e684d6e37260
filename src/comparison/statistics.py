"""Means and differences with the interval that the number of seeds allows, and what chance makes of a difference."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from statistics import fmean, stdev

import numpy as np
from scipy.special import stdtr, stdtrit
from scipy.stats import bootstrap, ttest_1samp

from src.metrics.significance import CHANCE, holm

MIN_SEEDS = 3
MIN_BOOTSTRAP = 10  # values; resamples of fewer are too much alike
RESAMPLES = 4999
SEED = 0  # so that a report can be made again
MIN_ALIKE = 6  # values; of fewer that are all alike, chance has as many of one sign once in twenty times or more
ROUNDING = 1e-12  # relative; values that differ by less differ by their rounding


class Interval(StrEnum):
    """How a 95 % interval of a mean was made."""

    STUDENT = "Student's t"
    BCA = "BCa bootstrap"
    COUNTS = "Student's t on the variance of rounding, 1/12, where all counts are alike"
    ALIKE = "of no width, exact by their signs, where six or more values are alike"


@dataclass(frozen=True)
class Estimate:
    """Mean of n values with its 95 % interval.

    All of sd, low, high and interval are None below two values; the last three too where values without spread say
    nothing of how far the mean can be trusted.
    """

    n: int
    mean: float | None = None
    sd: float | None = None
    low: float | None = None
    high: float | None = None
    interval: Interval | None = None

    @property
    def excludes_zero(self) -> bool:
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def estimate(values: Iterable[float], rounding: float = 0.0) -> Estimate:
    """Mean, sample standard deviation and 95 % interval, bias-corrected and accelerated where there are enough values.

    Efron 1987, doi:10.2307/2289144, from MIN_BOOTSTRAP values on; Student's t with n − 1 degrees of freedom below.

    Values that are all alike have no spread to judge by. Counts are known to half a unit: they take the variance of
    their rounding (Sheppard 1898), 1/12 for whole numbers. All others have no interval below MIN_ALIKE values, and one
    of no width from there on: as an interval of the median between the smallest and the largest value it is exact.

    Args:
        rounding: variance that each value owes to its rounding; 0 for what is no count.
    """
    return _estimate(tuple(map(float, values)), rounding)


@cache  # a report asks for the same difference in tables, figures and sentences
def _estimate(sample: tuple[float, ...], rounding: float) -> Estimate:
    n = len(sample)
    if n == 0:
        return Estimate(0)
    mean = fmean(sample)
    if n == 1:
        return Estimate(1, mean)
    if alike(sample):
        return _of_alike(n, mean, rounding)
    sd = stdev(sample)
    if n >= MIN_BOOTSTRAP:
        return Estimate(n, mean, sd, *_bca(sample), Interval.BCA)
    half_width = _half_width(n, sd)
    return Estimate(n, mean, sd, mean - half_width, mean + half_width, Interval.STUDENT)


def _of_alike(n: int, mean: float, rounding: float) -> Estimate:
    if rounding:
        half_width = _half_width(n, math.sqrt(rounding))
        return Estimate(n, mean, 0.0, mean - half_width, mean + half_width, Interval.COUNTS)
    return Estimate(n, mean, 0.0) if n < MIN_ALIKE else Estimate(n, mean, 0.0, mean, mean, Interval.ALIKE)


def _half_width(n: int, sd: float) -> float:
    return float(stdtrit(n - 1, 0.975)) * sd / math.sqrt(n)


def _bca(sample: Sequence[float]) -> tuple[float, float]:
    random = np.random.default_rng(SEED)
    found = bootstrap((sample,), np.mean, n_resamples=RESAMPLES, method="BCa", rng=random).confidence_interval
    return float(found.low), float(found.high)


def alike(sample: Sequence[float]) -> bool:
    """Whether values differ by no more than their last digits: no t-test and no bootstrap has an answer then."""
    return max(sample) - min(sample) <= ROUNDING * max(map(abs, sample))


def intervals(found: Iterable[Estimate]) -> str:
    """How the intervals of several estimates were made, in words; empty where there are none."""
    kinds = {value.interval for value in found} - {None}
    told = [str(kind) for kind in Interval if kind in kinds]
    if {Interval.STUDENT, Interval.BCA} <= kinds:
        told[:2] = [f"{Interval.STUDENT} below {MIN_BOOTSTRAP} values, {Interval.BCA} from there on"]
    return "; ".join(told)


def paired_differences(treated: Mapping[int, float], baseline: Mapping[int, float]) -> dict[int, float]:
    """treated − baseline for every seed that both have, by seed."""
    return {seed: treated[seed] - baseline[seed] for seed in sorted(treated.keys() & baseline.keys())}


@dataclass(frozen=True)
class Significance:
    """p of a paired t-test, two-sided, alone and after Holm's correction for the `tests` of its family."""

    p: float
    corrected: float
    tests: int

    @property
    def holds(self) -> bool:
        return self.corrected < CHANCE


def significances(differences: Mapping[str, Iterable[float]], rounding: float = 0.0) -> dict[str, Significance]:
    """By name, over one family of paired differences; names with fewer than MIN_SEEDS pairs are not tested."""
    samples = {name: tuple(values) for name, values in differences.items()}
    raw = {name: p_value(sample, rounding) for name, sample in samples.items() if len(sample) >= MIN_SEEDS}
    corrected = holm([*raw.values()])
    return {name: Significance(p, own, len(raw)) for (name, p), own in zip(raw.items(), corrected, strict=True)}


def p_value(differences: Sequence[float], rounding: float = 0.0) -> float:
    """Chance of a mean at least as far from 0 if there were no difference, by a t-test.

    Where all differences are alike, a t-test knows nothing: on counts it takes the variance of their rounding, as
    `estimate` does; else it is the exact chance that all have one sign, 2·0.5ⁿ.
    """
    if not alike(differences):
        return float(ttest_1samp(differences, 0).pvalue)
    n, mean = len(differences), fmean(differences)
    if not mean:
        return 1.0
    return 2 * float(stdtr(n - 1, -abs(mean) / math.sqrt(rounding / n))) if rounding else 2 * 0.5**n


def p_text(value: float) -> str:
    """As in "p = 0.012"."""
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}" if value < 0.1 else f"p = {value:.2f}"
