"""A long sweep in one process: its memory, its open files and the processor's time a job stay what they were."""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
JOBS = 200
TINY = (
    "experiment=toy_ring_standard",
    "accelerator=cpu",
    "callbacks=no_progress",
    "batch_size=64",
    "budget=512",
    "evaluations=2",
    "evaluator.num_samples=100",
)
SETTLED = 40  # jobs after which libraries have loaded and allocated what they want


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="the system does not list a process's open files")
def test_two_hundred_jobs_leave_nothing_behind(tmp_path: Path):
    arguments = ("-m", *TINY, f"seed=range({JOBS})", "hydra.sweep.dir=sweep")
    with Path(tmp_path, "said").open("w") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "src.train", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        seen = watched(process, tmp_path / "sweep")
    assert process.returncode == 0, Path(tmp_path, "said").read_text()[-3000:]
    print(
        "\n".join(
            f"{done} jobs: {seconds:.1f} s, {memory:.0f} MiB, {files} files" for done, seconds, memory, files in seen
        )
    )
    settled = [entry for entry in seen if entry[0] >= SETTLED]
    early, late = settled[: len(settled) // 4], settled[-(len(settled) // 4) :]

    def rate(part):
        return (part[-1][1] - part[0][1]) / (part[-1][0] - part[0][0])

    assert statistics.median(entry[3] for entry in late) <= statistics.median(entry[3] for entry in early) + 2
    assert statistics.median(entry[2] for entry in late) <= 1.1 * statistics.median(entry[2] for entry in early)
    assert rate(late) <= 1.3 * rate(early)


def watched(process: subprocess.Popen, sweep: Path) -> list[tuple[int, float, float, int]]:
    """Whenever more jobs are done: how many, seconds of the processor, MiB in memory, open files."""
    seen = [(0, 0.0, 0.0, 0)]
    while process.poll() is None:
        done = len(list(sweep.glob("*/results.json")))
        if done > seen[-1][0]:
            system = Path("/proc", str(process.pid))
            pages = int((system / "statm").read_text().split()[1])
            memory = pages * os.sysconf("SC_PAGE_SIZE") / 2**20
            ticks = (system / "stat").read_text().rpartition(")")[2].split()[11:13]  # its own, and the system's for it
            seconds = sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
            seen.append((done, seconds, memory, len(list((system / "fd").iterdir()))))
        time.sleep(0.05)
    return seen[1:]
