"""The commands as a user gives them, in a folder of their own, with an oracle that was trained briefly."""

import json
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar.layout_pb2 import Layout
from tensorboard.plugins.hparams import metadata

from src import train
from src.core.metric_specs import metric_spec
from src.core.plain_data import is_number
from src.data.drums import datasets, drawing
from src.data.letters import datasets as letters
from src.data.spec import DataSpec, Split
from src.evaluation import class_statistics, coverage, image_grids
from src.evaluation.oracles import base
from src.evaluation.oracles.characters import CharacterOracle
from tests.conftest import shorten_oracle_training

SMALL = (
    "data=strokes",
    "model=gan",
    "accelerator=cpu",
    "batch_size=32",
    "budget=256",
    "evaluations=2",
    "evaluator.num_samples=200",
    "gan.generator.width=4",
    "gan.discriminator.width=4",
    "~callbacks.progress",
)

VAE_SMALL = (
    "data=drums",
    "accelerator=cpu",
    "batch_size=32",
    "budget=256",
    "evaluations=2",
    "evaluator.num_samples=100",
    "evaluator.num_held_out=20",
    "evaluator.importance_samples=10",
    "evaluator.interpret=false",
    "vae.encoder.width=16",
    "vae.inference.width=16",
    "vae.decoder.width=16",
    "~callbacks.progress",
)


LETTERS = dict(letters.STROKES_PER_CLASS)


def draw_few_strokes(patch: pytest.MonkeyPatch) -> None:
    """A tenth of the letters: reading and scoring all of them takes longer than a tiny model."""
    patch.setattr(letters, "STROKES_PER_CLASS", {"train": 150, "val": 20, "test": 30})


def filled(folder: Path, patch: pytest.MonkeyPatch) -> Path:
    """Drawn letters and their oracle, trained for a moment only: these tests are about commands, not about quality."""
    drawn = letters.load_strokes("letters", folder)
    shorten_oracle_training(patch, 60)
    base.load_or_train(CharacterOracle(26), drawn.train, drawn.test, drawn.digest(), folder, torch.device("cpu"))
    return folder


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of `command`."""
    with pytest.MonkeyPatch.context() as patch:
        draw_few_strokes(patch)
        return filled(tmp_path_factory.mktemp("cache"), patch)


@pytest.fixture(scope="session")
def whole_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of other processes, which draw all letters."""
    with pytest.MonkeyPatch.context() as patch:
        return filled(tmp_path_factory.mktemp("cache"), patch)


@pytest.fixture(scope="session")
def properties() -> dict[str, Any]:
    """Statistics of the classes by the data's digest: they take longer than a tiny model."""
    return {}


@pytest.fixture
def few_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth of the drum grammar's bars and no pictures: they take longer than tiny models."""
    monkeypatch.setattr(datasets, "NUM_DRAWN", {"train": 2000, "val": 200, "test": 200})
    for room, name in ((drawing, "bars"), (drawing, "reconstructions"), (image_grids, "kl_timeline")):
        monkeypatch.setattr(room, name, lambda *shown, **options: np.zeros((1, 1, 3), np.uint8))


@dataclass(frozen=True)
class Outcome:
    """How a command ended and what it said."""

    status: int
    said: str
    errors: str


Command = Callable[..., Outcome]


@pytest.fixture
def command(
    cache: Path,
    properties: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Command:
    """`python -m src.train …` in this process and in an empty folder, with oracles trained for a moment."""

    def class_properties(spec: DataSpec, train: Split) -> dict[str, list[float]]:
        if spec.digest not in properties:
            properties[spec.digest] = class_statistics.class_properties(spec, train)
        return properties[spec.digest]

    monkeypatch.setattr(coverage, "class_properties", class_properties)
    draw_few_strokes(monkeypatch)
    shorten_oracle_training(monkeypatch, 20)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATA_DIR", raising=False)

    def run(*arguments: str) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["src/train.py", *arguments, f"cache={cache}"])
        capsys.readouterr()
        status = 0
        try:
            train.main()
        except SystemExit as end:
            status = int(end.code or 0)
        said = capsys.readouterr()
        return Outcome(status, said.out, said.err)

    return run


def results(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "results.json").read_text())


def only(pattern: str) -> Path:
    """The one path below the present folder that matches."""
    (path,) = Path().glob(pattern)
    return path


def charts(board: EventAccumulator) -> dict[str, list[str]]:
    """The titles of *Custom Scalars*, and the tags that TensorBoard draws under each."""
    (event,) = board.Tensors("custom_scalars__config__")
    chapters = Layout.FromString(event.tensor_proto.string_val[0]).category
    return {
        chart.title: [tag for tag in board.Tags()["scalars"] for part in chart.multiline.tag if re.match(part, tag)]
        for chapter in chapters
        for chart in chapter.chart
    }


def columns(board: EventAccumulator) -> list[str]:
    """The metrics of TensorBoard's HParams page."""
    content = board.summary_metadata[metadata.EXPERIMENT_TAG].plugin_data.content
    return [info.name.tag for info in metadata.parse_experiment_plugin_data(content).metric_infos]


def check_bounds(metrics: Mapping[str, Any], num_modes: int | None = None) -> None:
    """What a run measured lies within the limits at which the report cuts its intervals off."""
    numbers = {key: value for key, value in metrics.items() if is_number(value)}
    assert numbers
    for key, value in numbers.items():
        low, high = metric_spec(key).bounds(num_modes)
        assert low - 1e-6 <= value <= high + 1e-6, key


@pytest.fixture
def all_letters(command: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command on as many letters as other processes draw."""
    monkeypatch.setattr(letters, "STROKES_PER_CLASS", LETTERS)
    return command
