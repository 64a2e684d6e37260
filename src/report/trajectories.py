"""What becomes of each mode during training: losses, returns, onsets, survival.

E evaluations, K classes.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from src.core.metric_specs import compact
from src.report.document import Cell, Table
from src.report.records import Run
from src.report.section import Section, Summary
from src.report.tables import name, spread, table
from src.report.templating import few, say

MOST_CLASSES = 62
QUARTERS = (0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class ModeTrajectory:
    """What became of one name in one run; times are samples seen at an evaluation.

    Attributes:
        present: at one evaluation at least.
        first_loss: the first evaluation at which it was absent after it had been present.
        gone: the evaluation from which on it stayed absent, of a name that had been present.
    """

    present: bool
    first_loss: float | None = None
    gone: float | None = None


Trajectories = Mapping[str, ModeTrajectory]


def trajectories(run: Run) -> dict[str, ModeTrajectory]:
    """By name, of every mode absent at some evaluation."""
    absences, seen = run.history.absences or [], run.history.column("images_seen")
    made = {}
    for mode in sorted(set().union(*absences)):
        present = np.array([mode not in lost for lost in absences])
        losses = seen[1:][present[:-1] & ~present[1:]].tolist()
        gone = losses[-1] if losses and not present[-1] else None
        made[mode] = ModeTrajectory(bool(present.any()), losses[0] if losses else None, gone)
    return made


def recorded(summary: Summary) -> tuple[Run, ...]:
    """The averaged runs whose histories tell which modes were covered."""
    return tuple(run for run in summary.included if run.history.absences is not None)


def survival(section: Section, summary: Summary) -> tuple[np.ndarray, np.ndarray] | None:
    """Samples seen [E] and the share of seeds [E, K] in which each class is covered then; None where it is unknown.

    Averaged where every seed has an evaluation. A class of stacked characters has in each seed the share of the modes
    with it, in any place, that are covered.
    """
    classes, places, runs = section.classes, characters(section), recorded(summary)
    if not runs or not places:
        return None
    tables = [_covered(run, classes, places) for run in runs]
    seen = sorted(set.intersection(*map(set, tables)))
    return (np.array(seen), np.array([np.mean([t[turn] for t in tables], axis=0) for turn in seen])) if seen else None


def characters(section: Section) -> int:
    """Classes that make a mode: 1 where they are the modes, 0 where modes cannot be distinguished by class."""
    classes = section.classes
    if not section.num_modes or not 2 <= len(classes) <= MOST_CLASSES:
        return 0
    places = round(math.log(section.num_modes, len(classes)))
    distinct = places == 1 or all(len(name) == 1 for name in classes)
    return places if distinct and len(classes) ** places == section.num_modes else 0


def _covered(run: Run, classes: Sequence[str], places: int) -> dict[float, np.ndarray]:
    """Share of each class's modes that are covered, [K], by samples seen."""
    num_modes_with = len(classes) ** places - (len(classes) - 1) ** places
    shares = {}
    for seen, absent in zip(run.history.column("images_seen").tolist(), run.history.absences, strict=True):
        lost = Counter(name for mode in absent for name in (set(mode) if places > 1 else {mode}))
        shares[seen] = 1 - np.array([lost[name] for name in classes]) / num_modes_with
    return shares


def vanishing(section: Section) -> tuple[dict[str, tuple[float, float]], Counter[str]]:
    """Under the baseline: from when on each name was lost until the end, first and last seed, and the never covered."""
    runs = [trajectories(run) for run in section.summaries[0].included]
    times = sorted((one.gone, mode) for run in runs for mode, one in run.items() if one.gone is not None)
    first, last = {mode: when for when, mode in reversed(times)}, {mode: when for when, mode in times}
    *_, never = lost_modes(runs)
    return {mode: (first[mode], last[mode]) for _, mode in times}, never


def onset_shares(section: Section) -> dict[str, list[str]]:
    """Under which names loss becomes lasting in every seed, in some, in none; with their number where they are few."""
    shares: dict[str, list[str]] = {"in every seed": [], "in some seeds": [], "in no seed": []}
    for summary in filter(recorded, section.summaries):
        runs, onsets = len(summary.included), len(summary.onsets)
        if onsets in (0, runs):
            shares["in every seed" if onsets else "in no seed"].append(f"`{summary.label}`{few(runs)}")
        else:
            shares["in some seeds"].append(f"`{summary.label}` ({onsets} of {runs})")
    return {share: names for share, names in shares.items() if names}


def onset_table(section: Section) -> Table | None:
    """Onset over seeds per name, and in how many seeds no loss had become lasting a quarter, a half … through."""
    drawn = list(filter(recorded, section.summaries))

    def free(summary: Summary) -> str:
        able = [run for run in summary.included if not run.onset_reason]
        ends = [(math.inf if run.mode_onset is None else run.mode_onset, run.images_seen or 0) for run in able]
        return " · ".join(str(sum(onset > part * seen for onset, seen in ends)) for part in QUARTERS)

    def number(summary: Summary) -> Cell:
        never = sum(bool(run.onset_reason) for run in summary.included)
        return Cell(str(len(summary.onsets)), f"{never} never covered half" if never else "")

    def outcome(summary: Summary, key: str) -> str:
        return str(summary.outcomes[key]) if any(summary.outcomes) else "–"

    ended = () if section.family.levels else ("collapsed", "learning", "covering")  # levels have outcomes of their own
    columns = [
        ("name", name),
        ("seeds", lambda s: len(s.included)),
        *((key, partial(outcome, key=key)) for key in ended),
        ("with an onset", number),
        ("median onset", lambda s: spread(s.onsets, compact)),
        ("without one at ¼ · ½ · ¾ · the end", free),
    ]
    return table(drawn, columns, say("onsets", section)) if drawn else None


def loss_table(section: Section) -> Table | None:
    """How many modes a run loses, recovers, and loses until the end, a row per name."""
    rows = [(summary, [trajectories(run) for run in recorded(summary)]) for summary in section.summaries]
    drawn = [(summary, runs) for summary, runs in rows if runs]
    if not drawn:
        return None
    kinds: dict[str, Callable[[ModeTrajectory], bool]] = {
        "lost at some time": lambda one: one.first_loss is not None,
        "of these back at the end": lambda one: one.first_loss is not None and one.gone is None,
        "lost until the end": lambda one: one.gone is not None,
        "never covered": lambda one: not one.present,
    }

    def number(row: tuple[Summary, list[Trajectories]], kind: str) -> Cell:
        return spread([sum(map(kinds[kind], run.values())) for run in row[1]], "{:g}".format)

    columns = [("name", lambda row: name(row[0])), *((kind, partial(number, kind=kind)) for kind in kinds)]
    named = characters(section) == 1
    columns += [("which", lambda row: say("lost_modes", *lost_modes(row[1])))] if named else []
    return table(drawn, columns, say("losses", section.dataset.noun if named else "modes"), wide=(5,))


def lost_modes(runs: Sequence[Trajectories]) -> tuple[int, list[str], float | None, Counter[str], Counter[str]]:
    """Number of runs, the first names to be lost and when, names lost until the end, and names never covered."""
    losses = [(one.first_loss, name) for run in runs for name, one in run.items() if one.first_loss is not None]
    earliest = min(losses, default=(None, ""))[0]
    gone = Counter(name for run in runs for name, one in run.items() if one.gone is not None)
    never = Counter(name for run in runs for name, one in run.items() if not one.present)
    return len(runs), sorted({name for when, name in losses if when == earliest}), earliest, gone, never
