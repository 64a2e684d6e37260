"""A run that was cut off goes on as if nothing had happened."""

import signal
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

from src.callbacks.curves import TrainingCurves
from tests.cli.conftest import SMALL, Command, results

RECIPE = (
    "experiment=gan_r1",
    "gan.tricks=[r1,ema]",
    "gan.loss=feature_matching",
    *SMALL,
    "budget=512",
    "evaluations=4",
)


def checkpoint(run: str) -> dict:
    return torch.load(Path(run, "checkpoints", "last.ckpt"), weights_only=True)


def assert_same_weights(one: dict, other: dict) -> None:
    assert one["state_dict"].keys() == other["state_dict"].keys()
    for name, weights in one["state_dict"].items():
        assert torch.equal(weights, other["state_dict"][name]), name
    for mine, theirs in zip(one["optimizer_states"], other["optimizer_states"], strict=True):
        for index, moments in mine["state"].items():
            for name, value in moments.items():
                assert torch.equal(value, theirs["state"][index][name])


def test_resuming_equals_never_having_stopped(command: Command, monkeypatch: pytest.MonkeyPatch):
    assert command(*RECIPE, "hydra.run.dir=whole").status == 0
    with monkeypatch.context() as patch:
        patch.setattr(TrainingCurves, "on_train_batch_end", cut_off_after(320))
        assert command(*RECIPE, "hydra.run.dir=cut").status == 1
    assert results(Path("cut"))["status"] == "failed"
    assert results(Path("cut"))["images_seen"] == 256
    assert command("resume=cut").status == 0
    assert_same_weights(checkpoint("whole"), checkpoint("cut"))
    assert results(Path("whole"))["metrics"] == results(Path("cut"))["metrics"]
    assert results(Path("cut"))["name"] == results(Path("whole"))["name"]
    without_seconds = [
        [
            ",".join(line.split(",")[:1] + line.split(",")[2:])
            for line in Path(run, "history.csv").read_text().splitlines()
        ]
        for run in ("whole", "cut")
    ]
    assert without_seconds[0] == without_seconds[1]


def cut_off_after(images: int):
    def on_train_batch_end(self, trainer, module, *rest):
        if module.images_seen >= images:
            raise RuntimeError("the power went")

    return on_train_batch_end


def test_a_finished_run_goes_on_with_a_larger_budget(command: Command):
    command(*RECIPE, "hydra.run.dir=long", "budget=768", "evaluations=6")
    command(*RECIPE, "hydra.run.dir=short")
    assert command("resume=short", "budget=768", "evaluations=6").status == 0
    assert results(Path("short"))["images_seen"] == 768
    assert_same_weights(checkpoint("long"), checkpoint("short"))


def test_a_resumed_run_keeps_its_recipe(command: Command):
    command(*RECIPE, "hydra.run.dir=run")
    before = Path("run", "results.json").read_text()
    for change in ("model=vae", "seed=5", "vae.z_high=2", "data.stack=2"):
        outcome = command("resume=run", change)
        assert outcome.status == 1
        assert change in outcome.errors
        assert "keeps its recipe" in outcome.errors
    assert Path("run", "results.json").read_text() == before, "what was reached stands"


def test_a_run_is_not_resumed_on_other_data(command: Command, monkeypatch: pytest.MonkeyPatch):
    command(*RECIPE, "hydra.run.dir=run")
    before = Path("run", "results.json").read_text()
    monkeypatch.setattr("src.data.module.Loaded.digest", lambda self: "0" * 64)
    outcome = command("resume=run", "budget=768")
    assert outcome.status == 1
    assert "other data" in outcome.errors
    assert Path("run", "results.json").read_text() == before


def test_a_changed_budget_is_recorded(command: Command):
    command(*RECIPE, "hydra.run.dir=run")
    command("resume=run", "budget=768")
    assert OmegaConf.load("run/.hydra/config.yaml").budget == 768
    assert OmegaConf.load("run/.hydra/config.yaml").resume is None


def test_resuming_what_is_no_run_says_so(command: Command):
    Path("empty").mkdir()
    outcome = command("resume=empty")
    assert outcome.status == 1
    assert "empty is no run's folder" in outcome.errors


def test_an_interrupted_run_says_so_and_goes_on(command: Command, monkeypatch: pytest.MonkeyPatch):
    def interrupts(self, trainer, module, *rest):
        if module.images_seen >= 320:
            raise KeyboardInterrupt

    ours = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patch:
        patch.setattr(TrainingCurves, "on_train_batch_end", interrupts)
        with pytest.raises(KeyboardInterrupt):
            command(*RECIPE, "hydra.run.dir=run")
    signal.signal(signal.SIGINT, ours)  # Lightning takes it while it shuts down
    assert results(Path("run"))["status"] == "interrupted"
    assert command("resume=run").status == 0
    assert results(Path("run"))["status"] == "completed"
