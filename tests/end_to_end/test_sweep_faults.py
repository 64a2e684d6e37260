"""A sweep whose processes are really killed or really interrupted."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.end_to_end.conftest import SMALL, results

pytestmark = pytest.mark.ci

ROOT = Path(__file__).parents[2]
PARALLEL = ("hydra/launcher=parallel", "hydra.launcher.n_jobs=2", "hydra.sweep.dir=sweep")
BOMB = '''
import os, signal, time
from pathlib import Path
from src.gan.tricks import Trick

class Bomb(Trick):
    """Kills its own process at a step, as the system does when memory runs out.

    It waits until the job beside it has a checkpoint, and that one waits to be taken along: so it goes on later.
    """

    def __init__(self, at: int):
        super().__init__()
        self.at = at
        self.first_time = not Path("exploded").exists()

    def after_step(self, gan):
        if gan.steps == self.at:
            while not list(Path("sweep").glob("*at-1000000/checkpoints/last.ckpt")):
                time.sleep(0.1)
            Path("exploded").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if gan.steps == 5 and self.first_time:
            time.sleep(600)
'''


@pytest.fixture
def sweep(whole_cache: Path, tmp_path: Path):
    """Starts a sweep of two processes at a time in a process group of its own."""
    (tmp_path / "bomb.py").write_text(BOMB)
    paths = os.pathsep.join(map(str, (ROOT, tmp_path)))

    def start(*arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "src.train", "-m", *SMALL, *PARALLEL, f"cache={whole_cache}", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    return start


def test_a_killed_job_takes_no_other_along(sweep, tmp_path: Path):
    process = sweep("+gan.tricks.bomb._target_=bomb.Bomb", "+gan.tricks.bomb.at=3,1000000")
    said, _ = process.communicate(timeout=300)
    found = [results(path.parent) for path in sorted((tmp_path / "sweep").glob("*/results.json"))]
    assert sorted(run["status"] for run in found) == ["completed", "failed"], said
    (dead,) = (run for run in found if run["status"] == "failed")
    assert "killed" in dead["error"]
    assert dead["name"].endswith("bomb.at=3")
    assert "killed" in (tmp_path / "sweep" / "report" / "report.md").read_text()
    assert process.returncode == 1


def test_an_interrupted_sweep_still_reports(sweep, tmp_path: Path):
    process = sweep("seed=range(3)", "budget=64000", "evaluations=200")
    deadline = time.monotonic() + 200
    while not list(tmp_path.glob("sweep/*/checkpoints/last.ckpt")):
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.2)
    os.killpg(process.pid, signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "study.resume=sweep" in said
    assert "interrupted" in (tmp_path / "sweep" / "report" / "report.md").read_text()
    assert any(results(path.parent)["status"] == "interrupted" for path in tmp_path.glob("sweep/*/results.json"))
