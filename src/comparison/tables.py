"""The page's tables of numbers."""

from collections.abc import Sequence
from textwrap import shorten

from src.comparison.collapse import in_seeds
from src.comparison.document import Cell, Table
from src.comparison.measures import compact, measure, ordered
from src.comparison.records import Run, is_number
from src.comparison.sections import CONTROLS, Section, Summary, control
from src.comparison.statistics import Estimate
from src.comparison.verdicts import judgements, overall, tone

MOST_CHARACTERS = 300
NOT_QUANTITIES = {"images_per_second", "train_seconds", "num_samples", "num_held_out", "importance_samples"}


def main_table(section: Section) -> Table:
    """The family's main quantities, a row per name; all of them where the family is unknown."""
    keys = [key for key in section.family.main if key in section.metric_keys]
    return _estimates(section, keys or _rest(section))


def other_table(section: Section) -> Table | None:
    """Every quantity that the main table has no room for."""
    main = {key for key in section.family.main if key in section.metric_keys}
    rest = [key for key in _rest(section) if key not in {*main, *section.family.samples}]
    return _estimates(section, rest) if main and rest else None


def _rest(section: Section) -> list[str]:
    onsets = {key for run in section.counted for key in run.onset_columns}
    return ordered(section.metric_keys - NOT_QUANTITIES - onsets)


def _estimates(section: Section, keys: Sequence[str]) -> Table:
    rows = [
        [Cell(f"`{summary.label}`"), Cell(str(len(summary.counted))), *(_estimate(summary, key) for key in keys)]
        for summary in section.summaries
    ]
    arrows = {"higher": "\N{NO-BREAK SPACE}↑", "lower": "\N{NO-BREAK SPACE}↓", None: ""}
    header = [f"{measure(key).label}{arrows[measure(key).better]}" for key in keys]
    caption = "Mean over completed seeds, below it the 95 % interval. ↑ higher is better, ↓ lower is better."
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
    rows = [_difference_row(section, summary, keys) for summary in section.ranked]
    caption = (
        f"Name minus `{section.baseline_label}`, paired by seed: mean and 95 % interval. "
        "A verdict needs three pairs, equal budgets, and an interval without zero."
    )
    return Table(header, rows, caption, wide=(len(header) - 1,))


def _difference_row(section: Section, summary: Summary, keys: Sequence[str]) -> list[Cell]:
    found = judgements(section, summary)
    cells = []
    for key in keys:
        shown, difference = measure(key), summary.difference(key)
        between = ""
        if difference.low is not None:
            between = f"{shown.text(difference.low, True)} … {shown.text(difference.high, True)}"
        cells.append(Cell(shown.text(difference.mean, True), between))
    pairs = sorted({summary.difference(key).n for key in keys})
    return [
        Cell(f"`{summary.label}`"),
        Cell("/".join(map(str, pairs))),
        *cells,
        Cell(overall(found), tone=tone(found)),
    ]


def absence_table(section: Section) -> Table:
    """Names of what is lost and in how many seeds, the onset in each seed, and the speed."""
    header = ["name", *(key.replace("_", " ") for key in section.name_keys), "onset by seed", f"{section.unit}/s"]
    rows = []
    for summary in section.summaries:
        runs = len(summary.counted)
        lost = {key: summary.absences(key) for key in section.name_keys}
        texts = [
            Cell(in_seeds(counts, runs) if counts else _nothing(section, key) if runs else "–")
            for key, counts in lost.items()
        ]
        speed = measure("images_per_second").text(summary.mean("images_per_second"))
        rows.append([Cell(f"`{summary.label}`"), *texts, Cell(_onsets(summary.counted)), Cell(speed)])
    never = "" if section.num_modes is None else "0 if half was never covered, "
    caption = (
        f"Onset: {section.unit} seen at the first evaluation from which the loss lasts to the end; "
        f"{never}– if there was no such loss."
    )
    return Table(header, rows, caption, text_columns=len(header) - 1)


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


def samples_table(section: Section) -> Table | None:
    """Metrics of drawn samples, a row per name, and under them the same metrics on real data and on junk."""
    keys = [key for key in section.family.samples if key in section.metric_keys]
    if not keys:
        return None
    table = _estimates(section, keys)
    rows = [[Cell(CONTROLS.get(name, name)), Cell(""), *cells] for name, cells in _controls(section, keys).items()]
    caption = f"{table.caption} Last rows: what the same metrics say of real data and of junk."
    if "kl" in keys:
        caption += f" {measure('kl').label}: of the recognisable samples' {section.dataset.noun} from the data's."
    return Table(table.header, [*table.rows, *rows], caption)


def controls_table(section: Section) -> Table | None:
    """The main metrics on held-out real data, on noise, and on one repeated sample, averaged over runs."""
    present = {key for run in section.counted for c in run.controls.values() for key in c if is_number(c[key])}
    keys = [key for key in section.family.main if key in present]
    keys = keys if section.family.main else ordered(present)
    if not keys:
        return None
    rows = [[Cell(CONTROLS.get(name, name)), *cells] for name, cells in _controls(section, keys).items()]
    caption = "What the same metrics say of real data and of junk. A metric that likes junk proves nothing."
    return Table(["control", *(measure(key).label for key in keys)], rows, caption)


def _controls(section: Section, keys: Sequence[str]) -> dict[str, list[Cell]]:
    """A row of cells per control, real data first."""
    found = {name for run in section.counted for name in run.controls}
    names = [*(name for name in CONTROLS if name in found), *sorted(found - CONTROLS.keys())]
    return {name: [Cell(measure(key).text(control(section, name, key))) for key in keys] for name in names}


def runs_table(section: Section) -> Table:
    """Every run with its status, what it reached, and its error; those not averaged are toned down."""
    kept = {run.folder for run in section.counted}
    keys = [key for key in section.family.headline if any(_latest(run, key) is not None for run in section.runs)]
    header = [
        "name",
        "status",
        "seed",
        f"{section.unit} seen",
        *(measure(key).label for key in keys),
        f"{section.unit}/s",
        "note",
    ]
    rows = []
    for run in sorted(section.runs, key=lambda run: (run.name, run.seed is None, run.seed or 0)):
        averaged = run.folder in kept
        numbers = [Cell(measure(key).text(_latest(run, key))) for key in keys]
        seed, seen = Cell("–" if run.seed is None else str(run.seed)), Cell(compact(run.images_seen))
        speed = Cell(measure("images_per_second").text(run.facts.get("images_per_second")))
        status = Cell(run.status, tone="" if averaged else "lost")
        note = shorten(run.error or "", MOST_CHARACTERS) or ("" if averaged else _why_left_out(run))
        rows.append([Cell(f"`{run.name}`"), status, seed, seen, *numbers, speed, Cell(note)])
    caption = "Runs that did not complete are not averaged; their numbers are those of their last evaluation."
    return Table(header, rows, caption, text_columns=2, wide=(len(header) - 1,))


def _latest(run: Run, key: str) -> float | None:
    value = run.metrics.get(key)
    return float(value) if is_number(value) else run.history.last(key)


def _why_left_out(run: Run) -> str:
    if run.completed:
        return "not averaged: a later run has the same name and seed" if run.dataset else "its data is not recorded"
    return f"no results.json; {len(run.history.rows)} evaluations" if run.status == "unfinished" else ""
