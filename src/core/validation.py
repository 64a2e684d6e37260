"""Validators of options."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from src.core.plain_data import is_number


@dataclass(frozen=True)
class Kind:
    """A kind of value: its description and a predicate."""

    words: str
    holds: Callable[[Any], bool]

    def check(self, key: str, value: Any) -> None:
        """Raises: ValueError: the value is of another kind."""
        if not self.holds(value):
            # Of 1e5 Hydra makes 100000.0.
            whole = isinstance(value, float) and value.is_integer() and self.holds(int(value))
            raise ValueError(f"{key}={value}: choose {self.words}{f'; write {int(value)}' if whole else ''}")


class Range(Kind):
    """Finite numbers for which the predicate holds."""

    def __init__(self, words: str, holds: Callable[[float], bool]):
        super().__init__(words, lambda value: is_number(value) and holds(value))


SHARE = Range("a share above 0, at most 1", lambda value: 0 < value <= 1)
PART = Range("a number from 0 to 1", lambda value: 0 <= value <= 1)
NOT_NEGATIVE = Range("a number of at least 0", lambda value: value >= 0)
POSITIVE = Range("a number above 0", lambda value: value > 0)
COUNT = Range("a whole number of at least 1", lambda value: isinstance(value, int) and value >= 1)
SEVERAL = Range("a whole number of at least 2", lambda value: isinstance(value, int) and value >= 2)
SAMPLES = Range("a whole number of at least 10", lambda value: isinstance(value, int) and value >= 10)
SEED = Range("a whole number from 0 to 4294967295", lambda value: isinstance(value, int) and 0 <= value < 2**32)
