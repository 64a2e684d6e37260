"""Validators of options."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from src.core.plain_data import is_number

Number = TypeVar("Number", int, float)
BY_NAME = ("gan.loss", "gan.tricks", "gan.update", "vae.anneal")  # groups of conf/ whose entries are classes by name
WORD = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z0-9])(?=[A-Z][a-z])")  # where one begins in a class's name


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
BELOW_ONE = Range("a number from 0 to less than 1", lambda value: 0 <= value < 1)
NOT_NEGATIVE = Range("a number of at least 0", lambda value: value >= 0)
POSITIVE = Range("a number above 0", lambda value: value > 0)
COUNT = Range("a whole number of at least 1", lambda value: isinstance(value, int) and value >= 1)
SEVERAL = Range("a whole number of at least 2", lambda value: isinstance(value, int) and value >= 2)
SAMPLES = Range("a whole number of at least 10", lambda value: isinstance(value, int) and value >= 10)
SEED = Range("a whole number from 0 to 4294967295", lambda value: isinstance(value, int) and 0 <= value < 2**32)


class Choice:
    """Base of classes that a group of conf/ offers, which name themselves in messages.

    Attributes:
        option_group: of conf/.
        name: of the choice, the class's name in snake case unless it says otherwise.
    """

    option_group: ClassVar[str]
    name: str

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        if "name" not in vars(cls):
            cls.name = WORD.sub("_", cls.__name__).lower()

    def __str__(self) -> str:
        return f"{self.option_group}={self.name}"

    @property
    def key(self) -> str:
        """Under which the configuration has its parameters."""
        return f"{self.option_group}.{self.name}" if self.option_group in BY_NAME else self.option_group

    def number(self, parameter: str, value: Number, fits: Kind) -> Number:
        """The value of a parameter. Raises: ValueError: it does not fit."""
        fits.check(f"{self.key}.{parameter}", value)
        return value
