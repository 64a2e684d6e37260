"""Many runs: what launching them side by side gains, and how a report's time grows with them."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.scaling import timed
from src.core.console import announce
from src.report.write import write_report
from src.sweeps import mps

ONE_BY_ONE, PARALLEL = "hydra/launcher=basic", "hydra/launcher=parallel"
OF_A_RECIPE = 5  # runs in a report
LEFT = shutil.ignore_patterns("checkpoints", "events.*")  # no report reads these


@dataclass(frozen=True)
class Sweep:
    """What is swept over how many seeds, and the numbers of runs whose reports are timed."""

    overrides: tuple[str, ...]
    seeds: int
    reported: tuple[int, ...]


GAN = ("experiment=gan_standard", "data=strokes", "callbacks=no_progress")
ON_CPU = Sweep((*GAN, "budget=16000", "evaluations=2"), 5, (25, 50, 100))
ON_GPU = Sweep(GAN, 5, (25, 50, 100))  # of the default length
FEW = Sweep(("experiment=toy_ring_standard", "budget=512", "evaluations=1", "callbacks=no_progress"), 2, (2, 4))


def measure(swept: Sweep, overrides: Sequence[str], folder: str) -> dict[str, Any]:
    """Seconds of whole commands, reports included, for one seed and for several; runs an hour; reports by runs."""
    sweep, seeds = [*swept.overrides, *overrides], swept.seeds
    ways = {"one after another": [ONE_BY_ONE], "side by side": [PARALLEL, "study.mps=false"]}
    if torch.cuda.is_available() and mps.available():
        ways["side by side under MPS"] = [PARALLEL]
    announce("Timing one run")
    seconds = {"one run": _seconds([*sweep, ONE_BY_ONE], 1, f"{folder}/one")}
    for way, options in ways.items():
        announce(f"Timing {seeds} seeds {way}")
        seconds[way] = _seconds([*sweep, *options], seeds, f"{folder}/{way}")
    (run,) = {path.parent for path in Path(folder, "one").rglob("results.json")}
    return {
        "sweep": sweep,
        "seeds": seeds,
        "seconds": seconds,
        "runs_per_hour": {way: seeds * 3600 / seconds[way] for way in ways},
        "times_one_run": {way: seconds[way] / seconds["one run"] for way in ways},
        "curves": {"report, by runs": timed(_reports(run, Path(folder, "copies")), swept.reported, repeats=1)},
    }


def _seconds(sweep: Sequence[str], seeds: int, folder: str) -> float:
    """Of a sweep as one starts it from a shell.

    Raises:
        ValueError: it failed; what it said last.
    """
    command = [sys.executable, "-m", "src.train", "-m", *sweep, f"seed=range({seeds})", f"hydra.sweep.dir='{folder}'"]
    started = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    taken = time.perf_counter() - started
    completed = [path for path in Path(folder).rglob("results.json") if '"completed"' in path.read_text()]
    if len(completed) < seeds:
        raise ValueError(f"{sweep[-1]}: {len(completed)} of {seeds} runs completed; {done.stdout.strip()[:500]}")
    return taken


def _reports(run: Path, folder: Path) -> Callable[[int], Callable[[], object]]:
    """Reports on copies of a run, under a new name for every five seeds."""

    def on(num: int) -> Callable[[], object]:
        place = folder / str(num)
        results: Mapping[str, Any] = json.loads((run / "results.json").read_text())
        for number in range(num):
            name, seed = f"recipe_{number // OF_A_RECIPE}", number % OF_A_RECIPE
            copy = shutil.copytree(run, place / f"{name}_{seed}", ignore=LEFT)
            (copy / "results.json").write_text(json.dumps({**results, "name": name, "seed": seed}))
        return lambda: write_report([place])

    return on
