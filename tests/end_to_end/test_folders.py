"""Two runs never share a folder, and what one start leaves behind is never mixed with the next."""

import os
import shlex
import shutil
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from src.evaluation.callback import Evaluation
from src.gan.tricks import EMA
from src.report import __main__ as report
from src.sample import __main__ as sample
from src.training.callbacks.curves import TrainingCurves
from tests.end_to_end.conftest import Command, results
from tests.end_to_end.test_resume import RECIPE, asks_to_stop_at, cut_off_after

pytestmark = pytest.mark.ci

TOY = (
    "experiment=toy_ring_standard",
    "accelerator=cpu",
    "batch_size=32",
    "budget=640",
    "evaluations=2",
    "evaluator.num_samples=500",
    "~callbacks.progress",
)


def content(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def killed(*arguments) -> None:
    raise SystemExit(137)


def test_a_folder_that_holds_a_run_is_refused_and_nothing_in_it_touched(command: Command):
    assert command(*TOY, "hydra.run.dir=run").status == 0
    before = content(Path("run"))
    outcome = command(*TOY, "seed=1", "hydra.run.dir=run")
    assert "hydra.run.dir=run: the folder holds another run; name another" in outcome.errors
    assert "python -m src.train resume=run goes on" in outcome.errors
    for mistake in ("trainer.precision=16-mixed", "budget=many"):
        outcome = command(*TOY, mistake, "hydra.run.dir=run")
        assert outcome.status == 1
        assert outcome.errors.count("\n") == 1
    assert content(Path("run")) == before


def test_a_run_killed_before_its_first_checkpoint_is_neither_resumed_nor_overwritten(
    command: Command, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as patch:
        patch.setattr(Evaluation, "on_train_batch_end", killed)
        assert command(*TOY, "hydra.run.dir=run").status == 137
    before = content(Path("run"))
    outcome = command("resume=run")
    assert outcome.status == 1
    assert "resume=run: it has no checkpoint" in outcome.errors
    outcome = command(*TOY, "hydra.run.dir=run")
    assert "hydra.run.dir=run: the folder holds a run without a checkpoint; delete the folder" in outcome.errors
    assert outcome.errors.count("\n") == 1
    assert content(Path("run")) == before


def test_runs_and_sweeps_keep_out_of_each_other_s_folders(command: Command):
    assert command("-m", *TOY, "seed=0", "hydra.sweep.dir=sweep").status == 0
    outcome = command(*TOY, "hydra.run.dir=sweep")
    assert (outcome.status, outcome.errors) == (
        1,
        "error: hydra.run.dir=sweep: the folder holds a sweep; name another folder\n",
    )
    assert command(*TOY, "hydra.run.dir=run").status == 0
    before = content(Path("run"))
    outcome = command("-m", *TOY, "seed=0", "hydra.sweep.dir=run")
    assert outcome.status == 1
    assert "hydra.sweep.dir=run: the folder holds a single run" in outcome.errors
    outcome = command("resume=run", "hydra.run.dir=other", "budget=1280")
    assert "hydra.run.dir=other: resume=run goes on in its own folder" in outcome.errors
    outcome = command("-m", "resume=run", "budget=1280,1920")
    assert "resume=run: a sweep resumes no single run" in outcome.errors
    assert content(Path("run")) == before
    assert not Path("other").exists()


def test_a_single_run_in_a_job_s_place_is_not_taken_for_the_job(command: Command):
    assert command(*TOY, "seed=0", "batch_size=16", "hydra.run.dir=sweep/toy_ring_standard_seed-0").status == 0
    before = content(Path("sweep"))
    outcome = command("-m", *TOY, "seed=0", "hydra.sweep.dir=sweep")
    assert outcome.status == 1
    assert "toy_ring_standard_seed-0 was started with other choices (batch_size=16" in outcome.errors
    kept = content(Path("sweep"))
    assert {path: kept[path] for path in before} == before


def test_a_resumed_run_leaves_no_trace_of_how_it_was_cut_off(command: Command, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as patch:
        patch.setattr(TrainingCurves, "on_train_batch_end", cut_off_after(320))
        assert command(*RECIPE, "hydra.run.dir=run").status == 1
    assert Path("run", "traceback.txt").is_file()
    assert command("resume=run", "callbacks.curves.every=1").status == 0
    assert not Path("run", "traceback.txt").exists()
    board = EventAccumulator("run")
    board.Reload()
    for tag in ("train/generator_loss", "val/modes"):
        steps = [event.step for event in board.Scalars(tag)]
        assert len(steps) == len(set(steps)), tag


def test_a_run_that_goes_on_with_a_budget_it_has_used_up_is_measured_where_it_is(
    command: Command, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as patch:
        patch.setattr(EMA, "before_step", asks_to_stop_at(160, 15))
        assert command(*RECIPE, "evaluations=1", "hydra.run.dir=run").status == 128 + 15
    assert command("resume=run", "budget=64").status == 0
    found = results(Path("run"))
    assert (found["status"], found["images_seen"]) == ("completed", 192)
    assert len(Path("run", "history.csv").read_text().splitlines()) == 2


def test_a_killed_job_of_a_sweep_starts_clean(command: Command, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as patch:
        patch.setattr(Evaluation, "on_train_batch_end", killed)
        assert command("-m", *TOY, "seed=0", "hydra.sweep.dir=sweep").status == 137
    job = Path("sweep", "toy_ring_standard_seed-0")
    left = next(job.glob("events.out.tfevents.*"))
    (job / "traceback.txt").touch()
    outcome = command("study.resume=sweep")
    assert outcome.status == 0
    assert results(job)["status"] == "completed"
    assert not left.exists()
    assert not (job / "traceback.txt").exists()
    assert len((job / "history.csv").read_text().splitlines()) == 3


def test_a_sweep_with_a_failed_job_exits_1_and_its_printed_command_goes_on(
    command: Command, monkeypatch: pytest.MonkeyPatch
):
    folder = "Ana's sweep, lr=1 {x} $y"
    cut = TrainingCurves.on_train_batch_end

    def fails(self, trainer, module, *rest):
        if trainer.callbacks[0].seed == 1:
            raise RuntimeError("the power went")
        cut(self, trainer, module, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(TrainingCurves, "on_train_batch_end", fails)
        outcome = command("-m", *TOY, "seed=0,1", f"hydra.sweep.dir={folder}")
    assert outcome.status == 1, "one of two jobs failed"
    assert results(Path(folder, "toy_ring_standard_seed-0"))["status"] == "completed"
    assert results(Path(folder, "toy_ring_standard_seed-1"))["status"] == "failed"
    assert Path(folder, "report", "index.html").is_file()
    (line,) = (line for line in outcome.said.splitlines() if line.endswith(" runs those."))
    words = shlex.split(line.removesuffix(" runs those."))
    assert words[:3] == ["python", "-m", "src.train"]
    outcome = command(*words[3:])
    assert outcome.status == 0
    assert "2 jobs in" in outcome.said
    assert "1 done, 0 to go on with, 1 to start" in outcome.said
    assert results(Path(folder, "toy_ring_standard_seed-1"))["status"] == "completed"
    assert report.main([folder]) == 0


def test_study_resume_without_a_sweep_trains_nothing(command: Command):
    Path("empty").mkdir()
    for words in (("study.resume=empty",), ("-m", "study.resume=empty"), ("study.resume=nowhere",)):
        outcome = command(*words)
        assert outcome.status == 1
        assert "no sweep was started there" in outcome.errors
        assert outcome.errors.count("\n") == 1
    assert [path.name for path in Path().rglob("*")] == ["empty"]


@pytest.mark.parametrize("place", ["Müller (2024), run=1/it's", "$HOME $x {y} back\\slash"])
def test_the_command_that_an_interrupted_run_prints_goes_on_anywhere(
    command: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], place: str
):
    folder = Path(place).absolute()
    folder.mkdir(parents=True)
    os.chdir(folder)
    with monkeypatch.context() as patch:
        patch.setattr(EMA, "before_step", asks_to_stop_at(160, 15))
        outcome = command(*RECIPE)
    printed = outcome.errors.partition("; ")[2].removesuffix(" goes on\n")
    words = shlex.split(printed)
    assert words[:3] == ["python", "-m", "src.train"]
    assert command(*words[3:]).status == 0
    (run,) = Path("multirun", "single").iterdir()
    assert results(run)["status"] == "completed"
    assert sample.main([str(run), "num=2"]) == 0
    assert report.main([str(run)]) == 0


def test_home_in_every_path(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert command(*TOY, "hydra.run.dir=~/runs/one").status == 0
    assert results(Path("runs", "one"))["status"] == "completed"
    assert command("resume=~/runs/one", "budget=1280").status == 0
    assert results(Path("runs", "one"))["images_seen"] == 1280
    assert sample.main(["~/runs/one", "num=3", "out=~/drawn.png"]) == 0
    assert Path("drawn.png").is_file()
    assert report.main(["~/runs/one", "--out", "~/told"]) == 0
    assert Path("told", "index.html").is_file()
    assert not Path("~").exists()
    shutil.rmtree("runs")
