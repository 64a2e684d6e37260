"""Checks what results.json says before a report relies on it: a run with impossible values is damaged."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from src.core.plain_data import clean

MOST_ENTRIES = 20_000  # of a list or a mapping
MOST_KEYS = 1_000  # of metrics
LONGEST_NAME = 300  # characters
MOST_MODES = 10_000_000
# Metrics that count something, and those of which there is at least one.
COUNTS = ("modes", "modes_any", "num_samples", "num_held_out", "importance_samples", "active_high", "active_low")
SHARES = ("recognisable", "validity", "style_accuracy", "top_share", "oracle_accuracy", "oracle_accuracy_k")


def require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)


def name(value: Any, key: str) -> str:
    require(isinstance(value, str), f"{key} is missing")
    require(bool(text := clean(value, LONGEST_NAME)), f"{key} is empty")
    return text


def text(value: Any) -> str | None:
    """A short text, or None for anything else that is not a number."""
    return clean(str(value)) if isinstance(value, str | int | float) else None


def whole(value: Any, key: str, least: int = 0, most: int = 2**53) -> int:
    holds = isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
    require(holds, f"{key} is {shown(value)}: expected a whole number from {least}")
    return value


def real(value: Any, key: str, least: float = -math.inf, most: float = math.inf) -> float | None:
    """A number within limits; None where there is none."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    require(least <= value <= most, f"{key} is {shown(value)}: expected a number from {least:g} to {most:g}")
    return value


def seed(value: Any) -> int | None:
    known = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63
    return value if known else None


def metrics(record: Any, key: str) -> dict[str, Any]:
    """Numbers, texts, and lists and mappings of them, by name; of other values nothing is left."""
    require(isinstance(record, dict), f"{key} is not a mapping")
    require(len(record) <= MOST_KEYS, f"{key} has more than {MOST_KEYS:,} entries")
    found = {clean(name, LONGEST_NAME): _plain(value, f"{key}.{clean(name, 50)}") for name, value in record.items()}
    for count in COUNTS:
        real(found.get(count), f"{key}.{count}", least=0, most=MOST_MODES)
    for share in SHARES:
        real(found.get(share), f"{key}.{share}", least=0, most=1)
    modes, missing = found.get("modes"), found.get("missing")
    if real(modes, f"{key}.modes") is not None and isinstance(missing, list):
        require(modes + len(missing) >= 1, f"{key} has no modes, neither covered nor missing")
    return found


def mappings(record: Any, key: str, check: Callable[[Any, str], Any]) -> dict[str, Any]:
    """A mapping by name, each entry checked."""
    require(isinstance(record, dict), f"{key} is not a mapping of mappings")
    require(len(record) <= MOST_KEYS, f"{key} has more than {MOST_KEYS:,} entries")
    return {clean(name, LONGEST_NAME): check(value, f"{key}.{clean(name, 50)}") for name, value in record.items()}


def onset(record: Any) -> float | dict[str, float | None] | None:
    if isinstance(record, dict):
        return mappings(record, "onset", lambda value, key: real(value, key, least=0))
    return real(record, "onset", least=0)


def texts(record: Any, key: str) -> tuple[str, ...]:
    require(isinstance(record, list | tuple) and len(record) <= MOST_ENTRIES, f"{key} is not a list of texts")
    return tuple(clean(str(entry), LONGEST_NAME) for entry in record)


def versions(record: Any) -> Mapping[str, str] | None:
    return mappings(record, "versions", lambda value, key: clean(str(value), 100)) if isinstance(record, dict) else None


def _plain(value: Any, key: str) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        require(len(value) <= MOST_ENTRIES, f"{key} has more than {MOST_ENTRIES:,} entries")
        return {clean(name, LONGEST_NAME): _plain(entry, key) for name, entry in value.items()}
    if isinstance(value, list):
        require(len(value) <= MOST_ENTRIES, f"{key} has more than {MOST_ENTRIES:,} entries")
        return [_plain(entry, key) for entry in value]
    return value


def shown(value: Any) -> str:
    return clean(str(value), 50)
