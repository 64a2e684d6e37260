"""Many runs: a job that fails stops none of the others, and a report always comes at the end."""

import csv
import os
import signal
from pathlib import Path

import pytest

from src.gan.losses import FeatureMatching
from src.training.callbacks.curves import TrainingCurves
from tests.end_to_end.conftest import SMALL, Command, only, results


@pytest.mark.ci
def test_the_losses_sweep_and_are_reported(command: Command):
    assert command("-m", "gan.loss=standard,feature_matching", "seed=range(2)", *SMALL).status == 0
    sweep = only("multirun/sweep/*")
    jobs = sorted(path.parent for path in sweep.glob("*/results.json"))
    assert len(jobs) == 4
    assert {results(job)["seed"] for job in jobs} == {0, 1}
    assert len({results(job)["name"] for job in jobs}) == 2
    assert (sweep / "report" / "index.html").stat().st_size > 10_000
    rows = list(csv.DictReader((sweep / "report" / "summary.csv").read_text().splitlines()))
    assert [row["n"] for row in rows if row["metric"] == "modes"] == ["2", "2"]


@pytest.mark.ci
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


@pytest.mark.ci
def test_a_study_runs_without_m_and_the_command_line_has_the_last_word(command: Command):
    small = [option for option in SMALL if not option.startswith(("data=", "~"))]
    outcome = command("study=quick", "hydra/launcher=basic", "seed=1,2", "experiment=quick/mlp_fm", *small)
    assert outcome.status == 0
    sweep = only("multirun/quick/*")
    found = [results(path.parent) for path in sweep.glob("*/results.json")]
    assert sorted(run["seed"] for run in found) == [1, 2]
    assert {run["name"] for run in found} == {"mlp_fm"}
    assert {path.name for path in sweep.glob("mlp*")} == {"mlp_fm_seed-1", "mlp_fm_seed-2"}
    assert "[1 of 2] mlp_fm seed 1: modes" in outcome.said
    assert "[2 of 2] mlp_fm seed 2: modes" in outcome.said


@pytest.mark.ci
@pytest.mark.parametrize("study", ["gan", "compare_gan"])
def test_a_study_of_gans_takes_their_options(command: Command, study: str):
    outcome = command(f"study={study}", "gan.discriminator.width=32", "study.dry_run=true")
    assert outcome.status == 0, outcome.said


def test_a_dry_run_lists_and_runs_nothing(command: Command):
    outcome = command("study=quick", "study.seeds=4", "study.dry_run=true")
    assert outcome.status == 0
    assert "32 jobs in multirun/quick/" in outcome.said
    assert "vae_free_bits  seed 0 1 2 3" in outcome.said
    assert not Path("multirun").exists()


@pytest.mark.ci
def test_a_sweep_goes_on_with_what_is_missing(command: Command, monkeypatch: pytest.MonkeyPatch):
    """The first job is finished, the second cut short after its first evaluation, the third never started."""
    sweep = ("-m", "gan.loss=standard,hinge,least_squares", *SMALL)
    whole = (*sweep, "hydra.sweep.dir=whole")
    assert command(*whole).status == 0

    def cut_short(self, trainer, gan, *rest):
        if type(gan.loss).__name__ == "Hinge" and gan.images_seen > 160:
            os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(TrainingCurves, "on_train_batch_end", cut_short)
        outcome = command(*sweep, "hydra.sweep.dir=cut")
    assert outcome.status == 1
    assert "study.resume=cut" in outcome.said
    assert Path("cut/report/index.html").is_file(), "there is a report in any case"
    first = Path("cut/gan_gan.loss-standard/results.json")
    finished = first.stat().st_mtime_ns
    assert results(Path("cut/gan_gan.loss-hinge"))["status"] == "interrupted"
    assert not Path("cut/gan_gan.loss-least_squares").exists()

    outcome = command(*sweep, "study.resume=cut")
    assert outcome.status == 0
    assert "1 done, 1 to go on with, 1 to start" in outcome.said
    assert first.stat().st_mtime_ns == finished, "what is done is left alone"
    for job in ("standard", "hinge", "least_squares"):
        there, here = (results(Path(place, f"gan_gan.loss-{job}")) for place in ("whole", "cut"))
        assert there["status"] == here["status"] == "completed"
        assert there["metrics"] == here["metrics"], job
        assert there["name"] == here["name"]


@pytest.mark.ci
def test_a_sweep_gets_more_seeds_but_no_other_choices(command: Command):
    small = [option for option in SMALL if not option.startswith(("data=", "~"))]
    study = ("study=quick", "hydra/launcher=basic", "experiment=quick/mlp_fm", *small)
    assert command(*study, "study.seeds=1", "hydra.sweep.dir=study").status == 0
    outcome = command(*study, "study.seeds=2", "study.resume=study")
    assert outcome.status == 0
    assert "1 done, 0 to go on with, 1 to start" in outcome.said
    outcome = command(*study, "study.seeds=2", "study.resume=study", "gan.generator.z=3")
    assert outcome.status == 1
    assert "gan.generator.z=3" in outcome.errors
    assert "other choices" in outcome.errors
    assert outcome.errors.count("\n") == 1, "one line"
