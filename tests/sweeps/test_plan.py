"""What a sweep's folder says of how far it has come."""

from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

from src.core.commands import override
from src.sweeps.plan import Plan
from src.training.checkpoints import PARTS
from src.training.run_record import PARTS as PARTS_OF_A_RECORD
from tests.sweeps.conftest import OVERRIDES, SWEPT, end, start


def test_jobs_keep_the_order_of_their_overrides(plan: Plan):
    assert [job.folder.name for job in plan.jobs[:4]] == [
        "gan_fm_seed-0",
        "gan_r1_seed-0",
        "gan_r3_seed-0",
        "gan_fm_seed-1",
    ]
    assert plan.listing().splitlines() == ["  gan_fm  seed 0 1", "  gan_r1  seed 0 1", "  gan_r3  seed 0 1"]


def test_time_left_follows_from_what_is_done_and_what_runs(plan: Plan):
    assert plan.seconds_left() is None
    first, second, third, *_ = (job.folder for job in plan.jobs)
    start(first, 1000)
    end(first, 1060)
    assert plan.seconds_left() == 5 * 60, "one after another"
    start(second, 1000)
    end(second, 1100)
    start(third, 1100)
    # Jobs took 60 and 100 seconds; three wait for two places, one of which is half done.
    assert plan.seconds_left() == 3 / 2 * 80 + 40
    assert plan.headline().endswith("2 done, 0 to go on with, 4 to start, about 2:40 min.")
    end(third, 1150, status="failed")
    assert len(plan.pending) == 4, "what failed is not done"
    assert plan.seconds_left() == 3 * 80, "but has had its turn"


def test_what_earlier_starts_left_neither_runs_nor_has_had_its_turn(plan: Plan):
    done, killed, failed, *_ = (job.folder for job in plan.jobs)
    start(done, 100)
    end(done, 160)
    start(killed, 160)
    start(failed, 100)
    end(failed, 200, status="failed")
    assert plan.seconds_left() == 5 * 60


def test_a_job_that_went_on_does_not_tell_how_long_one_takes(plan: Plan):
    first, second, *_ = (job.folder for job in plan.jobs)
    start(first, 1000)
    end(first, 1060)
    start(second, 1000)
    (second / ".hydra" / "resumed").mkdir()
    end(second, 1010)
    assert plan.seconds_left() == 4 * 60


def test_nothing_is_left_of_a_finished_sweep(plan: Plan):
    for job in plan.jobs:
        start(job.folder, 10)
        end(job.folder, 20, status="diverged")
    end(job.folder, 20, status="interrupted", error="pruned: modes 3 is behind")
    assert plan.pending == []
    assert plan.seconds_left() == 0


def test_a_job_is_prepared_by_what_it_left(plan: Plan):
    job = plan.jobs[0]
    assert job.prepare() == OVERRIDES[0]
    start(job.folder, 1000)
    (job.folder / "history.csv").touch()
    assert job.prepare() == OVERRIDES[0]
    assert not job.folder.exists(), "it starts anew in a clean folder"
    start(job.folder, 1000)
    (job.folder / "checkpoints").mkdir()
    last = job.folder / "checkpoints" / "last.ckpt"
    torch.save(dict.fromkeys(PARTS), last)
    assert job.prepare() == [*OVERRIDES[0], override("resume", job.folder)]
    last.write_bytes(last.read_bytes()[:-10])
    assert job.prepare() == OVERRIDES[0]
    assert not job.folder.exists(), "of damaged checkpoints alone nothing can go on"


def test_a_plan_is_read_as_it_was_written_and_grows(plan: Plan):
    plan.save()
    assert Plan.read(plan.folder) == plan
    assert Plan.read(plan.folder).since == (plan.folder / "jobs.json").stat().st_mtime
    more = Plan.of(plan.folder, "gan", [["seed=2", "experiment=gan_fm", "budget=9"]], SWEPT)
    more.save()
    assert Plan.read(plan.folder).jobs == (*plan.jobs, *more.jobs)
    same = Plan.of(plan.folder, "gan", [[*OVERRIDES[0], "trainer.accelerator=cpu", "study.seeds=3"]], SWEPT)
    same.save()
    other = Plan.of(plan.folder, "gan", [["seed=0", "experiment=gan_fm", "budget=10"]], SWEPT)
    with pytest.raises(ValueError, match=r"gan_fm_seed-0 was started with other choices \(budget=10, budget=9\)"):
        other.save()


def test_a_run_in_a_job_s_folder_is_not_taken_for_the_job(plan: Plan):
    record = plan.jobs[0].folder / ".hydra"
    record.mkdir(parents=True)
    OmegaConf.save([*plan.jobs[0].overrides, "budget=7"], record / "overrides.yaml")
    with pytest.raises(ValueError, match=r"gan_fm_seed-0 was started with other choices \(budget=7"):
        plan.save()
    assert not (plan.folder / "jobs.json").exists()
    (record / "overrides.yaml").write_text("- {")
    with pytest.raises(ValueError, match=r"overrides\.yaml is damaged"):
        plan.save()


def test_two_jobs_cannot_share_a_folder(tmp_path: Path):
    jobs = [["experiment=quick/gan_fm", "seed=0"], ["experiment=gan_fm", "seed=0"]]
    with pytest.raises(ValueError, match="experiment=gan_fm: another job of the sweep is called gan_fm_seed-0 too"):
        Plan.of(tmp_path, "gan", jobs, SWEPT)


def test_a_job_that_cannot_tell_itself_why_it_ended_keeps_what_it_had_reached(plan: Plan):
    job = plan.jobs[0]
    (job.folder / ".hydra").mkdir(parents=True)
    hydra = {"runtime": {"choices": {"experiment": "gan_fm", "model": "gan"}}, "overrides": {"task": []}}
    OmegaConf.save({"hydra": hydra}, job.folder / ".hydra" / "hydra.yaml")
    OmegaConf.save(dict.fromkeys(PARTS_OF_A_RECORD, 0), job.folder / ".hydra" / "config.yaml")
    job.record_failure("killed")
    assert job.results["name"] == "gan_fm"
    end(job.folder, 0, metrics={"modes": 3})
    job.record_failure("killed")
    assert (job.results["status"], job.results["error"]) == ("failed", "killed")
    assert job.results["metrics"] == {"modes": 3}
