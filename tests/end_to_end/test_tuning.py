"""A study that chooses its learning rates first, from the command line."""

import csv
import os
import shutil
import signal
from pathlib import Path

import pytest

from src.report import __main__ as report
from src.training.callbacks.curves import TrainingCurves
from tests.end_to_end.conftest import Command, results
from tests.end_to_end.test_points import TOY, cache  # noqa: F401  toys need no oracle

pytestmark = pytest.mark.ci

STUDY = (
    "-m",
    "model=gan",
    "experiment=toy_ring_standard,toy_ring_r3",
    *TOY,
    "seed=0",
    "study.tune=true",
    "study.tune_seeds=1",
    "study.tune_budget=128",
    "study.tune_rates=[1e-3]",
    "study.primary.gan=logit_gap",  # which tiny runs have
)


def rows(folder: str) -> list[dict[str, str]]:
    return list(csv.DictReader(Path(folder, "tuning.csv").read_text().splitlines()))


def test_a_study_is_tuned_interrupted_resumed_and_reported(command: Command, monkeypatch: pytest.MonkeyPatch):
    def interrupt(self, trainer, gan, *rest):
        if "toy_ring_r3" in str(trainer.logger.save_dir) and gan.images_seen > 64:
            os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(TrainingCurves, "on_train_batch_end", interrupt)
        outcome = command(*STUDY, "hydra.sweep.dir=study")
    assert outcome.status == 1
    assert "tuning trials have no result. python -m src.train study.resume=study" in outcome.said
    assert not Path("study/tuning.csv").exists()
    first = sorted(Path("study/tuning").glob("toy_ring_standard*/results.json"))
    finished = [path.stat().st_mtime_ns for path in first]
    assert len(first) == 2

    outcome = command(*STUDY, "study.resume=study")
    assert outcome.status == 0
    assert "4 jobs in study/tuning: 2 done" in outcome.said
    assert [path.stat().st_mtime_ns for path in first] == finished, "what is done is left alone"
    assert "Chosen on the validation split (study/tuning.csv)" in outcome.said
    table = rows("study")
    assert [(row["recipe"], row["rate"], row["beta1"]) for row in table] == [
        (recipe, "0.001", beta1) for recipe in ("toy_ring_standard", "toy_ring_r3") for beta1 in ("0.5", "0")
    ]
    assert {row["seeds"] for row in table} == {"1000"}
    assert all(float(row["mean"]) == float(row["values"]) for row in table)
    for row in table:
        assert (row["chosen"] == "yes") == (
            float(row["mean"]) == min(float(other["mean"]) for other in table if other["recipe"] == row["recipe"])
        )
    trials = [results(path) for path in Path("study/tuning").iterdir() if path.is_dir()]
    assert {(trial["seed"], trial["images_seen"]) for trial in trials} == {(1000, 128)}
    for row in table:
        told = Path("study", f"{row['recipe']}_seed-0", ".hydra", "overrides.yaml").read_text()
        if row["chosen"] == "yes":
            assert all(override in told for override in row["overrides"].split())
    assert {results(path.parent)["images_seen"] for path in Path("study").glob("*/results.json")} == {256}

    said = Path("study/report/report.md").read_text()
    assert "2 runs, 2 of them completed" in said, "trials are not averaged"
    assert "Learning rates" in said
    again = command(*STUDY, "study.resume=study")
    assert again.status == 0
    assert "2 done, 0 to go on with, 0 to start" in again.said
    shutil.rmtree("study/report")
    assert report.main(["study"]) == 0
    assert "2 runs, 2 of them completed" in Path("study/report/report.md").read_text()


def test_a_dry_run_lists_both_phases(command: Command):
    outcome = command(*STUDY, "study.dry_run=true")
    assert outcome.status == 0
    assert "toy_ring_r3 rate=0.001 beta1=0 " in outcome.said
    assert "toy_ring_r3        seed 0" in outcome.said
    assert not Path("multirun").exists()


def test_trials_that_fail_count_as_worst_and_stop_nothing(command: Command, monkeypatch: pytest.MonkeyPatch):
    def fail(self, trainer, gan, *rest):
        if "beta1-0_" in str(trainer.logger.save_dir):
            raise RuntimeError("made to fail")

    monkeypatch.setattr(TrainingCurves, "on_train_batch_end", fail)
    study = [option for option in STUDY if not option.startswith("experiment=")]
    assert command(*study, "experiment=toy_ring_standard", "hydra.sweep.dir=study").status == 0
    assert [(row["values"] == "none", row["chosen"]) for row in rows("study")] == [(False, "yes"), (True, "no")]
    assert results(Path("study/toy_ring_standard_seed-0"))["status"] == "completed"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("experiment=toy_ring_standard", "study.tune=true", *TOY), "study.tune=true: it precedes a sweep"),
        ((*STUDY, "gan.generator_optimizer.lr=0.1"), "gan.generator_optimizer.lr: study.tune=true chooses it"),
        ((*STUDY, "seed=1000"), "seed=1000: study.tune=true tries settings with it"),
        ((*STUDY, "hydra/sweeper=optuna"), "study.tune=true: hydra/sweeper=optuna chooses settings itself"),
        ((*STUDY, "study.tune_rates=[0]"), "study.tune_rates=0: choose a number above 0"),
    ],
)
def test_what_cannot_be_tuned_is_refused(command: Command, given, message: str):
    outcome = command(*given)
    assert outcome.status == 1
    assert message in outcome.errors
    assert outcome.errors.count("\n") == 1
