"""The page's tables of numbers."""

from collections.abc import Sequence
from textwrap import shorten

from src.core.metric_specs import NOT_QUANTITIES, compact, metric_spec, ordered
from src.core.multiple_tests import CHANCE
from src.core.plain_data import is_number
from src.report.counts import clopper_pearson
from src.report.document import Cell, Table
from src.report.grouping import Section, Summary
from src.report.ranking import ranks
from src.report.records import Run
from src.report.statistics import MIN_SEEDS, Estimate, p_text
from src.report.trajectories import in_seeds, outcomes
from src.report.verdicts import Comparison, decision, effects_text, equal_budgets, side_effects, tone

MOST_CHARACTERS = 300
MOST_EFFECTS = 8


def main_table(section: Section) -> Table:
    """The family's main quantities, a row per name, the best first with its rank; all where the family is unknown."""
    keys = [key for key in section.family.main if key in section.metric_keys]
    table = estimates_table(section, keys or _rest(section), section.best_first)
    if not section.primary:
        return table
    places = ranks(section)
    rows = [
        [Cell(str(places.get(summary.name, "–"))), *row]
        for summary, row in zip(section.best_first, table.rows, strict=True)
    ]
    caption = (
        f"{table.caption} Rank, by {metric_spec(section.primary).label}: the places that are left by the names clearly "
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
    onsets = {key for run in section.included for key in run.onset_columns}
    return ordered(section.metric_keys - NOT_QUANTITIES - onsets)


def estimates_table(section: Section, keys: Sequence[str], summaries: Sequence[Summary] = ()) -> Table:
    """A row per name, the baseline first unless told in which order."""
    rows = [
        [
            Cell(f"`{summary.label}`", "the baseline" if summary.name == section.baseline else ""),
            _seeds(summary),
            *(_estimate(summary, key) for key in keys),
        ]
        for summary in summaries or section.summaries
    ]
    arrows = {"higher": "\N{NO-BREAK SPACE}↑", "lower": "\N{NO-BREAK SPACE}↓", None: ""}
    header = [f"{metric_spec(key).label}{arrows[metric_spec(key).better]}" for key in keys]
    caption = (
        "Mean over seeds, below it the 95 % interval (t, variance moderated over names; seeds in two groups: exact)."
    )
    if any(summary.failed for summary in section.summaries):
        caption += " A failed run has the metric's worst value; a metric without one has no mean (–)."
    caption += " ↑ higher is better, ↓ lower is better."
    return Table(["name", "n", *header], rows, caption)


def _seeds(summary: Summary) -> Cell:
    """How many seeds completed, of how many where some failed."""
    failed = len(summary.failed)
    completed = len(summary.included)
    return Cell(f"{completed} of {completed + failed}" if failed else str(completed))


def _estimate(summary: Summary, key: str) -> Cell:
    """Mean and interval, and of how many runs where not all of them have the metric."""
    shown, value = metric_spec(key), summary.estimates.get(key, Estimate(0))
    details = []
    if value.low is not None and value.low != value.high:
        details.append(f"{shown.text(value.low)} … {shown.text(value.high)}")
    if 0 < value.n < len(summary.included) + len(summary.failed):
        details.append(f"n = {value.n}")
    return Cell(shown.text(value.mean), " · ".join(details))


def difference_table(section: Section) -> Table | None:
    """The verdict on each remedy in the primary metric, and what else it changes; None if there is nothing to judge."""
    if not section.ranked or not section.primary or not (section.summaries[0].included or section.summaries[0].failed):
        return None
    shown = metric_spec(section.primary)
    judged = [(summary, decision(section, summary)) for summary in section.ranked]
    grouped = bool(section.groups)
    header = ["name", "pairs", f"Δ {shown.label}", *(["collapsed or failed"] if grouped else []), "p", "verdict"]
    header += ["could have shown", "side effects"]
    rows = [_difference_row(section, summary, found, grouped) for summary, found in judged]
    tests = max((found.significance.tests for _, found in judged if found.significance), default=0)
    caption = (
        f"Only {shown.label}, the primary metric, decides. Name minus `{section.baseline_label}`, paired by seed: "
        "mean, below it the 95 % interval (t, variance moderated over names). "
    )
    if grouped:
        caption += f"{_grouped(section)} "
    caption += (
        f"p after Holm's correction for {tests} name{'s' * (tests != 1)}; a verdict needs three pairs, equal budgets "
        f"and p < {CHANCE}. Could have shown: the true difference that this test finds in 4 of 5 cases, "
        "or the least difference in counts. Side effects: "
        "every other metric that differs, corrected together over names × metrics."
    )
    return Table(header, rows, caption, wide=(len(header) - 1,))


def _grouped(section: Section) -> str:
    """What "collapsed or failed" means here."""
    shown = metric_spec(section.primary)
    thresholds = {found.threshold for found in section.groups.values()} - {None}
    side = "below" if shown.better == "higher" else "above"
    parts = [f"with a {shown.label} {side} {shown.text(value)}, beyond a wide gap" for value in thresholds]
    parts += ["that failed or have no value"] if any(found.failed for found in section.groups.values()) else []
    return (
        f"Collapsed or failed: seeds {', and those '.join(parts)}, with the exact interval of "
        "their share (Clopper–Pearson); there an exact rank-sum test decides, in which failed seeds are worst."
    )


def _difference_row(section: Section, summary: Summary, found: Comparison, grouped: bool) -> list[Cell]:
    shown, value = metric_spec(found.key), found.difference
    bounds = "" if value.low is None else f"{shown.text(value.low, True)} … {shown.text(value.high, True)}"
    tested = found.significance
    effects = side_effects(section, summary)
    return [
        Cell(f"`{summary.label}`"),
        Cell(str(value.n)),
        Cell(shown.text(value.mean, True), bounds),
        *([_share(section, summary, found)] if grouped else []),
        Cell(p_text(tested.corrected).removeprefix("p = ").removeprefix("p ") if tested else "–"),
        Cell(str(found.verdict), tone=tone(found.verdict)),
        Cell(_could_show(found)),
        Cell(effects_text(effects, MOST_EFFECTS) or "–"),
    ]


def _share(section: Section, summary: Summary, found: Comparison) -> Cell:
    """Seeds of the name that collapsed or failed, with the exact interval of their share, and the baseline's."""
    n = found.difference.n
    if not n:
        return Cell("–")
    worse, baseline = found.compared.worse
    low, high = clopper_pearson(worse, n)
    return Cell(f"{worse} of {n} against {baseline} of {n}", f"{low:.2f} … {high:.2f}")


def _could_show(found: Comparison) -> str:
    if found.significance is None:
        return "–"
    tests = found.significance.tests
    needed = found.compared.seeds_needed(tests)
    if needed:
        return f"nothing below {needed} seeds"
    if count := found.compared.count_needed(tests):
        return f"{count} of {found.difference.n} against 0"
    difference = found.compared.detectable(tests)
    return metric_spec(found.key).text(difference) if difference else "–"


def absence_table(section: Section) -> Table:
    """Names of what is lost and in how many seeds, and the onset in each seed."""
    recorded = any(run.outcome for run in section.included)
    header = ["name", *(key.replace("_", " ") for key in section.name_keys)]
    header += [*(["outcome"] if recorded else []), "onset by seed"]
    rows = []
    for summary in section.summaries:
        runs = len(summary.included)
        lost = {key: summary.absences(key) for key in section.name_keys}
        texts = [
            Cell(in_seeds(counts, runs, section.classes) if counts else _nothing(section, key) if runs else "–")
            for key, counts in lost.items()
        ]
        texts += [Cell(outcomes(summary.included) or "–")] if recorded else []
        rows.append([Cell(f"`{summary.label}`"), *texts, Cell(_onsets(summary.included))])
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
    kept = {run.folder for run in section.included}
    keys = dict.fromkeys([section.primary, *section.family.headline])
    keys = [key for key in keys if any(_latest(run, key) is not None for run in section.runs)]
    header = ["name", "status", "outcome", "seed", f"{section.unit} seen"]
    header += [*(metric_spec(key).label for key in keys), "note"]
    rows = []
    for run in sorted(runs, key=lambda run: (run.name, run.seed is None, run.seed or 0)):
        averaged = run.folder in kept
        numbers = [Cell(metric_spec(key).text(_latest(run, key))) for key in keys]
        seed, seen = Cell("–" if run.seed is None else str(run.seed)), Cell(compact(run.images_seen))
        status = Cell(run.status, tone="" if averaged else "lost")
        note = shorten(run.error or "", MOST_CHARACTERS) or ("" if averaged else _why_left_out(run))
        rows.append([Cell(f"`{run.name}`"), status, Cell(run.outcome or "–"), seed, seen, *numbers, Cell(note)])
    caption = (
        "Runs that did not complete have the numbers of their last evaluation here. Failed and diverged ones count as "
        "the worst, unfinished ones do not count."
    )
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
