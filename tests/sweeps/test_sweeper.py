"""What the sweeper makes of processes that die; a launcher stands in for them."""

import json
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from types import SimpleNamespace

import pytest
from hydra.core.utils import JobStatus
from omegaconf import OmegaConf

from src.core import device
from src.sweeps import mps
from src.sweeps.plan import Job
from src.sweeps.sweeper import DEATH, ResumableSweeper, chooses_files_only


@pytest.fixture
def jobs(tmp_path: Path) -> list[Job]:
    return [Job(tmp_path / name, name, (f"name={name}",)) for name in "abc"]


def launching(launch) -> ResumableSweeper:
    sweeper = ResumableSweeper()
    sweeper.launcher = SimpleNamespace(launch=launch)
    return sweeper


def finish(job: Job) -> SimpleNamespace:
    (job.folder / ".hydra").mkdir(parents=True)
    (job.folder / ".hydra" / "overrides.yaml").touch()
    (job.folder / "results.json").write_text(json.dumps({"status": "completed"}))
    return SimpleNamespace(status=JobStatus.COMPLETED)


def test_processes_that_die_before_any_job_begins_take_no_job_along_but_their_own(jobs: list[Job], caplog):
    def launch(overrides, initial_job_idx):
        if len(overrides) > 1 or overrides == [["name=b"]]:
            raise BrokenProcessPool
        return [finish(job) for job in jobs if [*job.overrides] in overrides]

    launching(launch).launch(jobs)
    assert [job.finished for job in jobs] == [True, False, True]
    assert caplog.messages == [f"b: {DEATH}"]


def test_a_torn_record_does_not_keep_the_others_from_running(jobs: list[Job], caplog):
    def launch(overrides, initial_job_idx):
        folder = jobs[0].folder / ".hydra"
        folder.mkdir(parents=True)
        (folder / "config.yaml").touch()
        (folder / "hydra.yaml").write_text("hydra: {runtime")
        failed = SimpleNamespace(status=JobStatus.FAILED, _return_value=OSError("no space"))
        return [failed, *map(finish, jobs[1:])]

    launching(launch).launch(jobs)
    assert [job.finished for job in jobs] == [False, True, True]
    assert caplog.messages == ["a: no space"]


@pytest.mark.parametrize(
    ("has_gpu", "changes", "served"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"study": {"mps": False}}, False),
        (True, {"trainer": {"accelerator": "cpu"}}, False),
        (True, {"hydra": {"launcher": {"n_jobs": 1}}}, False),
    ],
)
def test_jobs_that_share_a_gpu_run_their_kernels_at_once(has_gpu, changes, served, monkeypatch):
    monkeypatch.setattr(device, "has_gpu", lambda: has_gpu)
    monkeypatch.setattr(mps, "serving", lambda: "the service")
    usual = {"hydra": {"launcher": {"n_jobs": 4}}, "trainer": {"accelerator": "auto"}, "study": {"mps": True}}
    sweeper = launching(None)
    sweeper.config = OmegaConf.merge(usual, changes)
    assert (sweeper.sharing_a_gpu() == "the service") == served


@pytest.mark.parametrize(
    ("words", "composed"),
    [
        ("experiment=gan_fm seed=1 budget=9 study=quick trainer.precision=32-true data=strokes", False),
        ("experiment=quick/vae_none seed=1", False),
        ("experiment=gan_fn seed=1", True),
        ("experiment=gan_fm gan.generator.width=8", True),
        ("experiment=gan_fm +budget=9", True),
        ("experiment=gan_fm ~callbacks.progress", True),
        ("experiment=gan_fm trainer.max_epochs=2", True),
        ("experiment=gan_fm data.stack=2", True),
    ],
)
def test_what_only_a_composed_job_shows(words: str, composed: bool):
    assert chooses_files_only(words.split(), {"experiment", "seed", "trainer.max_epochs"}) != composed
