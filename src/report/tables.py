"""The page's tables of numbers."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from statistics import median
from textwrap import shorten
from typing import Any

import numpy as np

from src.core.metric_families import CONTROLS
from src.core.metric_specs import NOT_QUANTITIES, compact, metric_spec, ordered
from src.core.plain_data import is_number
from src.report.counts import clopper_pearson
from src.report.document import Cell, Table
from src.report.outcomes import remedies
from src.report.records import Run
from src.report.section import Section, Summary
from src.report.statistics import bare_p
from src.report.templating import in_seeds, say
from src.report.verdicts import WITHOUT_EFFECT, Comparison, effects_text, equal_budgets, ranks, side_effects

MOST_CHARACTERS = 300
MOST_EFFECTS = 8
ARROWS = {"higher": "\N{NO-BREAK SPACE}↑", "lower": "\N{NO-BREAK SPACE}↓", None: ""}

Columns = Sequence[tuple[str, Callable[[Any], Cell | str | int]]]


def table(rows: Iterable[Any], columns: Columns, caption: str = "", **layout: Any) -> Table:
    """A row per item; a column is its header and a function of the item to its cell."""
    cells = [[_cell(content(row)) for _, content in columns] for row in rows]
    return Table([header for header, _ in columns], cells, caption, **layout)


def _cell(content: Cell | str | int) -> Cell:
    return content if isinstance(content, Cell) else Cell(str(content))


def spread(values: Sequence[float], text: Callable[[float], str]) -> Cell:
    """Median, below it the range."""
    if not values:
        return Cell("–")
    low, high = text(min(values)), text(max(values))
    return Cell(text(median(values)), f"{low} … {high}" if low != high else "")


def name(summary: Summary) -> str:
    return f"`{summary.label}`"


def main_table(section: Section) -> Table:
    """The family's main quantities, a row per name, the best first with its rank; all where the family is unknown."""
    places = ranks(section) if section.primary else {}
    rank = [("rank", lambda s: str(places.get(s.name, "–")))] if section.primary else []
    caption = say("caption_ranking", section, equal_budgets(*section.summaries)) if section.primary else ""
    return estimates_table(section, section.main or section.quantities, section.best_first, rank, caption)


def win_table(section: Section) -> Table | None:
    """How often a row's name is better than a column's in the primary metric, of the seeds that both have.

    A tie counts half, and a failed seed loses to any that did not fail.
    """
    order = [s for s in section.best_first if s.included or s.failed]
    direction = {"higher": 1, "lower": -1, None: 0}[metric_spec(section.primary).better if section.primary else None]
    if len(order) < 2 or not direction:
        return None
    values = {s.name: direction * section.tables[section.primary][section.names.index(s.name)] for s in order}

    def won(row: Summary, column: Summary) -> Cell:
        own, other = values[row.name], values[column.name]
        both = ~np.isnan(own) & ~np.isnan(other)
        if row is column or not both.any():
            return Cell("–")
        rate = ((own > other) + 0.5 * (own == other))[both].mean()
        return Cell(f"{rate:.2f}", "" if both.all() else f"n = {both.sum()}", f"win{round(4 * rate)}")

    columns = [("row beats column", name), *((name(s), partial(won, column=s)) for s in order)]
    return table(order, columns, say("wins", section))


def other_table(section: Section) -> Table | None:
    """Every quantity that the main table has no room for."""
    elsewhere = {*section.family.samples, *(key for chapter in section.family.chapters for key in chapter.metrics)}
    rest = [key for key in section.quantities if key not in {*section.main, *elsewhere}]
    return estimates_table(section, rest) if section.main and rest else None


