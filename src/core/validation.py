"""Validators for numeric options."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Range:
    """A range of numbers: its description and a predicate."""

    words: str
    holds: Callable[[float], bool]

    def check(self, key: str, value: Any) -> None:
        """Raises: ValueError: the value is no such number."""
        number = is_number(value) and math.isfinite(value)
        if not (number and self.holds(value)):
            whole = number and value == round(value) and self.holds(round(value))  # of 1e5 Hydra makes 100000.0
            raise ValueError(f"{key}={value}: choose {self.words}{f'; write {round(value)}' if whole else ''}")


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


SHARE = Range("a share above 0, at most 1", lambda value: 0 < value <= 1)
PART = Range("a number from 0 to 1", lambda value: 0 <= value <= 1)
NOT_NEGATIVE = Range("a number of at least 0", lambda value: value >= 0)
POSITIVE = Range("a number above 0", lambda value: value > 0)
COUNT = Range("a whole number of at least 1", lambda value: isinstance(value, int) and value >= 1)
SEVERAL = Range("a whole number of at least 2", lambda value: isinstance(value, int) and value >= 2)
SAMPLES = Range("a whole number of at least 10", lambda value: isinstance(value, int) and value >= 10)
SEED = Range("a whole number from 0 to 4294967295", lambda value: isinstance(value, int) and 0 <= value < 2**32)
