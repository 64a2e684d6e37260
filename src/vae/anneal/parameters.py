"""What annealers take from a user: numbers in a range, one for both levels or one for each."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from src.vae.latents import LEVELS

PerLevel = float | Mapping[str, float]
"""As a user gives it: one number for both levels, or `{high: …, low: …}`."""


@dataclass(frozen=True)
class Range:
    """Which numbers make sense, in words and as a test."""

    words: str
    holds: Callable[[float], bool]

    def check(self, key: str, value: Any) -> None:
        """Raises: ValueError: the value is no such number."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError(f"{key}={value}: choose {self.words}")
        if not self.holds(value):
            raise ValueError(f"{key}={value}: choose {self.words}")


SHARE = Range("a share of the run above 0, at most 1", lambda value: 0 < value <= 1)
PART = Range("a number from 0 to 1", lambda value: 0 <= value <= 1)
NOT_NEGATIVE = Range("a number of at least 0", lambda value: value >= 0)
POSITIVE = Range("a number above 0", lambda value: value > 0)
COUNT = Range("a whole number of at least 1", lambda value: isinstance(value, int) and value >= 1)


def per_level(key: str, value: PerLevel, fits: Range) -> tuple[float, float]:
    """The value for z_high and the one for z_low.

    Raises:
        ValueError: it names other levels, or one of them is out of range.
    """
    if not isinstance(value, Mapping):
        fits.check(key, value)
        return value, value
    if set(value) != set(LEVELS):
        raise ValueError(f"{key}={dict(value)}: give one number, or one for each of {' and '.join(LEVELS)}")
    for level in LEVELS:
        fits.check(f"{key}.{level}", value[level])
    return value["high"], value["low"]