def estimates_table(
    section: Section, keys: Sequence[str], summaries: Sequence[Summary] = (), first: Columns = (), caption: str = ""
) -> Table:
    """A row per name, in the given order, else the baseline first; `first` are columns before the name."""

    def seeds(summary: Summary) -> str:
        done, failed = len(summary.included), len(summary.failed)
        return f"{done} of {done + failed}" if failed else str(done)

    columns = [
        *first,
        ("name", lambda s: Cell(name(s), "the baseline" if s.name == section.baseline else "")),
        ("n", seeds),
        *((f"{metric_spec(key).label}{ARROWS[metric_spec(key).better]}", partial(_estimate, key=key)) for key in keys),
    ]
    captions = [say("estimates", any(s.failed for s in section.summaries)), caption]
    rows = summaries or section.summaries
    return table(rows, columns, " ".join(filter(None, captions)), text_columns=1 + len(first))


def _estimate(summary: Summary, key: str) -> Cell:
    """Mean and interval, and of how many runs where not all of them have the metric."""
    spec, value = metric_spec(key), summary.estimate(key)
    details = []
    if value.low is not None and value.low != value.high:
        details.append(f"{spec.text(value.low)} … {spec.text(value.high)}")
    if 0 < value.n < len(summary.included) + len(summary.failed):
        details.append(f"n = {value.n}")
    level = key.partition("_")[2] if key.startswith(("kl_", "active_")) else ""
    if idle := summary.absences(WITHOUT_EFFECT)[level]:
        details.append(f"without effect in {idle} of {len(summary.included)}")
    return Cell(spec.text(value.mean), " · ".join(details))


def difference_table(section: Section) -> Table | None:
    """The verdict on each remedy in the primary metric, and what else it changes; None if nothing can be compared."""
    tried, baseline = remedies(section), section.summaries[0]
    if not tried or not (baseline.included or baseline.failed):
        return None
    spec = metric_spec(section.primary)

    def difference(comparison: Comparison) -> Cell:
        value = comparison.difference
        ends = "" if value.low is None else f"{spec.text(value.low, True)} … {spec.text(value.high, True)}"
        return Cell(spec.text(value.mean, True), ends)

    columns = [
        ("name", lambda one: name(one.summary)),
        ("pairs", lambda one: one.difference.n),
        (f"Δ {spec.label}", difference),
        *([("worse group or failed", _share)] if section.groups else []),
        ("p", lambda one: bare_p(one.significance.corrected) if one.significance else "–"),
        ("verdict", lambda one: Cell(str(one.verdict), tone=one.verdict.tone)),
        ("could have shown", lambda one: say("could_show", one)),
        ("side effects", lambda one: effects_text(side_effects(section, one.summary), MOST_EFFECTS) or "–"),
    ]
    tests = max((one.significance.tests for one in tried if one.significance), default=0)
    return table(tried, columns, say("verdicts", section, tests), wide=(len(columns) - 1,))


def _share(comparison: Comparison) -> Cell:
    """Seeds of the name that failed or lie in the worse group, with the exact interval of their share."""
    n, (worse, baseline) = comparison.difference.n, comparison.worse
    if not n:
        return Cell("–")
    low, high = clopper_pearson(worse, n)
    return Cell(f"{worse} of {n} against {baseline} of {n}", f"{low:.2f} … {high:.2f}")


def absence_table(section: Section) -> Table:
    """Names of what is lost and in how many seeds, and the onset in each seed."""

    def lost(summary: Summary, key: str) -> str:
        if not summary.included:
            return "–"
        nothing = "no level" if section.family.levels and key == section.family.absent else "none"
        return in_seeds(summary.absences(key), len(summary.included), section.classes) or nothing

    def ended(summary: Summary) -> str:
        return say("outcomes", summary.outcomes, len(summary.included)) or "–"

    columns = [
        ("name", name),
        *((key.replace("_", " "), partial(lost, key=key)) for key in section.name_keys),
        *([("outcome", ended)] if any(run.outcome for run in section.included) else []),
        ("onset by seed", lambda s: _onsets(s.included)),
    ]
    last = len(columns) - 1
    return table(section.summaries, columns, say("absences", section), text_columns=len(columns), wide=range(1, last))


