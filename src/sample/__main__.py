"""`python -m src.sample RUN key=value…`: draws samples from a finished run's checkpoint."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from src.core.console import make_output_lossy
from src.core.errors import USER_ERRORS, message
from src.core.files import expanded, user_path
from src.evaluation import image_grids
from src.sample.drum_bars import NUM_BARS, play
from src.sample.rebuilding import picture_of, restored

NUM_IMAGES = 160
NUM_POINTS = 2000
BPM = 110
EXAMPLE = "python -m src.sample RUN style=jazz bars=8 bpm=110"


def _modules(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


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
    "seed": Option(int, "a whole number", 0, "of the noise: 0"),
    "checkpoint": Option(str, "last or best", "last", "last, or best by the recipe's monitor"),
    "out": Option(user_path, "FILE.png", None, "the picture, for drums MIDI and sound beside it: in RUN/samples/"),
    "bars": Option(int, "a whole number", None, f"one track of so many bars on one z_high: {NUM_BARS}", True),
    "style": Option(str, "a style of the data", None, "of such a track", True),
    "bpm": Option(float, "a number", BPM, f"tempo: {BPM}", True),
    "swing": Option(float, "a number", 0.0, "from 0, straight, by 0.33, a triplet feel, to 0.5: 0", True),
    "trust": Option(
        _modules, "modules, separated by commas", (), "of your own, whose networks the run's record may build"
    ),
    "data.root": Option(expanded, "a folder", None, "of the data that a style is looked up in", True),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit status: 0 when the samples were written, 1 after a user error."""
    listed = "\n".join(f"  {name + '=':<12}{option.help}" for name, option in OPTIONS.items())
    parser = argparse.ArgumentParser(
        prog="python -m src.sample",
        description="Draws samples from a run's checkpoint, of drums also as MIDI and sound.",
        epilog=f"keys with their defaults:\n{listed}\n\nexample: {EXAMPLE}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", type=user_path, metavar="RUN", help="folder of a finished run")
    parser.add_argument("words", nargs="*", metavar="key=value", help="see below")
    options = parser.parse_args(arguments)
    try:
        files = draw(options.run, parsed(options.words))
    except USER_ERRORS as error:
        print(f"error: {message(error)}", file=sys.stderr)
        return 1
    print(*files, sep="\n")
    return 0


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
    if "num" in chosen and track:
        raise ValueError(f"num={chosen['num']} {track[0]}={chosen[track[0]]}: num= draws single bars, not a track")
    return chosen


def draw(run: Path, chosen: Mapping[str, Any]) -> list[Path]:
    """Returns the files written."""
    options = {name: option.default for name, option in OPTIONS.items()} | chosen
    model = restored(run, options["checkpoint"], options["trust"])
    if not options["out"]:
        (run / "samples").mkdir(exist_ok=True)  # a copy of a run may lack it
    if model.spec.kind == "drums":
        return play(model, run, options)
    for name, value in chosen.items():
        if OPTIONS[name].drums:
            raise ValueError(f"{name}={value}: for drums only, and the run drew {model.spec.name}; leave it out")
    points = model.spec.kind == "points"
    num = options["num"] or (NUM_POINTS if points else NUM_IMAGES)
    samples = model.sample(num, options["seed"])
    out = options["out"] or run / "samples" / f"drawn_{options['seed']}.png"
    image_grids.save(picture_of(samples, model.spec), out)
    return [out]


if __name__ == "__main__":
    make_output_lossy()
    sys.exit(main())
