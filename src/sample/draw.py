"""Draws samples of a run and writes them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from src.evaluation import image_grids
from src.sample.drum_bars import play
from src.sample.options import NUM_IMAGES, NUM_POINTS, OPTIONS
from src.sample.restore import drawn, picture_of, restored


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
    samples_NCHW, name = drawn(model, run, num, options)
    out = options["out"] or run / "samples" / f"{name}.png"
    image_grids.save(picture_of(samples_NCHW, model.spec), out)
    return [out]
