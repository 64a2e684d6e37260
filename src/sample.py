"""`python -m src.sample RUN`: draws samples from a finished run's checkpoint."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from hydra.utils import instantiate

from src import pictures
from src.data.spec import DataSpec
from src.mistakes import MISTAKES, message
from src.music import drawing
from src.music.midi import write_midi
from src.music.synthesis import render, write_wav
from src.record import read_record
from src.scatter import cloud

NUM_IMAGES = 160
NUM_POINTS = 2000
NUM_BARS, MOST_BARS = 16, 256  # more would be minutes of sound and a picture nobody looks at
BPM = 110


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 when the samples were written, 1 after a user's mistake."""
    parser = argparse.ArgumentParser(prog="python -m src.sample", description="Draws samples from a run's checkpoint.")
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of a finished run")
    counts = f"{NUM_IMAGES} images, {NUM_BARS} bars or {NUM_POINTS} points"
    parser.add_argument("--num", type=int, help=f"how many (default: {counts})")
    parser.add_argument("--seed", type=int, default=0, help="of the noise (default: 0)")
    parser.add_argument("--checkpoint", choices=("last", "best"), default="last")
    parser.add_argument("--bpm", type=float, help=f"tempo of drums (default: {BPM})")
    parser.add_argument("--out", type=Path, help="the picture, sound beside it (default: RUN/samples/drawn_SEED.png)")
    options = parser.parse_args(arguments)
    try:
        if options.num is not None and options.num < 1:
            raise ValueError(f"--num {options.num}: draw at least one sample")
        if options.out and options.out.suffix != ".png":
            raise ValueError(f"--out {options.out}: name the picture, FILE.png; sound lands beside it")
        out = options.out or options.run / "samples" / f"drawn_{options.seed}.png"
        model = restored(options.run, options.checkpoint)
        draw = {"drums": _draw_bars, "images": _draw_images, "points": _draw_points}[model.spec.kind]
        if options.bpm is not None and model.spec.kind != "drums":
            raise ValueError(f"--bpm {options.bpm:g}: the run drew {model.spec.name}, and only drums have a tempo")
        written = draw(model, options, out)
    except (*MISTAKES, OSError) as mistake:
        print(f"error: {message(mistake)}", file=sys.stderr)
        return 1
    print(*written, sep="\n")
    return 0


def _draw_images(model: torch.nn.Module, options: argparse.Namespace, out: Path) -> list[Path]:
    num = options.num or NUM_IMAGES
    pictures.save(pictures.grid(model.sample(num, options.seed), columns=min(16, num)), out)
    return [out]


def _draw_points(model: torch.nn.Module, options: argparse.Namespace, out: Path) -> list[Path]:
    num = options.num or NUM_POINTS
    pictures.save(cloud(model.spec.to_float(model.sample(num, options.seed))), out)
    return [out]


def _draw_bars(model: torch.nn.Module, options: argparse.Namespace, out: Path) -> list[Path]:
    """The picture, and the bars one after another as notes and as sound."""
    num, bpm = options.num or NUM_BARS, BPM if options.bpm is None else options.bpm
    if num > MOST_BARS:
        raise ValueError(f"--num {num}: draw at most {MOST_BARS} bars at once")
    grids_NTV = model.sample(num, options.seed).amax(1)  # stacked bars sound together
    notes, sound = out.with_suffix(".mid"), out.with_suffix(".wav")
    write_midi(grids_NTV, notes, bpm)
    write_wav(sound, render(grids_NTV, bpm))
    pictures.save(drawing.bars(grids_NTV), out)
    return [out, notes, sound]


def restored(run: Path, checkpoint: str) -> torch.nn.Module:
    """The model of a run, on the CPU, with the weights of its `last` or `best` checkpoint."""
    record = read_record(run)
    path = run / "checkpoints" / f"{checkpoint}.ckpt"
    if not path.is_file() or not (run / "results.json").is_file():
        raise FileNotFoundError(f"{run}: not finished, there is no checkpoints/{checkpoint}.ckpt beside a results.json")
    dataset = json.loads((run / "results.json").read_text())["dataset"]
    model = instantiate(record.config.model)(spec=DataSpec(**dataset))
    model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True)["state_dict"])
    return model


if __name__ == "__main__":
    sys.exit(main())
