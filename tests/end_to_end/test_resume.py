"""A run that was cut off goes on as if nothing had happened."""

import os
import shutil
import signal
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

from src.gan.module import GAN
from src.gan.tricks import EMA
from src.sample import __main__ as sample
from src.training.callbacks.curves import TrainingCurves
from tests.core.test_cache import Planted
from tests.end_to_end.conftest import SMALL, Command, results

RECIPE = (
    "experiment=gan_r1",
    "gan.tricks=[r1,ema]",
    "gan.loss=feature_matching",
    *SMALL,
    "budget=512",
    "evaluations=4",
)


SHORT = (*RECIPE, "budget=64", "evaluations=1")


def checkpoint(run: str) -> dict:
    return torch.load(Path(run, "checkpoints", "last.ckpt"), weights_only=True)


def steps(saved: dict) -> int:
    return saved["progress"]["steps"]


def calls(saved: dict) -> int:
    """Of `training_step`, which can make several steps."""
    return saved["loops"]["fit_loop"]["epoch_loop.batch_progress"]["total"]["ready"]


def assert_same_weights(one: dict, other: dict) -> None:
    assert one["state_dict"].keys() == other["state_dict"].keys()
    for name, weights in one["state_dict"].items():
        assert torch.equal(weights, other["state_dict"][name]), name
    for mine, theirs in zip(one["optimizer_states"], other["optimizer_states"], strict=True):
        for index, moments in mine["state"].items():
            for name, value in moments.items():
                assert torch.equal(value, theirs["state"][index][name])


def assert_same_run(one: str, other: str) -> None:
    """Weights and optimizers, every figure of the history but the time, and every final one."""
    assert_same_weights(checkpoint(one), checkpoint(other))
    first, second = results(Path(one)), results(Path(other))
    for key in ("name", "status", "metrics", "controls", "outcome", "onset", "onset_reason", "images_seen"):
        assert first[key] == second[key]
    histories = [Path(run, "history.csv").read_text().splitlines() for run in (one, other)]
    whole, cut = ([",".join(line.split(",")[:1] + line.split(",")[2:]) for line in lines] for lines in histories)
    assert whole == cut


@pytest.mark.ci
def test_resuming_equals_never_having_stopped(command: Command, monkeypatch: pytest.MonkeyPatch):
    assert command(*RECIPE, "hydra.run.dir=whole").status == 0
    with monkeypatch.context() as patch:
        patch.setattr(TrainingCurves, "on_train_batch_end", cut_off_after(320))
        assert command(*RECIPE, "hydra.run.dir=cut").status == 1
    assert results(Path("cut"))["status"] == "failed"
    assert results(Path("cut"))["images_seen"] == 256
    assert Path("cut", "samples", "shares.png").is_file(), "what was reached is shown"
    assert command("resume=cut").status == 0
    assert_same_run("whole", "cut")


