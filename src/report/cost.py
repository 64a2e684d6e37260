"""Tables of what each name costs: speed, passes, time until all modes are covered, and quality at equal passes."""

from collections.abc import Callable
from functools import partial
from statistics import median

import numpy as np

from src.core.metric_specs import compact, metric_spec
from src.report.document import Cell, Table
from src.report.records import Run
from src.report.section import Section, Summary
from src.report.statistics import estimate
from src.report.tables import name, table
from src.report.templating import interval, say

SPENT = "discriminator_images"


def compute_table(section: Section) -> Table | None:
    """Headline metrics where every run had spent what the cheapest spent in all; None where all cost the same."""
    measured = {s.name: [run.history for run in s.included if run.history.has(SPENT)] for s in section.summaries}
    histories = [history for some in measured.values() for history in some]
    ends = {history.last(SPENT) for history in histories}
    if len(ends) < 2:
        return None
    columns_of = {key: key.removesuffix("_late") for key in section.headline}
    keys = [key for key, column in columns_of.items() if any(history.has(column) for history in histories)]

    def then(summary: Summary, key: str) -> list[float]:
        """A metric of each run's history at its last evaluation within the common expense, or late up to it."""
        values = []
        for history in measured[summary.name]:
            within = history.column(SPENT) <= min(ends)
            column, seen = (history.column(of)[within] for of in (columns_of.get(key, key), "images_seen"))
            counted = column[seen > seen.max(initial=0) / 2] if key.endswith("_late") else column[-1:]
            values += [float(counted.mean())] if counted.size else []
        return values

    def reached(summary: Summary, key: str) -> str:
        return interval(estimate(value for value in then(summary, key) if np.isfinite(value)), metric_spec(key))

    columns = [
        ("name", name),
        ("discriminator passes", partial(_mean, key="discriminator_passes")),
        (f"{section.unit} seen by then", lambda s: " ".join(sorted({*map(compact, then(s, "images_seen"))})) or "–"),
        *((metric_spec(key).label, partial(reached, key=key)) for key in keys),
    ]
    return table([s for s in section.summaries if measured[s.name]], columns, say("equal_compute", min(ends)))


def _mean(summary: Summary, key: str) -> str:
    return metric_spec(key).text(summary.mean(key))


def cost_table(section: Section) -> Table | None:
    """A row per name with completed runs; None where no run recorded what it took."""
    if not any(run.facts.get("train_seconds") for run in section.included):
        return None
    total = section.num_modes

    def fact(summary: Summary, key: str) -> str:
        values = [run.facts[key] for run in summary.included if run.facts.get(key)]
        return metric_spec(key).text(median(values) if values else None)

    def until(summary: Summary, column: str, text: Callable[[float], str]) -> Cell:
        times = [first_complete(run, total, column) for run in summary.included]
        known = [time for time in times if time is not None]
        share = f"{len(known)} of {len(times)} seeds" if len(known) < len(times) else ""
        return Cell(text(median(known)) if known else "–", share)

    columns = [
        ("name", name),
        (f"{section.unit}/s", partial(fact, key="images_per_second")),
        ("training, s", partial(fact, key="train_seconds")),
    ]
    if "discriminator_passes" in section.metric_keys:
        columns.append(("discriminator passes per step", partial(_mean, key="discriminator_passes")))
    if total:
        seconds = metric_spec("train_seconds").text
        columns += [
            (f"{section.unit} until all {total}", partial(until, column="images_seen", text=compact)),
            (f"seconds until all {total}", partial(until, column="seconds", text=seconds)),
        ]
    return table([s for s in section.summaries if s.included], columns, say("caption_cost", total))


def first_complete(run: Run, total: int, column: str) -> float | None:
    """A column of the history at the first evaluation that covers all modes; None if none does."""
    complete = run.history.column("modes") >= total
    return float(run.history.column(column)[complete.argmax()]) if complete.any() else None
