"""Runs of the VAE: what they leave behind, how they go on, and how samples are drawn from them."""

import csv
import math
import wave
from pathlib import Path

import mido
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from src.sample import __main__ as sample
from src.training.callbacks.curves import TrainingCurves
from tests.conftest import shorten_oracle_training
from tests.end_to_end.conftest import VAE_SMALL, Command, charts, check_bounds, columns, only, results

BOUND = {
    "elbo", "reconstruction", "kl_high", "kl_low", "active_high", "active_low", "mi_high", "mi_low", "mi_ceiling",
    "usage_high", "usage_low", "onset_f1", "collapsed",
}  # fmt: skip
FINAL = {"iwae_nll", "floor_nll"}
MUSIC = {"validity", "diversity", "feature_distance", "style_accuracy"}


def test_the_default_run_leaves_everything_the_contract_names(
    command: Command, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    shorten_oracle_training(monkeypatch, 20)
    assert command(*VAE_SMALL, "callbacks.curves.every=2").status == 0
    folder = only("multirun/single/*")
    found = results(folder)
    assert (found["status"], found["error"], found["model"], found["name"]) == ("completed", None, "vae", "vae")
    assert found["images_seen"] == 256
    assert found["dataset"]["sizes"] == {"train": 20_000, "val": 2_000, "test": 2_000}
    assert set(found["metrics"]) >= BOUND | FINAL | MUSIC
    assert set(found["controls"]) == {"real", "train", "noisy", "noise", "cut_up", "superposed", "single"}
    check_bounds(found["metrics"])
    assert set(found["onset"]) == {"high", "low"}
    assert found["oracle_accuracy"] is None
    assert 0 < found["metrics"]["entropy"] < found["metrics"]["floor_nll"] < found["metrics"]["iwae_nll"]
    for name in ("prior.png", "reconstructions.png", "kl_dimensions.png", "prior_bars.mid", "prior_bars.wav"):
        assert (folder / "samples" / name).stat().st_size > 60, name
    for name in ("last", "best"):
        assert (folder / "checkpoints" / f"{name}.ckpt").exists()
    rows = list(csv.DictReader((folder / "history.csv").read_text().splitlines()))
    assert [int(row["images_seen"]) for row in rows] == [128, 256]
    assert set(rows[0]) >= BOUND | MUSIC | {"seconds", "beta_high", "beta_low", "kl_high_dims"}
    assert [float(row["beta_high"]) for row in rows] == pytest.approx([0.75, 1]), "of the latest step's beginning"
    assert len(rows[0]["kl_low_dims"].split()) == 24
    steps = [[float(x) for row in rows for x in row[f"schedule_{key}"].split()] for key in ("images", "beta_high")]
    assert steps == [[*range(0, 256, 32)], [0, 0.25, 0.5, 0.75, 1, 1, 1, 1]], "as every step used it"
    check_tensorboard(folder, found)
    check_drawing_from(folder, capsys)


def check_tensorboard(folder: Path, found: dict) -> None:
    board = EventAccumulator(str(folder))
    board.Reload()
    tags = board.Tags()
    expected = {"anneal/beta_high", "anneal/beta_low", "anneal/temperature", "train/loss", "train/reconstruction"}
    expected |= {"val/kl_high", "val/kl_low", "val/elbo", "test/iwae_nll", "test/elbo", "test/kl_low"}
    assert expected <= set(tags["scalars"])
    assert {"val/reconstructions", "val/prior", "val/kl_dimensions", "test/prior"} <= set(tags["images"])
    assert sorted(tags["audio"]) == ["test/prior_bars", "test/reconstructions_bars"]
    assert [event.step for event in board.Scalars("anneal/beta_low")] == [64, 128, 192, 256]
    assert [event.value for event in board.Scalars("anneal/beta_low")] == pytest.approx([0.25, 0.75, 1, 1])
    (final,) = board.Scalars("test/iwae_nll")
    assert final.value == pytest.approx(found["metrics"]["iwae_nll"])
    shown = charts(board)
    assert {title for title, tags in shown.items() if not tags} == {"Modes covered, of letters"}
    assert shown.pop("Temperature, free bits, targets") == ["anneal/temperature"]
    assert all(len(tags) <= 1 for tags in shown.values()), "a line a run"
    assert columns(board)[5:9] == ["test/iwae_nll", "test/elbo", "test/kl_high", "test/kl_low"]
    assert "z_low" in (folder / "projector_config.pbtxt").read_text()


def check_drawing_from(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert sample.main([str(folder), "num=2", "seed=5"]) == 0
    picture, notes, sound = (folder / "samples" / f"drawn_5.{kind}" for kind in ("png", "mid", "wav"))
    assert capsys.readouterr().out.split() == [str(picture), str(notes), str(sound)]
    with Image.open(picture) as drawn:
        assert drawn.width > 300
    assert mido.MidiFile(notes).length == pytest.approx(2 * 4 * 60 / 110, abs=1e-3)
    with wave.open(str(sound)) as file:
        assert file.getnframes() > 4 * 44_100
    assert sample.main([str(folder), "style=jazz", "bars=8", "bpm=110"]) == 0
    said = capsys.readouterr()
    # A sample uses the usual cache, whatever the run's record says, and trains the oracle of styles for it first.
    assert said.out.split()[-3:] == [str(folder / "samples" / f"track_jazz_0.{kind}") for kind in ("png", "mid", "wav")]
    assert "of 8 bars are recognised as jazz" in said.err
    assert mido.MidiFile(folder / "samples" / "track_jazz_0.mid").length == pytest.approx(8 * 4 * 60 / 110, abs=1e-3)


@pytest.mark.usefixtures("few_bars")
def test_resuming_equals_never_having_stopped(command: Command, monkeypatch: pytest.MonkeyPatch):
    """With an annealer of every kind that keeps a state, whatever it keeps."""
    recipe = ("vae.anneal=[control,temperature,word_dropout]", *VAE_SMALL)
    assert command(*recipe, "hydra.run.dir=whole").status == 0
    with monkeypatch.context() as patch:
        patch.setattr(TrainingCurves, "on_train_batch_end", cut_off)
        assert command(*recipe, "hydra.run.dir=cut").status == 1
    assert results(Path("cut"))["images_seen"] == 128
    assert command("resume=cut").status == 0
    whole, cut = (torch.load(f"{run}/checkpoints/last.ckpt", weights_only=True) for run in ("whole", "cut"))
    for name, tensor in whole["state_dict"].items():
        assert torch.equal(tensor, cut["state_dict"][name]), name
    assert results(Path("whole"))["metrics"] == results(Path("cut"))["metrics"]
    assert results(Path("cut"))["images_seen"] == 256
    tables = [csv.DictReader(Path(run, "history.csv").read_text().splitlines()) for run in ("whole", "cut")]
    whole, cut = ([row["schedule_beta_high"] for row in table] for table in tables)
    assert whole == cut
    assert len(" ".join(whole).split()) == 8, "a step each"


def cut_off(self, trainer, vae, *rest):
    if vae.images_seen > 160:
        raise RuntimeError("the power went")


@pytest.mark.usefixtures("few_bars")
def test_the_homeworks_architecture_loses_its_global_level(command: Command):
    widths = (f"vae.{part}.width=64" for part in ("encoder", "inference", "decoder"))
    longer = ("budget=16000", "batch_size=64", "vae.optimizer.lr=5e-3", *widths)
    assert command("experiment=vae_seed", *VAE_SMALL, *longer).status == 0
    found = results(only("multirun/single/*"))
    assert "high" in found["metrics"]["collapsed"]
    assert found["metrics"]["kl_high"] < 0.05
    assert found["metrics"]["usage_high"] is None, "its decoder does not see it"
    assert found["metrics"]["kl_low"] > 0.1
    assert found["onset"]["high"] is not None
    assert len(found["metrics"]["kl_high_dims"]) == 4
    assert len(found["metrics"]["kl_low_dims"]) == 12


@pytest.mark.ci
def test_letters_and_stacked_bars(command: Command):
    """Whatever the data, the same model."""
    for data, stack in (("strokes", 1), ("drums", 2)):
        run = f"{data}{stack}"
        choices = ("model=vae", f"data={data}", f"data.stack={stack}", "vae.decoder=parallel", "evaluations=1")
        assert command(*VAE_SMALL, *choices, f"hydra.run.dir={run}").status == 0
        found = results(Path(run))
        assert found["dataset"]["source"] == data
        assert set(found["metrics"]) >= BOUND | FINAL
        assert ("mse" in found["metrics"]) == (data == "strokes")
        assert ({"modes", "missing", "kl", "recognisable"} <= set(found["metrics"])) == (data == "strokes")
        assert set(found["onset"]) == {"high", "low", *(["modes"] if data == "strokes" else [])}
        assert (found["oracle_accuracy"] is None) == (data == "drums")
        assert all(math.isfinite(found["metrics"][name]) for name in ("elbo", "iwae_nll", "floor_nll"))
        assert sample.main([run, "num=3"]) == 0


@pytest.mark.usefixtures("few_bars")
@pytest.mark.ci
def test_two_runs_with_one_seed_agree_and_another_seed_differs(command: Command):
    found = []
    for run, (seed, evaluations) in enumerate(((0, 1), (0, 4), (1, 1))):
        command(*VAE_SMALL, f"seed={seed}", f"evaluations={evaluations}", f"hydra.run.dir=run{run}")
        found.append(results(Path(f"run{run}"))["metrics"])
    assert found[0] == found[1], "evaluating more often changes nothing"
    assert found[0] != found[2]