def _onsets(runs: Sequence[Run]) -> str:
    texts = []
    for level in dict.fromkeys(level for run in runs for level in run.onsets):
        seen = [run.onsets.get(level) for run in runs]
        if not level or set(seen) != {None}:
            texts.append(f"{level}: " * bool(level) + ", ".join(map(compact, seen)))
    return "; ".join(texts) or "–"


def runs_table(section: Section) -> Table:
    """Runs with their status, what they reached, and their errors; those not averaged are toned down."""
    kept = {run.folder for run in section.included}

    def reached(run: Run, key: str) -> float | None:
        """The final metric, of a run that did not complete that of its last evaluation; never one for the other."""
        return run.scalars.get(key) if run.completed else run.history.last(key)

    keys = dict.fromkeys([section.primary, *section.family.headline])
    keys = [key for key in keys if any(reached(run, key) is not None for run in section.runs)]
    columns = [
        ("name", lambda run: f"`{run.name}`"),
        ("status", lambda run: Cell(run.status, tone="" if run.folder in kept else "lost")),
        ("outcome", lambda run: run.outcome or "–"),
        ("seed", lambda run: "–" if run.seed is None else run.seed),
        (f"{section.unit} seen", lambda run: compact(run.images_seen)),
        *((metric_spec(key).label, lambda run, key=key: metric_spec(key).text(reached(run, key))) for key in keys),
        ("note", lambda run: shorten(run.error or "", MOST_CHARACTERS) or say("note", run, run.folder in kept)),
    ]
    rows = sorted(section.runs, key=lambda run: run.order)
    return table(rows, columns, say("caption_runs"), text_columns=3, wide=(len(columns) - 1,))


# Controls


def samples_table(section: Section) -> Table | None:
    """Metrics of drawn samples, a row per name, and under them the same metrics on real data and on junk."""
    keys = section.measured(section.family.samples)
    return controlled_table(section, keys) if keys else None


def controlled_table(section: Section, keys: Sequence[str], summaries: Sequence[Summary] = ()) -> Table:
    """A row per name, then one per control."""
    main = estimates_table(section, keys, summaries, caption=say("caption_samples", section))
    rows = [
        [Cell(CONTROLS.get(one, one)), Cell(""), *(Cell(_control(section, one, key)) for key in keys)]
        for one in _control_names(section)
    ]
    return replace(main, rows=[*main.rows, *rows])


def controls_table(section: Section) -> Table | None:
    """Every metric that has controls, the main ones first: what the runs score beside real data and junk.

    What the table of samples shows with its controls is left out.
    """
    present = {key for run in section.included for c in run.controls.values() for key in c if is_number(c[key])}
    present -= {*NOT_QUANTITIES, *section.measured(section.family.samples)}
    keys = dict.fromkeys([*(key for key in section.family.main if key in present), *ordered(present)])

    def span(key: str) -> str:
        means = sorted(summary.mean(key) for summary in section.summaries if summary.mean(key) is not None)
        ends = dict.fromkeys(map(metric_spec(key).text, (means[0], means[-1]))) if means else "–"
        return "\N{NO-BREAK SPACE}…\N{NO-BREAK SPACE}".join(ends)

    columns = [
        ("metric", lambda key: metric_spec(key).label),
        ("these runs", span),
        *((CONTROLS.get(one, one), partial(_control, section, one)) for one in _control_names(section)),
    ]
    return table(keys, columns, say("caption_controls")) if keys else None


def _control(section: Section, one: str, key: str) -> str:
    return metric_spec(key).text(section.control(one, key))


def _control_names(section: Section) -> list[str]:
    """Real data first."""
    present = {one for run in section.included for one in run.controls}
    return [*(one for one in CONTROLS if one in present), *sorted(present - CONTROLS.keys())]
