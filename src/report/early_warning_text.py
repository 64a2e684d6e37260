"""What a report says about early warnings: the rule, each signal's record, and which signal warns, if any."""

from collections.abc import Sequence

from src.core.metric_specs import compact, metric_spec
from src.report.document import Cell, Table
from src.report.early_warning import BEFORE, SLACK, WIDTH, Record, can_be_warned_of, watched
from src.report.grouping import Section
from src.report.statistics import MIN_SEEDS


def left_out(section: Section) -> str:
    """A note on the runs that no signal could have warned of; empty without any."""
    runs = watched(section)
    early = sum(bool(run.onset) and not can_be_warned_of(run) for run in runs)
    never = sum(run.onset_reason is not None for run in runs)
    notes = []
    if early:
        notes.append(
            f"In {_runs(early)} collapse set in before a signal had {BEFORE} evaluations to be measured against and "
            "two to move. More `evaluations=` would show what came before."
        )
    if never:
        notes.append(f"In {_runs(never)} half the modes were never covered: there was nothing to collapse.")
    return f"{' '.join(notes)} These runs are not counted here." if notes else ""


def _runs(count: int) -> str:
    return f"{count or 'no'} run{'s' * (count != 1)}"


def _of(runs: int, seeds: int) -> str:
    """As in "3 runs of 1 seed"."""
    return f"{_runs(runs)}{f' of {seeds} seed' if runs else ''}{'s' * (seeds > 1)}"


def definition() -> str:
    """The rule, in the page's words."""
    return (
        f"Defined beforehand: a signal has moved at the first evaluation at which it lies more than {WIDTH:g} median "
        f"absolute deviations, and more than {SLACK:.0%} of the median, from the median of all its evaluations before "
        f"(at least {BEFORE}), and still does, on the same side, at the next, when the move is dated. Its lead is the "
        "onset minus that moment: positive if the move was confirmed before. A false alarm is a move in a run without "
        "an onset. In 20 evaluations white noise moves in one run in eight, a random walk in nearly half. The best of "
        "several signals is picked without correction for their number."
    )


def warning_table(found: Sequence[Record], unit: str) -> Table:
    rows = [
        [
            Cell(metric_spec(record.signal).label),
            _share(record.warned, record.collapsed),
            _leads(record),
            _share(record.alarms, record.sound),
        ]
        for record in found
    ]
    judged = (
        "All averaged runs of all names together"
        if any(record.pooled for record in found)
        else "Averaged runs of the names that have runs with and without an onset; others may only tell recipes apart"
    )
    caption = (
        f"{judged}. Lead: {unit} between a signal's move and the onset, median over the runs with an onset in which it "
        "moved, below it the range; 0 or negative if the move was not confirmed before."
    )
    return Table(["signal", "moved before the onset", "median lead", "false alarms"], rows, caption)


def _share(count: int, total: int) -> Cell:
    return Cell(f"{count} of {total}" if total else "–")


def _leads(record: Record) -> Cell:
    if not record.leads:
        return Cell("–")
    low, high = _signed(min(record.leads)), _signed(max(record.leads))
    return Cell(_signed(record.lead), f"{low} … {high}" if low != high else "")


def _signed(images: float) -> str:
    return f"{'−' if images < 0 else ''}{compact(abs(images))}"


def earliest(found: Sequence[Record], unit: str) -> str:
    """The signal that warns earliest without crying wolf; or that none does, or that the seeds are too few to say."""
    judged = [record for record in found if record.collapsed_seeds >= MIN_SEEDS]
    if not judged:
        most = max(found, key=lambda record: record.collapsed_seeds)
        return (
            f"No conclusion on early warnings: {_of(most.collapsed, most.collapsed_seeds)} with an onset that a signal "
            f"could have preceded, and at least {MIN_SEEDS} seeds are needed."
        )
    often = sorted((record for record in judged if record.warns_often), key=lambda record: -record.lead)
    if not often:
        best = max(judged, key=lambda record: record.warned)
        return (
            f"No signal warns of collapse: the best, {metric_spec(best.signal).label}, moved before the onset in "
            f"{best.warned} of {best.collapsed} runs."
        )
    checked = [record for record in often if record.sound_seeds >= MIN_SEEDS]
    if not checked:
        return (
            f"{_praise(often[0], unit)}. Whether it also moves where nothing collapses is not known: "
            f"{_of(often[0].sound, often[0].sound_seeds)} without an onset, and at least {MIN_SEEDS} seeds are needed."
        )
    trusted = [record for record in checked if not record.high_false_alarm_rate]
    if not trusted:
        wolves = ", ".join(
            f"{metric_spec(record.signal).label} ({record.alarms} of {record.sound})" for record in checked
        )
        return f"No signal warns without crying wolf; these also moved in runs without an onset: {wolves}."
    best = trusted[0]
    pooled = " Names are pooled: it may only tell recipes apart, those that collapse from the others." * best.pooled
    return f"{_praise(best, unit)}, and it moved in {best.alarms} of {best.sound} runs without one.{pooled}"


def _praise(record: Record, unit: str) -> str:
    return (
        f"**{metric_spec(record.signal).label.capitalize()}** warns earliest: it moved before the onset in "
        f"{record.warned} of {record.collapsed} runs, by {compact(record.lead)} {unit} in the median"
    )
