"""Restores a run's model and draws its samples."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from hydra.utils import instantiate

from src.core.commands import command, override
from src.core.errors import message
from src.data.spec import DataSpec
from src.evaluation import image_grids
from src.evaluation.point_plots import cloud
from src.sample.drum_bars import play
from src.sample.options import NUM_IMAGES, NUM_POINTS, OPTIONS
from src.training import checkpoints
from src.training.results import read_results
from src.training.run_config import trusted_config
from src.training.run_record import read_record


def draw(run: Path, chosen: Mapping[str, Any]) -> list[Path]:
    """Returns the files written."""
    options = {name: option.default for name, option in OPTIONS.items()} | chosen
    model = restored(run, options["checkpoint"])
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
    picture = cloud(model.spec.to_float(samples)) if points else image_grids.grid(samples, columns=min(16, num))
    out = options["out"] or run / "samples" / f"drawn_{options['seed']}.png"
    image_grids.save(picture, out)
    return [out]


def restored(run: Path, checkpoint: str) -> torch.nn.Module:
    """The model of a run, on the CPU and in evaluation mode, with the weights of its `last` or `best` checkpoint."""
    read_record(run)
    path = checkpoints.checkpoint(run, checkpoint)
    dataset = read_results(run).get("dataset")
    if not path.is_file() or not dataset:
        raise FileNotFoundError(
            f"{run}: not finished, there is no checkpoints/{checkpoint}.ckpt beside a results.json with its data; "
            f"{command(override('resume', run))} goes on if there is a checkpoint"
        )
    if not checkpoints.is_valid(path):
        raise ValueError(f"{path} is damaged")
    config = trusted_config(run)
    try:
        model = instantiate(config.model)(spec=DataSpec(**dataset))
    except (TypeError, AttributeError, LookupError, RuntimeError) as error:  # RuntimeError: sizes
        raise ValueError(
            f"{run}: its .hydra/config.yaml and the dataset in its results.json describe no model: {message(error)}"
        ) from error
    checkpoints.load_weights(model, path)
    return model.eval()
