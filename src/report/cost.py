"""What each name costs: speed, discriminator passes, training time, and how soon it has covered everything."""

from collections.abc import Callable
from statistics import median

from src.core.metric_specs import compact, metric_spec
from src.report.document import Cell, Table
from src.report.grouping import Section, Summary
from src.report.records import Run

UNTIL = {"images_seen": compact, "seconds": lambda value: metric_spec("train_seconds").text(value)}


def cost_table(section: Section) -> Table | None:
    """A row per name with completed runs; None where no run recorded what it took."""
    drawn = [summary for summary in section.summaries if summary.included]
    if not any(run.facts.get("train_seconds") for run in section.included):
        return None
    passes, total = "discriminator_passes" in section.metric_keys, section.num_modes
    header = ["name", f"{section.unit}/s", "training, s"]
    header += ["discriminator passes a step"] if passes else []
    header += [f"{section.unit} until all {total}", f"seconds until all {total}"] if total else []
    rows = [
        [
            Cell(f"`{summary.label}`"),
            _fact(summary, "images_per_second"),
            _fact(summary, "train_seconds"),
            *([Cell(metric_spec("discriminator_passes").text(summary.mean("discriminator_passes")))] if passes else []),
            *(_until(summary, total, column, text) for column, text in UNTIL.items() if total),
        ]
        for summary in drawn
    ]
    caption = (
        "**Speed**: medians over completed seeds, of training alone without evaluations. "
        "Only runs on one machine can be compared."
    )
    if total:
        caption += (
            f" Until all {total}: up to the first evaluation with every mode covered, whatever was lost later; "
            "of the seeds that came so far, whose number is given where it is not all of them."
        )
    return Table(header, rows, caption)


def _fact(summary: Summary, key: str) -> Cell:
    values = [run.facts[key] for run in summary.included if run.facts.get(key)]
    return Cell(metric_spec(key).text(median(values)) if values else "–")


def _until(summary: Summary, total: int, column: str, text: Callable[[float], str]) -> Cell:
    found = [value for run in summary.included if (value := first_complete(run, total, column)) is not None]
    share = f"{len(found)} of {len(summary.included)} seeds" if len(found) < len(summary.included) else ""
    return Cell(text(median(found)) if found else "–", share)


def first_complete(run: Run, total: int, column: str) -> float | None:
    """A column of the history at the first evaluation that covers all modes; None if none does."""
    complete = run.history.column("modes") >= total
    return float(run.history.column(column)[complete.argmax()]) if complete.any() else None
