"""What a run was composed to, as far as it bears on what is trained and how that is measured."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from src.core.plain_data import clean
from src.core.run_names import NOT_PART_OF_A_NAME, concerns

MOST, LONGEST = 2_000, 200  # settings of a run, and characters of one

NO_SETTINGS = (*NOT_PART_OF_A_NAME, "study", "callbacks", "compile")


def settings(config: Mapping[str, Any]) -> dict[str, str]:
    """Values by key, as text without spaces; what is interpolated stands elsewhere among them, but for the budget."""
    found = dict(islice(_leaves(config), MOST))
    if found.get("budget") == "${study.budget}":
        found["budget"] = found.get("study.budget", "")
    return {key: text for key, text in found.items() if "${" not in text and not concerns(key, NO_SETTINGS)}


def _leaves(node: Any, key: str = "") -> Iterator[tuple[str, str]]:
    if not isinstance(node, dict):
        yield clean(key, LONGEST), "".join(clean(str(node), LONGEST).split())
        return
    for name, below in node.items():
        yield from _leaves(below, f"{key}.{name}" if key else str(name))
