"""Names compared at equal discriminator passes: one that looks at an image four times should beat twice the training.

E evaluations.
"""

from collections.abc import Sequence

from src.core.metric_specs import compact, metric_spec
from src.report.document import Cell, Table
from src.report.grouping import Section, Summary
from src.report.records import Run
from src.report.statistics import estimate
from src.report.verdicts import interval

SPENT = "discriminator_images"


def compute_table(section: Section) -> Table | None:
    """Headline metrics where every run had spent what the cheapest spent in all; None where all cost the same."""
    told = [(summary, [run for run in summary.included if run.history.has(SPENT)]) for summary in section.summaries]
    drawn = [(summary, runs) for summary, runs in told if runs]
    ends = {run.history.last(SPENT) for _, runs in drawn for run in runs}
    if len(ends) < 2:
        return None
    keys = [key for key in section.headline if any(run.history.has(key) for _, runs in drawn for run in runs)]
    header = ["name", "discriminator passes", f"{section.unit} seen by then", *(metric_spec(key).label for key in keys)]
    caption = (
        "**At equal discriminator passes**: validation split, at the last evaluation before the discriminator had "
        f"looked at {compact(min(ends))} images, real or fake; mean over seeds, in brackets its 95 % interval. Passes "
        "are counted per step of the generator; a gradient with respect to the images counts as one. The generator's "
        "passes and second derivatives are not counted, and schedules are cut midway. – if the run had no evaluation "
        "by then."
    )
    return Table(header, [_row(summary, runs, keys, min(ends)) for summary, runs in drawn], caption)


def _row(summary: Summary, runs: Sequence[Run], keys: Sequence[str], spent: float) -> list[Cell]:
    rows = [int((run.history.column(SPENT) <= spent).sum()) - 1 for run in runs]
    reached = [(run, row) for run, row in zip(runs, rows, strict=True) if row >= 0]

    def value(key: str) -> str:
        numbers = (float(run.history.column(key)[row]) for run, row in reached)
        shown = metric_spec(key)
        return interval(estimate(number for number in numbers if number == number), shown)

    seen = {compact(float(run.history.column("images_seen")[row])) for run, row in reached}
    passes = metric_spec("discriminator_passes").text(summary.mean("discriminator_passes"))
    return [
        Cell(f"`{summary.label}`"),
        Cell(passes),
        Cell(" ".join(sorted(seen)) or "–"),
        *(Cell(value(k)) for k in keys),
    ]