@pytest.mark.ci
def test_several_steps_a_call_are_the_same_run_also_resumed(command: Command, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as patch:
        patch.setattr(GAN, "takes_several_steps", False)
        assert command(*RECIPE, "hydra.run.dir=whole").status == 0
    assert calls(checkpoint("whole")) == steps(checkpoint("whole")) == 512 / 32
    with monkeypatch.context() as patch:
        patch.setattr(EMA, "before_step", asks_to_stop_at(160, signal.SIGTERM))
        command(*RECIPE, "hydra.run.dir=hurried")
    assert steps(checkpoint("hurried")) == 6, "after the step in which it was asked to"
    assert command("resume=hurried").status == 0
    assert calls(checkpoint("hurried")) == 5, "of which evaluations are four"
    assert_same_run("whole", "hurried")


def cut_off_after(images: int):
    def on_train_batch_end(self, trainer, module, *rest):
        if module.images_seen >= images:
            raise RuntimeError("the power went")

    return on_train_batch_end


def asks_to_stop_at(images: int, number: int):
    def hook(self, *rest):
        (module,) = (each for each in rest if isinstance(each, GAN))
        if module.images_seen == images:
            os.kill(os.getpid(), number)

    return hook


@pytest.mark.ci
def test_a_finished_run_goes_on_with_a_larger_budget(command: Command):
    command(*RECIPE, "hydra.run.dir=long", "budget=768", "evaluations=6")
    command(*RECIPE, "hydra.run.dir=short")
    assert command("resume=short", "budget=768", "evaluations=6").status == 0
    assert results(Path("short"))["images_seen"] == 768
    assert_same_weights(checkpoint("long"), checkpoint("short"))


@pytest.mark.ci
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
    command(*SHORT, "hydra.run.dir=run")
    before = Path("run", "results.json").read_text()
    monkeypatch.setattr("src.data.module.Loaded.digest", lambda self: "0" * 64)
    outcome = command("resume=run", "budget=768")
    assert outcome.status == 1
    assert "other data" in outcome.errors
    assert Path("run", "results.json").read_text() == before


@pytest.mark.ci
def test_a_changed_budget_is_recorded(command: Command):
    command(*RECIPE, "hydra.run.dir=run")
    command("resume=run", "budget=768")
    assert OmegaConf.load("run/.hydra/config.yaml").budget == 768
    assert OmegaConf.load("run/.hydra/config.yaml").resume is None


@pytest.mark.ci
def test_moments_from_a_gpu_lie_there_in_another_order(command: Command):
    """Their values are the same; fused optimizers go by where they lie."""
    command(*RECIPE, "hydra.run.dir=here")
    shutil.copytree("here", "there")
    saved = checkpoint("there")
    turned = 0
    for state in saved["optimizer_states"]:
        for moments in state["state"].values():
            for name, moment in moments.items():
                if moment.ndim == 4:
                    moments[name] = moment.to(memory_format=torch.channels_last)
                    turned += moments[name].stride() != moment.stride()
    assert turned
    torch.save(saved, "there/checkpoints/last.ckpt")
    for run in ("here", "there"):
        assert command(f"resume={run}", "budget=768", "evaluations=6").status == 0
    assert_same_run("here", "there")


@pytest.mark.ci
def test_a_refused_value_is_not_recorded(command: Command):
    command(*RECIPE, "hydra.run.dir=run")
    record = Path("run", ".hydra", "config.yaml").read_text()
    for change in ("budget=many", "trainer.devices=0", "data.resident=maybe"):
        assert command("resume=run", change).status == 1
        assert Path("run", ".hydra", "config.yaml").read_text() == record, change
    assert command("resume=run").status == 0


def test_resuming_what_is_no_run_says_so(command: Command):
    Path("empty").mkdir()
    outcome = command("resume=empty")
    assert outcome.status == 1
    assert "empty is no run's folder" in outcome.errors


def damaged(content: bytes) -> dict[str, bytes]:
    middle = len(content) // 2
    return {
        "empty": b"",
        "truncated": content[:middle],
        "torn": content[:middle] + bytes(100) + content[middle + 100 :],
        "another file": b"PK but no archive",
    }


@pytest.mark.ci
@pytest.mark.parametrize("damage", ["empty", "truncated", "torn", "another file", "missing"])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(command: Command, damage: str):
    command(*RECIPE, "hydra.run.dir=whole")
    shutil.copytree("whole", "cut")
    last = Path("cut", "checkpoints", "last.ckpt")
    if damage == "missing":
        last.unlink()
    else:
        last.write_bytes(damaged(last.read_bytes())[damage])
    outcome = command("resume=cut")
    assert outcome.status == 0
    assert "the checkpoint before it" in outcome.said + outcome.errors
    assert_same_run("whole", "cut")


def test_a_run_without_a_checkpoint_of_its_own_says_so(command: Command, capsys: pytest.CaptureFixture[str]):
    command(*SHORT, "hydra.run.dir=run")
    another = checkpoint("run")
    another["state_dict"].popitem()
    torch.save(another, Path("run", "checkpoints", "last.ckpt"))
    outcome = command("resume=run")
    assert outcome.status == 1
    assert "last.ckpt holds the weights of another model" in outcome.errors
    assert sample.main(["run"]) == 1
    assert "last.ckpt holds the weights of another model" in capsys.readouterr().err
    for path in Path("run", "checkpoints").iterdir():
        path.write_bytes(path.read_bytes()[:-100])
    outcome = command("resume=run")
    assert outcome.status == 1
    assert "its checkpoints are damaged" in outcome.errors
    assert "Traceback" not in outcome.errors


def test_code_planted_in_a_run_does_not_run(command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    command(*SHORT, "hydra.run.dir=run")
    witness = tmp_path / "witness"
    for name in ("last", "previous", "best"):
        torch.save({"state_dict": Planted(f"touch {witness}")}, Path("run", "checkpoints", f"{name}.ckpt"))
    outcome = command("resume=run")
    assert outcome.status == 1
    assert "its checkpoints are damaged" in outcome.errors
    assert sample.main(["run"]) == 1
    assert "last.ckpt is damaged" in capsys.readouterr().err
    assert not witness.exists()
