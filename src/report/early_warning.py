"""Early warnings: which signal moves before collapse sets in, and which also moves where none does.

The rule, fixed beforehand: a signal has moved when two evaluations in a row are outside the range of all its
evaluations before, on the same side; there must be at least BEFORE of them. The range reaches from their median WIDTH
median absolute deviations, but at least SLACK of the median, to either side. In twenty evaluations white noise moves by
this rule in about one run in eight, a random walk in nearly half, a straight trend never. A move is dated at the second
of its evaluations, when it is known; its lead is the onset minus that, in samples seen. Runs without an onset are
observed to their end, so a signal has more time for a false alarm than for a warning. A signal that only distinguishes
recipes would have a perfect record over all runs, where some recipes collapse and others do not: names with runs of
both kinds are therefore evaluated alone, if they have enough of either.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from src.core.metric_specs import compact, metric_spec
from src.report.document import Table
from src.report.records import Run
from src.report.section import Section
from src.report.statistics import MIN_SEEDS
from src.report.tables import spread, table
from src.report.templating import say

BEFORE = 4  # evaluations
WIDTH = 5.0  # median absolute deviations
SLACK = 0.1  # of the median: saturated signals have next to no deviation of their own
OFTEN, RARELY = 2 / 3, 1 / 5  # of the runs with an onset, and of those without


@dataclass(frozen=True)
class Record:
    """How one signal did: its leads where it moved, and how often it could have.

    Attributes:
        leads: onset minus move, of the runs with an onset in which it moved; positive is a warning.
        collapsed: runs with an onset late enough to be warned of.
        alarms: runs without an onset in which it moved.
        sound: runs without an onset.
        collapsed_seeds: different seeds among the first; runs of one seed share the data's order, and count once.
        sound_seeds: different seeds among the sound runs.
        pooled: whether runs of all names are evaluated, of which some may always collapse and others never.
    """

    signal: str
    leads: tuple[float, ...]
    collapsed: int
    alarms: int
    sound: int
    collapsed_seeds: int
    sound_seeds: int
    pooled: bool = False

    @property
    def warned(self) -> int:
        return sum(lead > 0 for lead in self.leads)

    @property
    def lead(self) -> float:
        return median(self.leads)


def moved(run: Run, signal: str) -> float | None:
    """Samples seen when a move by the rule above was confirmed; None if there was none."""
    seen_E, values_E = run.history.column("images_seen"), run.history.column(signal)
    known_E = np.isfinite(values_E)
    seen_E, values_E = seen_E[known_E], values_E[known_E]
    for turn in range(BEFORE, len(values_E) - 1):
        middle = np.median(values_E[:turn])
        reach = max(WIDTH * np.median(np.abs(values_E[:turn] - middle)), SLACK * abs(middle))
        two = values_E[turn : turn + 2]
        if two.min() > middle + reach or two.max() < middle - reach:
            return float(seen_E[turn + 1])
    return None


def signals(section: Section) -> list[str]:
    """The family's signals that any averaged run recorded."""
    return [key for key in section.family.signals if any(run.history.has(key) for run in section.included)]


def watched(section: Section) -> list[Run]:
    """The averaged runs that recorded any signal."""
    return [run for run in section.included if any(run.history.has(key) for key in section.family.signals)]


def records(section: Section) -> list[Record]:
    """Every signal's record over the names with runs of both kinds; over all names if their seeds are too few.

    Of both kinds: under the name some runs collapse in time to be warned of, and some never.
    """
    runs = watched(section)
    both = {run.name for run in runs if can_be_warned_of(run)} & {run.name for run in runs if is_sound(run)}
    within = [run for run in runs if run.name in both]
    pooled = min(_seeds(filter(can_be_warned_of, within)), _seeds(filter(is_sound, within))) < MIN_SEEDS
    return [_record(runs if pooled else within, signal, pooled) for signal in signals(section)]


def _record(runs: Sequence[Run], signal: str, pooled: bool) -> Record:
    runs = [run for run in runs if run.history.has(signal)]
    collapsed, sound = [run for run in runs if can_be_warned_of(run)], [run for run in runs if is_sound(run)]
    return Record(
        signal,
        tuple(run.onset - when for run in collapsed if (when := moved(run, signal)) is not None),
        collapsed=len(collapsed),
        alarms=sum(moved(run, signal) is not None for run in sound),
        sound=len(sound),
        collapsed_seeds=_seeds(collapsed),
        sound_seeds=_seeds(sound),
        pooled=pooled,
    )


def _seeds(runs: Iterable[Run]) -> int:
    return len({run.seed for run in runs})


def is_sound(run: Run) -> bool:
    """Whether the run had modes to lose, and did not collapse."""
    return run.onset is None and not run.onset_reason and run.outcome != "collapsed"


def can_be_warned_of(run: Run) -> bool:
    """Whether the onset is later than the first evaluation at which a move could be confirmed."""
    return bool(run.onset) and int((run.history.column("images_seen") < run.onset).sum()) > BEFORE + 1


@dataclass(frozen=True)
class EarlyWarning:
    """Which signal warns earliest without false alarms, or why that cannot be said.

    Attributes:
        state: "too few collapses", "none warns", "false alarms", "false alarms unknown" or "warns".
        record: of the signal that the state is about.
        others: the signals that warn often, where all of them give false alarms.
    """

    state: str
    record: Record
    others: Sequence[Record] = ()


def warning(records: Sequence[Record]) -> EarlyWarning:
    known = [record for record in records if record.collapsed_seeds >= MIN_SEEDS]
    if not known:
        return EarlyWarning("too few collapses", max(records, key=lambda record: record.collapsed_seeds))
    often = [record for record in known if record.warned >= OFTEN * record.collapsed]
    often.sort(key=lambda record: -record.lead)
    if not often:
        return EarlyWarning("none warns", max(known, key=lambda record: record.warned))
    checked = [record for record in often if record.sound_seeds >= MIN_SEEDS]
    if not checked:
        return EarlyWarning("false alarms unknown", often[0])
    trusted = [record for record in checked if record.alarms <= RARELY * record.sound]
    return EarlyWarning("warns", trusted[0]) if trusted else EarlyWarning("false alarms", checked[0], checked)


def not_warned(section: Section) -> tuple[int, int]:
    """Runs that no signal could have warned of: those with too early an onset, and those that had nothing to lose."""
    runs = watched(section)
    early = sum(bool(run.onset) and not can_be_warned_of(run) for run in runs)
    return early, sum(run.onset_reason is not None for run in runs)


def warning_table(records: Sequence[Record], unit: str) -> Table:
    columns = [
        ("signal", lambda record: metric_spec(record.signal).label),
        ("moved before the onset", lambda one: f"{one.warned} of {one.collapsed}" if one.collapsed else "–"),
        ("median lead", lambda one: spread(one.leads, lambda lead: f"{'−' * (lead < 0)}{compact(abs(lead))}")),
        ("false alarms", lambda one: f"{one.alarms} of {one.sound}" if one.sound else "–"),
    ]
    return table(records, columns, say("warnings", any(record.pooled for record in records), unit))
