"""The options of `python -m src.sample`, checked before anything heavy is imported."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from src.core.commands import CONFIGURATION
from src.core.files import shell_expanded, user_path

REJECTIONS = sorted(path.stem for path in (CONFIGURATION / "evaluator.rejection").glob("*.yaml") if path.stem != "none")
NUM_IMAGES = 160
NUM_BARS, MAX_BARS = 16, 256
NUM_POINTS = 2000
BPM = 110


def _modules(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _rejection(text: str) -> str:
    if text not in REJECTIONS:
        raise ValueError
    return text


class Option(NamedTuple):
    convert: Callable[[str], Any]
    expected: str  # in error messages
    default: Any
    help: str
    drums: bool = False  # for drums only


OPTIONS = {
    "num": Option(
        int, "a whole number", None, f"how many: {NUM_IMAGES} images, {NUM_BARS} bars or {NUM_POINTS} points"
    ),
    "class": Option(str, "a class of the data", None, "of the samples, under gan.conditional: drawn like the data's"),
    "rejection": Option(
        _rejection,
        " or ".join(REJECTIONS),
        None,
        f"samples that a GAN's discriminator accepts: {', '.join(REJECTIONS)}",
    ),
    "seed": Option(int, "a whole number", 0, "of the noise: 0"),
    "checkpoint": Option(str, "last or best", "last", "last, or best by the recipe's monitor"),
    "out": Option(user_path, "FILE.png", None, "the picture, for drums MIDI and sound beside it: in RUN/samples/"),
    "bars": Option(
        int, "a whole number", None, f"one track of so many bars on one z_high, the top level: {NUM_BARS}", True
    ),
    "style": Option(str, "a style of the data", None, "of such a track", True),
    "bpm": Option(float, "a number", BPM, f"tempo: {BPM}", True),
    "swing": Option(float, "a number", 0.0, "from 0, straight, by 0.33, a triplet feel, to 0.5: 0", True),
    "trust": Option(
        _modules, "modules, separated by commas", (), "of your own, whose networks the run's record may build"
    ),
    "data.root": Option(shell_expanded, "a folder", None, "of the data, for style= and rejection="),
}


def parsed(words: Sequence[str]) -> dict[str, Any]:
    """The chosen values by key.

    Raises:
        ValueError: a word that is not key=value, or an invalid value.
    """
    chosen = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or name not in OPTIONS:
            raise ValueError(f"{word}: give key=value, the keys are {', '.join(OPTIONS)}")
        if not value:
            raise ValueError(f"{word}: choose {OPTIONS[name].expected}")
        try:
            chosen[name] = OPTIONS[name].convert(value)
        except ValueError as error:
            raise ValueError(f"{word}: choose {OPTIONS[name].expected}") from error
    for name in ("num", "bars"):
        if chosen.get(name, 1) < 1:
            raise ValueError(f"{name}={chosen[name]}: draw at least one")
    if chosen.get("checkpoint") not in (None, "last", "best"):
        raise ValueError(f"checkpoint={chosen['checkpoint']}: choose last or best")
    if "out" in chosen and chosen["out"].suffix != ".png":
        raise ValueError(f"out={chosen['out']}: name the picture, FILE.png; MIDI and sound are written beside it")
    track = [name for name in ("bars", "style") if name in chosen]
    for name in ("class", *track):
        if "rejection" in chosen and name in chosen:
            raise ValueError(f"rejection={chosen['rejection']} {name}={chosen[name]}: choose one of them")
    if "class" in chosen and track:
        raise ValueError(f"class={chosen['class']} {track[0]}={chosen[track[0]]}: a track has a style; give style=")
    if "num" in chosen and track:
        raise ValueError(f"num={chosen['num']} {track[0]}={chosen[track[0]]}: num= draws single bars, not a track")
    return chosen
