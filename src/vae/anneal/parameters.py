"""What annealers take from a user: numbers in a range, one for both levels or one for each."""

from collections.abc import Mapping

from src.core.validation import Range
from src.vae.latents import LEVELS

PerLevel = float | Mapping[str, float]
"""As a user gives it: one number for both levels, or `{high: …, low: …}`."""


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
