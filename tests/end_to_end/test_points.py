"""The toys in the plane, from the command line: trained, resumed, drawn from."""

import csv
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from src.sample import __main__ as sample
from src.sample import restore
from src.training.callbacks.curves import TrainingCurves
from tests.end_to_end.conftest import SMALL, VAE_SMALL, Command, results

pytestmark = pytest.mark.ci

TOY = (*(option for option in SMALL if not option.startswith(("data=", "model="))), "evaluator.num_samples=300")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Nothing is drawn or trained before a toy starts."""
    return tmp_path / "cache"


def cut_off(self, trainer, gan, *rest):
    if gan.images_seen > 160:
        raise RuntimeError("the power went")


@pytest.mark.parametrize("toy", ["ring", "grid"])
def test_a_toy_leaves_a_map_and_frames(command: Command, toy: str):
    outcome = command(f"experiment=toy_{toy}_standard", *TOY, "hydra.run.dir=run")
    assert outcome.status == 0
    found = results(Path("run"))
    assert found["dataset"]["name"] == f"gaussian_{toy}"
    assert found["oracle_accuracy"] == pytest.approx(0.989, abs=0.007)
    assert "points" not in found["metrics"]
    said = " ".join(outcome.said.split())
    assert "within 3σ" in said
    assert f"of {len(found['dataset']['classes'])} modes" in said
    assert {path.stem for path in Path("run/samples").iterdir()} == {"scatter", "frames", "shares"}
    board = EventAccumulator("run")
    board.Reload()
    assert [event.step for event in board.Images("val/scatter")] == [128, 256]


def test_a_resumed_toy_has_all_its_frames(command: Command, monkeypatch: pytest.MonkeyPatch):
    recipe = ("experiment=toy_ring_r3", *TOY)
    assert command(*recipe, "hydra.run.dir=whole").status == 0
    with monkeypatch.context() as patch:
        patch.setattr(TrainingCurves, "on_train_batch_end", cut_off)
        assert command(*recipe, "hydra.run.dir=cut").status == 1
    assert command("resume=cut").status == 0
    histories = [Path(run, "history.csv").read_text().splitlines() for run in ("whole", "cut")]
    whole, cut = (list(csv.DictReader(lines)) for lines in histories)
    assert [row["points"] for row in whole] == [row["points"] for row in cut]
    frames = [Path(run, "samples", "frames.png").read_bytes() for run in ("whole", "cut")]
    assert frames[0] == frames[1]


def test_samples_of_points(command: Command, capsys: pytest.CaptureFixture[str]):
    assert command("experiment=toy_ring_standard", "data.stack=2", *TOY, "hydra.run.dir=run").status == 0
    model = restore.restored(Path("run"), "last")
    assert model.sample(5, seed=0).dtype == torch.int32
    assert sample.main(["run", "num=50"]) == 0
    assert capsys.readouterr().out.strip().endswith("drawn_0.png")
    assert sample.main(["run", "bpm=90"]) == 1
    assert "bpm=90.0: for drums only" in capsys.readouterr().err


def test_points_do_not_fit_convolutions(command: Command):
    outcome = command("model=gan", "data=gaussian_grid", *TOY)
    assert outcome.status == 1
    assert "gan.network=mlp" in outcome.errors


def test_a_vae_takes_points_too(command: Command):
    small = [option for option in VAE_SMALL if not option.startswith("data=")]
    assert command("model=vae", "data=gaussian_ring", *small, "hydra.run.dir=run").status == 0
    assert results(Path("run"))["status"] == "completed"
