"""Sweeps whose jobs run elsewhere: what a lost machine or the end of the allotted time takes away, goes on."""

import os
from pathlib import Path

import pytest

from tests.end_to_end.conftest import SMALL, Command, results

pytestmark = pytest.mark.ci

ROOT = Path(__file__).parents[2]
TOY = ("experiment=toy_ring_standard", *(option for option in SMALL if not option.startswith(("data=", "model="))))
ONCE = '''
import os
from pathlib import Path
from src.gan.tricks import Trick

class Once(Trick):
    """Sends its own process a signal at a step, the first time that it gets there."""

    def __init__(self, signal: int, at: int):
        super().__init__()
        self.signal = signal
        self.at = at

    def after_step(self, gan):
        if gan.steps == self.at and not Path("sent").exists():
            Path("sent").touch()
            os.kill(os.getpid(), self.signal)
'''
# SLURM in a few lines: every job of the array starts at once, and again as often as it was queued again meanwhile.
SLURM = {
    "sbatch": """cp "$1" submitted.sh
for job in 0 1; do (
    export SLURM_ARRAY_JOB_ID=1 SLURM_ARRAY_TASK_ID=$job SLURM_JOB_ID=1$job SLURM_JOB_NAME=lab SLURM_NTASKS=1
    touch queued_1_$job
    while rm queued_1_$job; do sh "$1"; done
) > /dev/null 2>&1 & done
echo Submitted batch job 1""",
    "srun": 'shift 5; exec "$@" > log_$SLURM_ARRAY_TASK_ID 2>&1',  # --unbuffered --output FILE --error FILE
    "scontrol": 'touch queued_$2; echo "$@" >> requests',
    "sacct": "echo 'JobID|State|NodeList'",
}


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Points need nothing drawn or trained before."""
    return tmp_path / "cache"


@pytest.fixture
def sweep(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """One of two jobs is sent the signal after its first evaluation; else they are the same."""
    (tmp_path / "once.py").write_text(ONCE)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, (ROOT, tmp_path))))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    def run(*arguments: str, signal: int):
        once = ("+gan.tricks.once._target_=once.Once", f"+gan.tricks.once.signal={signal}")
        return command("-m", *TOY, *once, "+gan.tricks.once.at=6,1000000", "hydra.sweep.dir=sweep", *arguments)

    return run


def assert_one_was_resumed_and_nothing_shows() -> None:
    struck, left_alone = (Path(f"sweep/toy_ring_standard_+gan.tricks.once.at-{at}") for at in (6, 1000000))
    assert (struck / ".hydra" / "resumed").is_dir()
    assert not (left_alone / ".hydra" / "resumed").exists()
    assert results(struck)["metrics"] == results(left_alone)["metrics"] != {}


def test_ray_runs_a_job_again_whose_process_dies(sweep):
    pytest.importorskip("ray", reason="needs the extra [ray]")
    outcome = sweep("hydra/launcher=ray", "hydra.launcher.address=local", signal=9)
    assert outcome.status == 0, outcome
    assert_one_was_resumed_and_nothing_shows()


def test_slurm_queues_a_job_again_that_it_stops(sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("submitit", reason="needs the extra [slurm]")
    (tmp_path / "bin").mkdir()
    for name, script in SLURM.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    asked = ("hydra.launcher.time=30", "+hydra.launcher.partition=short")
    outcome = sweep("hydra/launcher=slurm", *asked, "evaluations=1", signal=12)
    assert outcome.status == 0, outcome
    assert_one_was_resumed_and_nothing_shows()
    assert Path("requests").read_text() == "requeue 1_0\n"
    submitted = Path("submitted.sh").read_text()
    for option in ("array=0-1%2", "signal=USR2@120", "time=30", "partition=short", "gpus-per-node=1", "mem=16GB"):
        assert f"#SBATCH --{option}\n" in submitted
    assert "#SBATCH --requeue\n" in submitted
