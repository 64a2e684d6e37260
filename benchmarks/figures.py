"""Figures of speed as rows of a table, as in results/speed.csv, and which of its ratios new ones miss."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

STORED = Path(__file__).resolve().parents[1] / "results" / "speed.csv"
SPEED, TO_PLAIN, TO_FP32 = "samples/s", "times a plain loop", "times a plain loop in fp32"
KERNELS, TO_KERNELS = "kernels of a step, ms", "step / kernels"
EVALUATION, SHARE, END = "evaluation, s", "evaluations, share of a default run", "scoring at the end, s"
STEPS, MEMORY, PER_HOUR, TIMES_ONE = "steps/s", "peak memory, GiB", "runs an hour", "times one run"
HIGHER_IS_BETTER = {TO_PLAIN: True, TO_FP32: True, TO_KERNELS: False, SHARE: False, TIMES_ONE: False}  # of ratios
TOLERANCE = 0.15


@dataclass(frozen=True)
class Row:
    """One figure; a median has quartiles.

    `device`: of a stored row, how the names of the devices begin that it holds for. `what`: a recipe, tricks as in
    "[r1]", or a way to run a sweep.
    """

    device: str
    what: str
    batch_size: int | None
    figure: str
    value: float
    low_quartile: float | None
    high_quartile: float | None
    commit: str


def read(path: Path) -> list[Row]:
    def number(text: str) -> float | None:
        return float(text) if text else None

    with path.open(encoding="utf-8", newline="") as file:
        return [
            Row(
                row["device"],
                row["what"],
                int(row["batch_size"]) if row["batch_size"] else None,
                row["figure"],
                float(row["value"]),
                number(row["low_quartile"]),
                number(row["high_quartile"]),
                row["commit"],
            )
            for row in csv.DictReader(file)
        ]


def as_csv(rows: Iterable[Row]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Row)], lineterminator="\n")
    writer.writeheader()
    for row in rows:
        rounded = {
            name: f"{value:.0f}" if value >= 1000 else f"{value:.4g}"
            for name, value in asdict(row).items()
            if isinstance(value, float)
        }
        writer.writerow(asdict(row) | rounded)
    return text.getvalue()


def rows_of(found: Mapping[str, Any]) -> Iterator[Row]:
    """What was measured of recipes, penalties and sweeps (`run.measure`), as rows."""
    machine = found["machine"]
    device, commit = found["device"], machine["git"] or ""
    for recipe in found["recipes"]:
        for name, figure in figures_of(recipe):
            spread = figure if isinstance(figure, dict) else {"median": figure}
            quartiles = spread.get("low_quartile"), spread.get("high_quartile")
            yield Row(device, recipe["recipe"], recipe["batch_size"], name, spread["median"], *quartiles, commit)
    penalties = found.get("penalties", {"steps_per_second": {}})
    for tricks, rate in penalties["steps_per_second"].items():
        quartiles = rate["low_quartile"], rate["high_quartile"]
        yield Row(device, tricks, penalties["batch_size"], STEPS, rate["median"], *quartiles, commit)
    sweeps = found.get("sweeps", {"runs_per_hour": {}})
    for way, per_hour in sweeps["runs_per_hour"].items():
        what = f"{sweeps['seeds']} seeds {way}"
        yield Row(device, what, None, PER_HOUR, per_hour, None, None, commit)
        yield Row(device, what, None, TIMES_ONE, sweeps["times_one_run"][way], None, None, commit)


def figures_of(recipe: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Names and values of a recipe's figures."""
    yield SPEED, recipe["samples_per_second"]["this framework"]
    for rival, ratio in recipe["ratio_to"].items():
        yield f"times a {rival}", ratio
    if "kernels" in recipe:
        yield KERNELS, 1000 * recipe["kernels"]["seconds"]
        yield TO_KERNELS, recipe["kernels"]["step_to_kernels"]
    yield EVALUATION, recipe["evaluation"]["along_training"]
    yield SHARE, recipe["evaluation"]["share_along_training"]
    yield END, recipe["evaluation"]["at_the_end"]
    yield MEMORY, recipe["peak_memory_gib"]


def missed(rows: Iterable[Row], stored: Sequence[Row]) -> Iterator[str]:
    """A sentence for each ratio that is worse than the stored one of such a device by more than the tolerance."""
    for row in rows:
        for before in stored:
            same = (before.what, before.batch_size, before.figure) == (row.what, row.batch_size, row.figure)
            if not same or not row.device.startswith(before.device) or row.figure not in HIGHER_IS_BETTER:
                continue
            change = row.value / before.value - 1
            lost = -change if HIGHER_IS_BETTER[row.figure] else change
            if lost > TOLERANCE:
                size = f", batch {row.batch_size}" if row.batch_size else ""
                yield f"{row.what}{size}: {row.figure} {row.value:.3g}, stored {before.value:.3g} ({before.commit})"
