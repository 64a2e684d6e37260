"""Chapters of the report on analyses that only some data allow."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from src.core.levels import OF_TWO, expanded
from src.core.plain_data import read_yaml

TEXTS = read_yaml(Path(__file__).with_suffix(".yaml"))


@dataclass(frozen=True)
class Chapter:
    """A question that runs examine at their end: what they measured for it, and pictures and sounds in samples/.

    The answer is `yes` where the metric `key` exceeds the largest of the metrics `against`, or of the same metric of
    `control` (0 without any), else `no`; `decides` says so. Where there are too many names to show pictures of all, the
    first metric decides of which. Of a sound there is also said what its first bars are, and how many of them to play.
    `levels`: latent levels that it is about, and so the models that have them; empty for a chapter of all.
    """

    heading: str
    key: str
    against: tuple[str, ...]
    yes: str
    no: str
    decides: str
    note: str
    metrics: tuple[str, ...]
    grids: tuple[tuple[str, str], ...] = ()
    sounds: tuple[tuple[str, str, int], ...] = ()
    levels: tuple[str, ...] = ()
    control: str = ""


def music(hierarchies: Sequence[Sequence[str]]) -> tuple[Chapter, ...]:
    """What runs on drum bars examine, for models with each of these lists of latent levels, top level first."""
    several = [levels for levels in hierarchies if len(levels) > 1]
    kinds = (("dimensions", hierarchies), ("hierarchy", several), ("transfer", hierarchies))
    by_levels = [_chapter(name, levels) for name, lists in kinds for levels in lists]
    return *by_levels, _chapter("control"), _chapter("musicality")


def _chapter(name: str, levels: Sequence[str] = ()) -> Chapter:
    """A chapter of metric_topics.yaml, about these latent levels."""
    texts, words = TEXTS[name], _words(levels) if levels else {}
    grids = texts.get("grids", {})
    sounds = ([str(entry).format(**words) for entry in sound] for sound in texts.get("sounds", ()))
    return Chapter(
        **{key: texts[key].format(**words) for key in ("heading", "key", "yes", "no", "decides", "note")},
        against=expanded(texts.get("against", ()), levels[1:]),
        metrics=expanded(texts["metrics"], levels),
        grids=tuple(zip(expanded(grids, levels), expanded(grids.values(), levels), strict=True)),
        sounds=tuple((of, text, int(num)) for of, text, num in sounds),
        levels=tuple(levels),
        control=texts.get("control", ""),
    )


def _words(levels: Sequence[str]) -> dict[str, object]:
    """What the chapters' texts call these levels; labels of metrics call them high and low, z_1, z_2, …"""
    top, *lower = names = [f"z_{level}" for level in levels]
    called = [level if level in OF_TWO else f"z_{level}" for level in levels]
    return {
        "first": levels[0],
        "top": top,
        "lower": " or ".join(lower),
        "called": called[0],
        "Levels": " and ".join(called).capitalize(),
        "of": "" if tuple(levels) == OF_TWO else f", {top} to {names[-1]}",
        "then": "".join(f", then two with one {name}" for name in lower),
        "exchanged": ", and ".join(f"with the target's {name}" for name in names),
        "twice": 2 * len(levels),
        "and_two": 2 + len(levels),
    }


COPIES = _chapter("copies")
