"""Early warnings: which signal moves before collapse sets in, and which also moves where none does.

The rule, fixed beforehand. A signal has moved at the first evaluation at which it lies outside the range of all its
evaluations before, of which there must be at least BEFORE, and lies outside the same range, on the same side, at the
next one too. The range reaches from their median WIDTH median absolute deviations, but at least SLACK of the median, to
either side. White noise moves by this rule in about one run in eight of twenty evaluations, a straight trend never.
Like the onset a move is dated back to the first of its evaluations; its lead is the onset minus that, in samples seen.
Runs without an onset are watched to their end, so a signal has more time for a false alarm than for a warning.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from src.comparison.document import Cell, Table
from src.comparison.measures import compact, measure
from src.comparison.records import Run
from src.comparison.sections import Section
from src.comparison.statistics import MIN_SEEDS as MIN_RUNS

BEFORE = 4  # evaluations
WIDTH = 5.0  # median absolute deviations
SLACK = 0.1  # of the median: saturated signals have next to no deviation of their own
OFTEN, SELDOM = 2 / 3, 1 / 5  # of the runs with an onset, and of those without


@dataclass(frozen=True)
class Record:
    """How one signal did over all runs: its leads where it moved, and how often it could have.

    Attributes:
        leads: onset minus move, of the runs with an onset in which it moved; positive is a warning.
        collapsed: runs with an onset late enough to be warned of.
        alarms: runs without an onset in which it moved.
        sound: runs without an onset.
    """

    signal: str
    leads: tuple[float, ...]
    collapsed: int
    alarms: int
    sound: int

    @property
    def warned(self) -> int:
        return sum(lead > 0 for lead in self.leads)

    @property
    def warns_often(self) -> bool:
        return self.warned >= OFTEN * self.collapsed

    @property
    def cries_wolf(self) -> bool:
        return self.alarms > SELDOM * self.sound

    @property
    def lead(self) -> float:
        return median(self.leads)


def moved(run: Run, signal: str) -> float | None:
    """Samples seen when a signal moved by the rule above; None if it never did."""
    seen_E, values_E = run.history.column("images_seen"), run.history.column(signal)
    known_E = np.isfinite(values_E)
    seen_E, values_E = seen_E[known_E], values_E[known_E]
    for turn in range(BEFORE, len(values_E) - 1):
        middle = np.median(values_E[:turn])
        reach = max(WIDTH * np.median(np.abs(values_E[:turn] - middle)), SLACK * abs(middle))
        two = values_E[turn : turn + 2]
        if two.min() > middle + reach or two.max() < middle - reach:
            return float(seen_E[turn])
    return None


def signals(section: Section) -> list[str]:
    """The family's signals that any averaged run recorded."""
    return [key for key in section.family.signals if any(run.history.has(key) for run in section.counted)]


def records(section: Section) -> list[Record]:
    """Every signal's record over all averaged runs, whatever their name."""
    return [_record(section, signal) for signal in signals(section)]


def _record(section: Section, signal: str) -> Record:
    runs = [run for run in section.counted if run.history.has(signal)]
    collapsed = [run for run in runs if _can_be_warned_of(run)]
    sound = [run for run in runs if run.onset is None]
    moves = [(run.onset, when) for run in collapsed if (when := moved(run, signal)) is not None]
    alarms = sum(moved(run, signal) is not None for run in sound)
    return Record(signal, tuple(onset - when for onset, when in moves), len(collapsed), alarms, len(sound))


def _can_be_warned_of(run: Run) -> bool:
    """Whether the onset is later than the first evaluation at which a signal could move."""
    return bool(run.onset) and int((run.history.column("images_seen") < run.onset).sum()) > BEFORE


def too_early(section: Section) -> str:
    """A note on the runs whose onset no signal could have preceded."""
    early = [run for run in section.counted if run.onset and not _can_be_warned_of(run)]
    if not early:
        return ""
    return (
        f"In {len(early)} run{'s' * (len(early) != 1)} collapse set in before a signal had {BEFORE} evaluations to be "
        "measured against; they are not counted here. More `evaluations=` would show what came before."
    )


def definition() -> str:
    """The rule, in the page's words."""
    return (
        f"Defined beforehand: a signal has moved at the first evaluation at which it lies more than {WIDTH:g} median "
        f"absolute deviations, and more than {SLACK:.0%} of the median, from the median of all its evaluations before "
        f"(at least {BEFORE}), and still does, on the same side, at the next. Its lead is the onset minus that moment: "
        "positive if it moved before. A false alarm is a move in a run without an onset."
    )


def warning_table(found: Sequence[Record], unit: str) -> Table:
    rows = [
        [
            Cell(measure(record.signal).label),
            _share(record.warned, record.collapsed),
            _leads(record),
            _share(record.alarms, record.sound),
        ]
        for record in found
    ]
    caption = (
        f"All averaged runs of all names together. Lead: {unit} between a signal's move and the onset, median over the "
        "runs with an onset in which it moved, below it the range; negative if it moved only afterwards."
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
    """The signal that warns earliest without crying wolf; or that none does, or that the runs are too few to say."""
    judged = [record for record in found if record.collapsed >= MIN_RUNS]
    if not judged:
        most = max(record.collapsed for record in found)
        return (
            f"No conclusion on early warnings: {most or 'no'} run{'s' * (most != 1)} with an onset that a signal "
            f"could have preceded, and at least {MIN_RUNS} are needed."
        )
    often = sorted((record for record in judged if record.warns_often), key=lambda record: -record.lead)
    if not often:
        best = max(judged, key=lambda record: record.warned)
        return (
            f"No signal warns of collapse: the best, {measure(best.signal).label}, moved before the onset in "
            f"{best.warned} of {best.collapsed} runs."
        )
    checked = [record for record in often if record.sound >= MIN_RUNS]
    if not checked:
        sound = often[0].sound
        return (
            f"{_praise(often[0], unit)}. Whether it also moves where nothing collapses is not known: "
            f"{sound or 'no'} run{'s' * (sound != 1)} without an onset, and at least {MIN_RUNS} are needed."
        )
    trusted = [record for record in checked if not record.cries_wolf]
    if not trusted:
        wolves = ", ".join(f"{measure(record.signal).label} ({record.alarms} of {record.sound})" for record in checked)
        return f"No signal warns without crying wolf; these also moved in runs without an onset: {wolves}."
    return f"{_praise(trusted[0], unit)}, and it moved in {trusted[0].alarms} of {trusted[0].sound} runs without one."


def _praise(record: Record, unit: str) -> str:
    return (
        f"**{measure(record.signal).label.capitalize()}** warns earliest: it moved before the onset in {record.warned} "
        f"of {record.collapsed} runs, by {compact(record.lead)} {unit} in the median"
    )
