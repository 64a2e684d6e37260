"""A search by Optuna: it prunes, ends with the best, and goes on where it was cut short."""

import os
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest

from src.evaluation.callback import Evaluation
from src.report import write
from src.training.callbacks.curves import TrainingCurves
from tests.end_to_end.conftest import SMALL, Command, results

pytestmark = pytest.mark.ci

pytest.importorskip("optuna", reason="needs the extra [optuna]")

TOY = ("experiment=toy_ring_standard", *(option for option in SMALL if not option.startswith(("data=", "model="))))
SEARCH = (
    "-m", "hydra/sweeper=optuna", "callbacks.pruning.startup=1", "gan.loss=standard,hinge",
    "gan.generator_optimizer.lr=tag(log,interval(0.0001,0.1))", *TOY,
)  # fmt: skip


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Points need nothing drawn or trained before."""
    return tmp_path / "cache"


@pytest.fixture(autouse=True)
def _the_faster_the_better(monkeypatch: pytest.MonkeyPatch):
    """What is monitored is the learning rate, so it is known which runs fall behind."""
    measure = Evaluation.measure

    def find(self, gan, split):
        return measure(self, gan, split)[0] | {"modes": gan.optimizers()[0].param_groups[0]["lr"]}, {}

    monkeypatch.setattr(Evaluation, "measure", find)
    monkeypatch.setattr(write, "write_report", lambda folders: SimpleNamespace(sentences=[], runs=[], page=""))


def found() -> dict[Path, dict]:
    return {path.parent: results(path.parent) for path in Path("search").glob("*/results.json")}


def test_a_search_prunes_and_goes_on(command: Command, monkeypatch: pytest.MonkeyPatch):
    def cut_short(self, trainer, gan, *rest):
        if len(found()) == 1 and gan.images_seen > 64:
            os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(TrainingCurves, "on_train_batch_end", cut_short)
        assert command(*SEARCH, "hydra.sweeper.trials=2", "hydra.sweep.dir=search").status == 1
    (cut,) = (folder for folder, run in found().items() if run["error"] == "interrupted by SIGINT")
    outcome = command(*SEARCH, "hydra.sweeper.trials=5", "study.resume=search")
    assert outcome.status == 0, outcome
    assert found()[cut]["error"] is None
    rates = {folder: float(folder.name.rpartition("-")[2]) for folder in found()}
    completed = [rates[folder] for folder, run in found().items() if run["status"] == "completed"]
    pruned = [rates[folder] for folder, run in found().items() if (run["error"] or "").startswith("pruned: modes")]
    assert len(completed) + len(pruned) == 5
    assert pruned
    assert max(pruned) < max(completed)
    assert f"best of 5, {len(pruned)} of them pruned: {max(completed):.4g} with" in outcome.said
    assert f"lr={max(completed):.4g}" in outcome.said


def test_there_must_be_something_to_choose_and_one_seed(command: Command):
    assert "nothing to choose" in command("-m", "hydra/sweeper=optuna", *TOY).errors
    outcome = command("-m", "hydra/sweeper=optuna", "seed=range(3)", *TOY)
    assert (outcome.status, outcome.errors) == (1, "error: seed: a search has one; compare the best over seeds after\n")
