"""What collapses under the baseline, which levels a strategy keeps, whose samples are readable: as data."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean

from src.core.levels import levels_in
from src.report.grouping import Section, Summary
from src.report.records import Run
from src.report.statistics import MIN_SEEDS, Estimate
from src.report.verdicts import WITHOUT_EFFECT

READABLE = 0.1  # of the precision of real data
HEALTHY = {"covering", "alive", ""}  # outcomes of runs that leave nothing to cure


class State(StrEnum):
    """Whether anything collapses under the baseline."""

    NOT_RUN = "the baseline has no completed run"
    UNMEASURED = "nothing was measured that shows a collapse"
    COLLAPSE = "something collapses"
    NOTHING = "nothing collapses"
    UNPROVEN = "nothing collapses in too few seeds"
    UNKNOWN = "nothing collapses, but the plain objective was not run"


@dataclass(frozen=True)
class ModeCollapse:
    """Modes of the baseline's samples.

    Attributes:
        lost: in how many seeds each mode is missing.
        outcomes: how many runs have each outcome, "" for none recorded.
        onsets: images seen when the loss of modes became lasting, of the runs that have such an onset.
        reasons: how many runs can have no onset, by reason.
    """

    state: State
    seeds: int
    lost: Counter[str]
    modes: Estimate
    modes_any: Estimate
    outcomes: Counter[str]
    onsets: Sequence[float]
    reasons: Counter[str]

    @property
    def always(self) -> list[str]:
        return sorted(name for name, count in self.lost.items() if count == self.seeds)


@dataclass(frozen=True)
class Level:
    """One latent level under one name: in how many seeds it collapsed or was without effect, its KL, its onsets."""

    name: str
    seeds: int
    collapsed: int
    without_effect: int
    kl: Estimate
    onsets: Sequence[float] = ()

    @property
    def dead(self) -> int:
        return self.collapsed + self.without_effect


def budget(section: Section) -> float:
    """Samples that the baseline's longest run saw."""
    return max((run.images_seen or 0 for run in section.summaries[0].included), default=0)


def outcomes_of(runs: Sequence[Run]) -> Counter[str]:
    """How many runs have each outcome; "" stands for none recorded."""
    return Counter(run.outcome or "" for run in runs)


def mode_collapse(section: Section, key: str) -> ModeCollapse:
    """What the baseline loses of the modes that the list metric `key` names."""
    baseline = section.summaries[0]
    runs, lost, ended = baseline.included, baseline.absences(key), outcomes_of(baseline.included)
    state = State.UNPROVEN if len(runs) < MIN_SEEDS else State.NOTHING
    if lost or (key == section.family.absent and set(ended) - HEALTHY):
        state = State.COLLAPSE
    if not runs:
        state = State.NOT_RUN
    elif key not in section.name_keys:
        state = State.UNMEASURED
    return ModeCollapse(
        state=state,
        seeds=len(runs),
        lost=lost,
        modes=baseline.estimates.get("modes", Estimate(0)),
        modes_any=baseline.estimates.get("modes_any", Estimate(0)),
        outcomes=ended,
        onsets=[run.mode_onset for run in runs if run.mode_onset is not None],
        reasons=Counter(run.onset_reason for run in runs if run.onset_reason),
    )


@dataclass(frozen=True)
class Readability:
    """Names whose samples are not readable, by their mean precision, beside the precision of held-out real data."""

    real: float
    unreadable: Mapping[str, float]
    everywhere: bool


def readability(section: Section) -> Readability | None:
    """None where precision was not measured, or where no name's is below READABLE of that of real data."""
    real = section.control("real", "precision")
    known = {s.label: value for s in section.summaries if s.included and (value := s.mean("precision")) is not None}
    low = {label: value for label, value in known.items() if value < READABLE * (real or 0)}
    return Readability(real, low, len(low) == len(known)) if real and low else None


def level(section: Section, summary: Summary, name: str) -> Level:
    onsets = [run.onsets.get(name) for run in summary.included]
    return Level(
        name,
        len(summary.included),
        summary.absences(section.family.absent)[name],
        summary.absences(WITHOUT_EFFECT)[name],
        summary.estimates.get(f"kl_{name}", Estimate(0)),
        [onset for onset in onsets if onset is not None],
    )


def levels(section: Section, summary: Summary) -> list[Level]:
    """The latent levels that a name's models have; those of the section where it has no run."""
    names = levels_in(key for run in summary.included for key in run.scalars) or section.family.levels
    return [level(section, summary, name) for name in names]


def level_collapse(section: Section) -> tuple[State, list[Level]]:
    """Which levels the baseline loses. Only the plain objective shows what there is to cure."""
    baseline, plain = section.summaries[0], section.family.baselines[0]
    own = levels(section, baseline)
    if not baseline.included:
        return State.NOT_RUN, own
    if section.family.absent not in section.name_keys:
        return State.UNMEASURED, own
    if any(one.dead for one in own):
        return State.COLLAPSE, own
    if plain not in baseline.name:
        return State.UNKNOWN, own
    return State.UNPROVEN if len(baseline.included) < MIN_SEEDS else State.NOTHING, own


def prevention(section: Section, name: str) -> tuple[Level, dict[str, Level]] | None:
    """One level under the baseline and under each strategy whose models have it; None where nothing ever loses it."""
    found = {s.label: one for s in section.summaries if s.included for one in levels(section, s) if one.name == name}
    baseline = found.pop(section.baseline_label, Level(name, 0, 0, 0, Estimate(0)))
    return (baseline, found) if found and any(one.dead for one in (baseline, *found.values())) else None


def reference(section: Section, key: str) -> float | None:
    """A number that belongs to the data, not to a model: the collapse floor, or the entropy."""
    known = [run.scalars[key] for run in section.included if key in run.scalars]
    return fmean(known) if known else None
