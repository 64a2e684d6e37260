"""What cannot be printed does not decide how a run ends."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from src.evaluation import summary
from tests.end_to_end.conftest import Command, results
from tests.end_to_end.test_folders import TOY

ROOT = Path(__file__).parents[2]


@pytest.mark.ci
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_run_is_completed_on_a_terminal_without_its_signs_and_with_a_full_disk(tmp_path: Path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "ascii"}
    words = [word for word in TOY if not word.startswith("~")]  # with its progress bar
    with Path("/dev/full").open("w") as full:
        run = subprocess.run(
            [sys.executable, "-m", "src.train", *words, "hydra.run.dir=run"],
            cwd=tmp_path,
            env=environment | {"COLUMNS": "0", "TERM": "dumb"},
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert (run.returncode, results(tmp_path / "run")["status"]) == (0, "completed"), run.stderr.decode()


def test_results_stand_before_anything_is_printed(command: Command, monkeypatch: pytest.MonkeyPatch):
    def fails(results) -> None:
        raise RuntimeError("no table")

    monkeypatch.setattr(summary, "print_summary", fails)
    monkeypatch.setattr(
        "hydra._internal.utils.is_under_debugger", lambda: False
    )  # for which it takes coverage's tracer
    assert command(*TOY, "hydra.run.dir=run").status == 1, "a fault of this project"
    assert results(Path("run"))["status"] == "completed"
