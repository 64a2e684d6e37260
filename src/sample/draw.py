"""Draws samples of a run and writes them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from src.evaluation import image_grids
from src.sample.drum_bars import play
from src.sample.options import NUM_IMAGES, NUM_POINTS, OPTIONS
from src.sample.restore import file_name, picture_of, restored, samples_of


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
    num = options["num"] or (NUM_POINTS if model.spec.kind == "points" else NUM_IMAGES)
    out = options["out"] or run / "samples" / f"{file_name('drawn', options['class'], options['seed'])}.png"
    image_grids.save(picture_of(samples_of(model, num, options["seed"], options["class"]), model.spec), out)
    return [out]
