"""`python -m src.sample RUN key=value…`: draws samples from a finished run's checkpoint."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from torch import Tensor

from src import pictures
from src.data.module import ResidentData
from src.data.spec import DataSpec
from src.mistakes import MISTAKES, message
from src.music import drawing
from src.music.midi import write_midi
from src.music.synthesis import render, write_wav
from src.oracles.choice import oracle_of
from src.oracles.oracle import Oracle
from src.record import read_record
from src.scatter import cloud
from src.track import styled_track, track

NUM_IMAGES = 160
NUM_POINTS = 2000
NUM_BARS, MOST_BARS = 16, 256  # more would be minutes of sound and a picture nobody looks at
BPM = 110


class Option(NamedTuple):
    """`wanted` completes "choose"; those of drums alone are refused elsewhere."""

    kind: type
    wanted: str
    default: Any
    help: str
    drums: bool = False


OPTIONS = {
    "num": Option(int, "a whole number", None, f"how many: {NUM_IMAGES} images, {NUM_BARS} bars, {NUM_POINTS} points"),
    "seed": Option(int, "a whole number", 0, "of the noise: 0"),
    "checkpoint": Option(str, "last or best", "last", "last, or best by the recipe's monitor"),
    "out": Option(Path, "FILE.png", None, "the picture, notes and sound beside it: RUN/samples/drawn_SEED.png"),
    "bars": Option(int, "a whole number", None, "one track of so many bars on one z_high, its z_low varied", True),
    "style": Option(str, "one of the data's styles", None, f"of such a track, which then has {NUM_BARS} bars", True),
    "bpm": Option(float, "a number", BPM, f"tempo of drums: {BPM}", True),
    "swing": Option(float, "a number", 0.0, "0 is straight, 0.33 a triplet feel, 0.5 the most", True),
    "data.root": Option(str, "a folder", None, "where the data lie that a style is looked up in", True),
}
Options = Mapping[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 when the samples were written, 1 after a user's mistake."""
    listed = "\n".join(f"  {name + '=':<12}{option.help}" for name, option in OPTIONS.items())
    parser = argparse.ArgumentParser(
        prog="python -m src.sample",
        description="Draws samples from a run's checkpoint; of drums also notes and sound.",
        epilog=f"options and their defaults:\n{listed}\n\nexample: python -m src.sample RUN style=jazz bars=8 bpm=110",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of a finished run")
    parser.add_argument("words", nargs="*", metavar="key=value", help="see below")
    given = parser.parse_args(arguments)
    try:
        chosen = parsed(given.words)
        written = draw(given.run, chosen)
    except (*MISTAKES, OSError) as mistake:
        print(f"error: {message(mistake)}", file=sys.stderr)
        return 1
    print(*written, sep="\n")
    return 0


def parsed(words: Sequence[str]) -> dict[str, Any]:
    """The options that were given, by name.

    Raises:
        ValueError: a word that is no key=value, a key that is no option, or a value that it cannot take.
    """
    chosen = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or name not in OPTIONS:
            raise ValueError(f"{word}: expected key=value with one of the keys {', '.join(OPTIONS)}")
        try:
            chosen[name] = OPTIONS[name].kind(value)
        except ValueError as error:
            raise ValueError(f"{word}: choose {OPTIONS[name].wanted}") from error
    for name in ("num", "bars"):
        if name in chosen and chosen[name] < 1:
            raise ValueError(f"{name}={chosen[name]}: draw at least one")
    if chosen.get("checkpoint", "last") not in ("last", "best"):
        raise ValueError(f"checkpoint={chosen['checkpoint']}: choose last or best")
    if "out" in chosen and chosen["out"].suffix != ".png":
        raise ValueError(f"out={chosen['out']}: name the picture, FILE.png; notes and sound land beside it")
    if "num" in chosen and ("bars" in chosen or "style" in chosen):
        raise ValueError(f"num={chosen['num']}: so many bars on their own; bars= and style= make one track, without num=")
    return chosen


def draw(run: Path, chosen: Options) -> list[Path]:
    """The files that were written."""
    options = {name: option.default for name, option in OPTIONS.items()} | chosen
    model = restored(run, options["checkpoint"])
    kind = model.spec.kind
    for name, value in chosen.items():
        if OPTIONS[name].drums and kind != "drums":
            raise ValueError(f"{name}={value}: of drums only, and the run drew {model.spec.name}")
    if kind == "drums":
        return _draw_bars(model, run, options)
    out = options["out"] or run / "samples" / f"drawn_{options['seed']}.png"
    num = options["num"] or (NUM_POINTS if kind == "points" else NUM_IMAGES)
    samples = model.sample(num, options["seed"])
    picture = cloud(model.spec.to_float(samples)) if kind == "points" else pictures.grid(samples, min(16, num))
    pictures.save(picture, out)
    return [out]


def _draw_bars(model: torch.nn.Module, run: Path, options: Options) -> list[Path]:
    """The picture, and the bars one after another as notes and as sound."""
    seed, style = options["seed"], options["style"]
    whole = options["bars"] is not None or style is not None
    num = options["num"] or options["bars"] or NUM_BARS
    if num > MOST_BARS:
        raise ValueError(f"{'bars' if whole else 'num'}={num}: draw at most {MOST_BARS} bars at once")
    titles = None
    if style is not None:
        bars_NCTV, titles = _styled(model, run, options, num)
    else:
        bars_NCTV = track(model, num, seed) if whole else model.sample(num, seed)
    grids_NTV = bars_NCTV.amax(1)  # stacked bars sound together
    name = f"drawn_{seed}" if not whole else "_".join(["track", *_safe(style), str(seed)])
    out = options["out"] or run / "samples" / f"{name}.png"
    notes, sound = out.with_suffix(".mid"), out.with_suffix(".wav")
    write_midi(grids_NTV, notes, options["bpm"], options["swing"])
    write_wav(sound, render(grids_NTV, options["bpm"], swing=options["swing"]))
    pictures.save(drawing.bars(grids_NTV, titles), out)
    return [out, notes, sound]
