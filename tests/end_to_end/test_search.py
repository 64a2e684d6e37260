"""A search by Optuna: it prunes, ends with the best, and goes on where it was cut short."""

import json
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
    "gan.generator_optimizer.lr=tag(log,interval(0.0001,0.1))", "hydra.sweeper.seeds=1", *TOY,
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


def test_a_setting_is_tried_with_several_seeds_and_pruned_by_their_mean(command: Command):
    several = (*SEARCH[: -len(TOY) - 1], *TOY, "hydra.sweeper.seeds=3", "seed=7", "hydra.sweeper.objective=worst")
    outcome = command(*several, "hydra.sweeper.trials=6", "hydra.sweep.dir=search")
    assert outcome.status == 0, outcome
    by_setting: dict[str, list[dict]] = {}
    for folder, run in found().items():
        by_setting.setdefault(folder.name.rpartition("_seed-")[0], []).append(run)
    assert len(by_setting) == 6
    for runs in by_setting.values():
        given_up = [run for run in runs if run["status"] != "completed"]
        assert [run["seed"] for run in sorted(runs, key=lambda run: run["seed"])] == list(range(7, 7 + len(runs)))
        assert len(given_up) == 1 if len(runs) < 3 else len(given_up) <= 1
        assert all(run["error"].startswith("pruned: modes") for run in given_up)
    assert any(len(runs) < 3 for runs in by_setting.values()), "what is behind with one seed gets no other"
    best = max(float(name.rpartition("-")[2]) for name in by_setting)
    assert f"{best:.4g}, worst over 3 seeds with" in outcome.said
    told = json.loads(Path("search/search.json").read_text())
    assert (told["seeds"], told["objective"]) == (3, "worst")
    assert told["trials"][0]["value"] == pytest.approx(best)
    changed = command(*several, "hydra.sweeper.trials=7", "study.resume=search", "hydra.sweeper.objective=mean")
    assert "hydra.sweeper.objective=mean: the search in search was begun with worst" in changed.errors


def test_there_must_be_something_to_choose_and_no_seeds_among_it(command: Command):
    assert "nothing to choose" in command("-m", "hydra/sweeper=optuna", *TOY).errors
    outcome = command(*SEARCH, "seed=range(3)")
    assert outcome.status == 1
    assert (
        outcome.errors
        == "error: seed: a search tries each setting with hydra.sweeper.seeds=3 of them; leave seed out\n"
    )
    for wrong in ("best", "1.5", "0"):
        text = f"hydra.sweeper.objective={wrong}: choose mean, median, worst or a quantile between 0 and 1"
        assert text in command(*SEARCH, f"hydra.sweeper.objective={wrong}").errors
