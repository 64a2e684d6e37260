"""The page's tables of numbers."""

from collections.abc import Sequence
from textwrap import shorten

from src.comparison.collapse import in_seeds, outcomes
from src.comparison.document import Cell, Table
from src.comparison.measures import compact, measure, ordered
from src.comparison.ranking import ranks
from src.comparison.records import Run, is_number
from src.comparison.sections import Section, Summary
from src.comparison.statistics import CHANCE, MIN_SEEDS, Estimate, Interval, intervals, p_text
from src.comparison.verdicts import Judgement, equal_budgets, judgements, overall, tone

MOST_CHARACTERS = 300
NOT_QUANTITIES = {"images_per_second", "train_seconds", "num_samples", "num_held_out", "importance_samples"}


def main_table(section: Section) -> Table:
    """The family's main quantities, a row per name, the best first with its rank; all where the family is unknown."""
    keys = [key for key in section.family.main if key in section.metric_keys]
    table = estimates_table(section, keys or _rest(section), section.best_first)
    if not section.ranking_key:
        return table
    places = ranks(section)
    rows = [
        [Cell(str(places.get(summary.name, "–"))), *row]
        for summary, row in zip(section.best_first, table.rows, strict=True)
    ]
    caption = (
        f"{table.caption} Rank, by {measure(section.ranking_key).label}: the places that are left by the names clearly "
        f"better or worse, whose intervals do not overlap with its own; – below {MIN_SEEDS} seeds."
    )
    if not equal_budgets(*section.summaries):
        caption += " Budgets differ, so the ranks do not compare like with like."
    return Table(["rank", *table.header], rows, caption, text_columns=2)


def other_table(section: Section) -> Table | None:
    """Every quantity that the main table has no room for."""
    main = {key for key in section.family.main if key in section.metric_keys}
    elsewhere = {*section.family.samples, *(key for chapter in section.family.chapters for key in chapter.metrics)}
    rest = [key for key in _rest(section) if key not in main | elsewhere]
    return estimates_table(section, rest) if main and rest else None


def _rest(section: Section) -> list[str]:
    onsets = {key for run in section.counted for key in run.onset_columns}
    return ordered(section.metric_keys - NOT_QUANTITIES - onsets)


def estimates_table(section: Section, keys: Sequence[str], summaries: Sequence[Summary] = ()) -> Table:
    """A row per name, the baseline first unless told in which order."""
    rows = [
        [
            Cell(f"`{summary.label}`", "the baseline" if summary.name == section.baseline else ""),
            Cell(str(len(summary.counted))),
            *(_estimate(summary, key) for key in keys),
        ]
        for summary in summaries or section.summaries
    ]
    arrows = {"higher": "\N{NO-BREAK SPACE}↑", "lower": "\N{NO-BREAK SPACE}↓", None: ""}
    header = [f"{measure(key).label}{arrows[measure(key).better]}" for key in keys]
    made = intervals(s.estimates[key] for s in section.summaries for key in keys if key in s.estimates)
    caption = (
        f"Mean over completed seeds, below it the 95 % interval{f' ({made})' if made else ''}. "
        "↑ higher is better, ↓ lower is better."
    )
    return Table(["name", "n", *header], rows, caption)


def _estimate(summary: Summary, key: str) -> Cell:
    """Mean and interval, and of how many runs where not all of them have the metric."""
    shown, value = measure(key), summary.estimates.get(key, Estimate(0))
    details = []
    if value.low is not None and value.low != value.high:
        details.append(f"{shown.text(value.low)} … {shown.text(value.high)}")
    if 0 < value.n < len(summary.counted):
        details.append(f"n = {value.n}")
    return Cell(shown.text(value.mean), " · ".join(details))


def difference_table(section: Section) -> Table | None:
    """Paired differences from the baseline with their verdict; None if there is no remedy to judge."""
    keys = [key for key in section.family.headline if key in section.metric_keys]
    if not section.ranked or not keys or not section.summaries[0].counted:
        return None
    header = ["name", "pairs", *(f"Δ {measure(key).label}" for key in keys), "verdict"]
    judged = [judgements(section, summary) for summary in section.ranked]
    rows = [_difference_row(summary, found) for summary, found in zip(section.ranked, judged, strict=True)]
    differences = [judgement.difference for found in judged for judgement in found]
    made = intervals(differences)
    signs = any(gap.n >= MIN_SEEDS and gap.sd == 0 and gap.interval != Interval.COUNTS for gap in differences)
    exact = " (of their signs alone where all are alike)" if signs else ""
    caption = (
        f"Name minus `{section.baseline_label}`, paired by seed: mean, below it the 95 % interval"
        f"{f' ({made})' if made else ''} and p of a paired t-test{exact} after Holm's correction for the names "
        "tested. "
        "The intervals are not corrected, the verdicts are: a verdict needs three pairs, equal budgets, "
        f"an interval without zero, and p < {CHANCE}."
    )
    return Table(header, rows, caption, wide=(len(header) - 1,))


