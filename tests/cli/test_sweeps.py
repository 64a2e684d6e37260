"""Many runs: a job that fails stops none of the others, and a report always comes at the end."""

import csv
from pathlib import Path

import pytest

from src.gan.losses import FeatureMatching
from tests.cli.conftest import SMALL, Command, only, results


def test_the_losses_sweep_and_are_reported(command: Command):
    assert command("-m", "gan.loss=standard,feature_matching", "seed=range(2)", *SMALL).status == 0
    sweep = only("multirun/sweep/*")
    jobs = sorted(path.parent for path in sweep.glob("*/results.json"))
    assert len(jobs) == 4
    assert {results(job)["seed"] for job in jobs} == {0, 1}
    assert len({results(job)["name"] for job in jobs}) == 2
    assert (sweep / "report" / "index.html").stat().st_size > 10_000
    rows = list(csv.DictReader((sweep / "report" / "summary.csv").read_text().splitlines()))
    assert [row["n"] for row in rows] == ["2", "2"]


def test_a_failing_job_stops_no_other(command: Command, monkeypatch: pytest.MonkeyPatch):
    def fails(self, step):
        raise RuntimeError("made to fail")

    monkeypatch.setattr(FeatureMatching, "generator", fails)
    outcome = command("-m", "gan.loss=feature_matching,standard", *SMALL)
    sweep = only("multirun/sweep/*")
    by_status = {results(path.parent)["status"]: path.parent for path in sweep.glob("*/results.json")}
    assert set(by_status) == {"failed", "completed"}
    assert results(by_status["failed"])["error"] == "made to fail"
    assert "made to fail" in (by_status["failed"] / "traceback.txt").read_text()
    assert "made to fail" in (sweep / "report" / "report.md").read_text()
    assert outcome.status == 1, "a sweep with a failed job does not pass for a success"


def test_every_recipe_by_glob(command: Command):
    assert command("-m", "experiment=glob(gan_*)", *SMALL).status == 0
    names = {results(path.parent)["name"].split()[0] for path in only("multirun/sweep/*").glob("*/results.json")}
    assert names >= {"gan_standard", "gan_fm", "gan_r1"}


def test_a_study_and_the_command_line_do_not_multiply(command: Command):
    outcome = command("study=quick", "seed=range(8)")
    assert outcome.status == 1
    assert "hydra.sweeper.params.seed" in outcome.errors
    assert not Path("multirun").exists()


def test_a_study_runs_without_m_and_its_choices_can_be_changed(command: Command):
    small = [option for option in SMALL if not option.startswith(("data=", "~"))]
    outcome = command(
        "study=quick",
        "hydra/launcher=basic",
        "hydra.sweeper.params.seed='1,2'",
        "hydra.sweeper.params.experiment=quick/gan_fm",
        *small,
    )
    assert outcome.status == 0
    found = [results(path.parent) for path in only("multirun/quick/*").glob("*/results.json")]
    assert sorted(run["seed"] for run in found) == [1, 2]
    assert {run["name"] for run in found} == {"gan_fm"}
