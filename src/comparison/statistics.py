"""Means and differences with the interval that the number of seeds allows."""

import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from scipy.special import stdtrit

MIN_SEEDS = 3


@dataclass(frozen=True)
class Estimate:
    """Mean of n values with its 95 % interval; sd, low and high are None below two values."""

    n: int
    mean: float | None = None
    sd: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def excludes_zero(self) -> bool:
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def estimate(values: Iterable[float]) -> Estimate:
    """Mean, sample standard deviation and 95 % interval from Student's t with n − 1 degrees of freedom."""
    sample = [float(value) for value in values]
    n = len(sample)
    if n == 0:
        return Estimate(0)
    mean = statistics.fmean(sample)
    if n == 1:
        return Estimate(1, mean)
    sd = statistics.stdev(sample)
    half_width = float(stdtrit(n - 1, 0.975)) * sd / math.sqrt(n)
    return Estimate(n, mean, sd, mean - half_width, mean + half_width)


def paired_differences(treated: Mapping[int, float], baseline: Mapping[int, float]) -> dict[int, float]:
    """treated − baseline for every seed that both have, by seed."""
    return {seed: treated[seed] - baseline[seed] for seed in sorted(treated.keys() & baseline.keys())}
