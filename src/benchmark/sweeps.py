"""Many runs: what launching them side by side gains, and how a report's time grows with them."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from src.benchmark.scaling import timed
from src.comparison import write_report

SEEDS = 5
SWEEP = ("experiment=gan_standard", "data=strokes", "budget=16000", "evaluations=2", "callbacks=quiet")
LAUNCHERS = {"one after another": "basic", "side by side": "side_by_side"}
MPS = "nvidia-cuda-mps-control"  # lets kernels of several processes run at once
REPORTED = (25, 50, 100)  # runs
LEFT = shutil.ignore_patterns("checkpoints", "events.*")  # no report reads these


def measure(overrides: Sequence[str], folder: str) -> dict[str, Any]:
    """Seconds of whole commands, reports included, for one seed and for several; runs an hour; reports by runs."""
    sweep = [*SWEEP, *overrides]
    seconds = {"one run": _seconds(sweep, 1, "basic", f"{folder}/one")}
    seconds |= {way: _seconds(sweep, SEEDS, launcher, f"{folder}/{way}") for way, launcher in LAUNCHERS.items()}
    if torch.cuda.is_available() and shutil.which(MPS):
        with _mps(folder):
            seconds["side by side under MPS"] = _seconds(sweep, SEEDS, LAUNCHERS["side by side"], f"{folder}/mps runs")
    ways = [way for way in seconds if way != "one run"]
    (run,) = {path.parent for path in Path(folder, "one").rglob("results.json")}
    return {
        "sweep": sweep,
        "seconds": seconds,
        "runs_per_hour": {way: SEEDS * 3600 / seconds[way] for way in ways},
        "times_one_run": {way: seconds[way] / seconds["one run"] for way in ways},
        "curves": {"report, by runs": timed(_reports(run, Path(folder, "copies")), REPORTED, repeats=1)},
    }


def _seconds(sweep: Sequence[str], seeds: int, launcher: str, folder: str) -> float:
    """Of a sweep as one starts it from a shell.

    Raises:
        ValueError: it failed; what it said last.
    """
    options = ["-m", *sweep, f"seed=range({seeds})", f"hydra/launcher={launcher}", f"hydra.sweep.dir='{folder}'"]
    started = time.perf_counter()
    command = [sys.executable, "-m", "src.train", *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    taken = time.perf_counter() - started
    completed = [path for path in Path(folder).rglob("results.json") if '"completed"' in path.read_text()]
    if len(completed) < seeds:
        raise ValueError(f"{launcher}: {len(completed)} of {seeds} runs completed; {done.stdout.strip()[:500]}")
    return taken


@contextmanager
def _mps(folder: str) -> Iterator[None]:
    """NVIDIA's multi-process service, of this process's own, for what is started meanwhile."""
    places = {f"CUDA_MPS_{place}_DIRECTORY": f"{folder}/mps/{place.lower()}" for place in ("PIPE", "LOG")}
    for place in places.values():
        Path(place).mkdir(parents=True)
    os.environ |= places
    subprocess.run([MPS, "-d"], check=True)
    try:
        yield
    finally:
        subprocess.run([MPS], input="quit\n", text=True, check=True)
        for name in places:
            del os.environ[name]


def _reports(run: Path, folder: Path) -> Callable[[int], Callable[[], object]]:
    """Reports on copies of a run, under a new name for every five seeds."""

    def on(num: int) -> Callable[[], object]:
        place = folder / str(num)
        results: Mapping[str, Any] = json.loads((run / "results.json").read_text())
        for number in range(num):
            name, seed = f"recipe_{number // SEEDS}", number % SEEDS
            copy = shutil.copytree(run, place / f"{name}_{seed}", ignore=LEFT)
            (copy / "results.json").write_text(json.dumps({**results, "name": name, "seed": seed}))
        return lambda: write_report([place])

    return on