def _difference_row(summary: Summary, found: Sequence[Judgement]) -> list[Cell]:
    pairs = sorted({judgement.difference.n for judgement in found})
    return [
        Cell(f"`{summary.label}`"),
        Cell("/".join(map(str, pairs))),
        *map(_difference, found),
        Cell(overall(found), tone=tone(found)),
    ]


def _difference(judgement: Judgement) -> Cell:
    shown, value, details = measure(judgement.key), judgement.difference, []
    if value.low is not None:
        details.append(f"{shown.text(value.low, True)} … {shown.text(value.high, True)}")
    if judgement.significance:
        details.append(p_text(judgement.significance.corrected))
    return Cell(shown.text(value.mean, True), " · ".join(details))


def absence_table(section: Section) -> Table:
    """Names of what is lost and in how many seeds, and the onset in each seed."""
    recorded = any(run.outcome for run in section.counted)
    header = ["name", *(key.replace("_", " ") for key in section.name_keys)]
    header += [*(["outcome"] if recorded else []), "onset by seed"]
    rows = []
    for summary in section.summaries:
        runs = len(summary.counted)
        lost = {key: summary.absences(key) for key in section.name_keys}
        texts = [
            Cell(in_seeds(counts, runs, section.classes) if counts else _nothing(section, key) if runs else "–")
            for key, counts in lost.items()
        ]
        texts += [Cell(outcomes(summary.counted) or "–")] if recorded else []
        rows.append([Cell(f"`{summary.label}`"), *texts, Cell(_onsets(summary.counted))])
    never = "" if section.num_modes is None else ", or if half the modes were never covered"
    caption = (
        f"Onset: {section.unit} seen at the first evaluation from which the loss lasts to the end; "
        f"– if there was no such loss{never}."
    )
    return Table(header, rows, caption, text_columns=len(header), wide=range(1, len(header) - 1))


def _nothing(section: Section, key: str) -> str:
    return "no level" if section.family.levels and key == section.family.absent else "none"


def _onsets(runs: Sequence[Run]) -> str:
    if not runs:
        return "–"
    texts = []
    for level in dict.fromkeys(level for run in runs for level in run.onsets):
        seen = [run.onsets.get(level) for run in runs]
        if not level or set(seen) != {None}:
            counts = ", ".join(map(compact, seen))
            texts.append(f"{level}: {counts}" if level else counts)
    return "; ".join(texts) or "–"


def runs_table(section: Section, runs: Sequence[Run]) -> Table:
    """Runs with their status, what they reached, and their errors; those not averaged are toned down."""
    kept = {run.folder for run in section.counted}
    keys = [key for key in section.family.headline if any(_latest(run, key) is not None for run in section.runs)]
    header = ["name", "status", "outcome", "seed", f"{section.unit} seen"]
    header += [*(measure(key).label for key in keys), "note"]
    rows = []
    for run in sorted(runs, key=lambda run: (run.name, run.seed is None, run.seed or 0)):
        averaged = run.folder in kept
        numbers = [Cell(measure(key).text(_latest(run, key))) for key in keys]
        seed, seen = Cell("–" if run.seed is None else str(run.seed)), Cell(compact(run.images_seen))
        status = Cell(run.status, tone="" if averaged else "lost")
        note = shorten(run.error or "", MOST_CHARACTERS) or ("" if averaged else _why_left_out(run))
        rows.append([Cell(f"`{run.name}`"), status, Cell(run.outcome or "–"), seed, seen, *numbers, Cell(note)])
    caption = "Runs that did not complete are not averaged; their numbers are those of their last evaluation."
    return Table(header, rows, caption, text_columns=3, wide=(len(header) - 1,))


def _latest(run: Run, key: str) -> float | None:
    """The final metric, of a run that did not complete that of its last evaluation; never one for the other."""
    if not run.completed:
        return run.history.last(key)
    value = run.metrics.get(key)
    return float(value) if is_number(value) else None


def _why_left_out(run: Run) -> str:
    if run.completed:
        return "not averaged: a later run has the same name and seed" if run.dataset else "its data is not recorded"
    return f"no results.json; {len(run.history.rows)} evaluations" if run.status == "unfinished" else ""
