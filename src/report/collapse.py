"""What collapses under the baseline, which levels a strategy keeps, how good the best likelihood is: as data."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean

from src.report.grouping import Section, Summary
from src.report.records import Run
from src.report.statistics import MIN_SEEDS, Estimate
from src.report.verdicts import losses

EARLY, LATE = 1 / 3, 2 / 3  # of training
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
        phases: those onsets by phase of training and seed, "" where there is none.
        reasons: how many runs can have no onset, by reason.
    """

    state: State
    seeds: int
    lost: Counter[str]
    modes: Estimate
    outcomes: Counter[str]
    onsets: Sequence[float]
    phases: Mapping[str, Mapping[int, float | None]]
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
    phases: Mapping[str, Mapping[int, float | None]] | None = None

    @property
    def dead(self) -> int:
        return self.collapsed + self.without_effect


def budget(section: Section) -> float:
    """Samples that the baseline's longest run saw."""
    return max((run.images_seen or 0 for run in section.summaries[0].included), default=0)


def phase(onset: float | None, images_seen: float | None) -> str:
    """One of "early" (first third), "midway", "late" (last third), or "" without an onset."""
    if onset is None:
        return ""
    progress = onset / images_seen if images_seen else 0.0
    return "early" if progress <= EARLY else "late" if progress > LATE else "midway"


def _phases(runs: Sequence[Run], onsets: Sequence[float | None]) -> dict[str, dict[int, float | None]]:
    phases: dict[str, dict[int, float | None]] = {"early": {}, "midway": {}, "late": {}, "": {}}
    for run, onset in zip(runs, onsets, strict=True):
        phases[phase(onset, run.images_seen)][run.seed] = onset
    return {name: seeds for name, seeds in phases.items() if seeds}


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
        outcomes=ended,
        onsets=[run.mode_onset for run in runs if run.mode_onset is not None],
        phases=_phases(runs, [run.mode_onset for run in runs]),
        reasons=Counter(run.onset_reason for run in runs if run.onset_reason),
    )


def level(section: Section, summary: Summary, name: str) -> Level:
    onsets = [run.onsets.get(name) for run in summary.included]
    return Level(
        name,
        len(summary.included),
        losses(section, summary, name),
        summary.absences("without_effect")[name],
        summary.estimates.get(f"kl_{name}", Estimate(0)),
        [onset for onset in onsets if onset is not None],
        _phases(summary.included, onsets),
    )


def level_collapse(section: Section) -> tuple[State, list[Level]]:
    """Which levels the baseline loses. Only the plain objective shows what there is to cure."""
    baseline, plain = section.summaries[0], section.family.baselines[0]
    levels = [level(section, baseline, name) for name in section.family.levels]
    if not baseline.included:
        return State.NOT_RUN, levels
    if section.family.absent not in section.name_keys:
        return State.UNMEASURED, levels
    if any(one.dead for one in levels):
        return State.COLLAPSE, levels
    if plain not in baseline.name:
        return State.UNKNOWN, levels
    return State.UNPROVEN if len(baseline.included) < MIN_SEEDS else State.NOTHING, levels


def prevention(section: Section, name: str) -> tuple[Level, dict[str, Level]] | None:
    """One level under the baseline and under each strategy that ran; None where nothing ever loses it."""
    baseline = level(section, section.summaries[0], name)
    tried = {s.label: level(section, s, name) for s in section.remedies if s.included}
    return (baseline, tried) if tried and any(one.dead for one in (baseline, *tried.values())) else None


@dataclass(frozen=True)
class Likelihood:
    """The name with the lowest mean IWAE NLL beside the baseline, the collapse floor and the data's entropy."""

    best: Summary
    baseline: Summary | None  # None where it is the best or has too few seeds to compare
    floor: float | None
    entropy: float | None

    @property
    def value(self) -> Estimate:
        return self.best.estimates["iwae_nll"]


def reference(section: Section, key: str) -> float | None:
    """A number that belongs to the data, not to a model: the collapse floor, or the entropy."""
    known = [run.scalars[key] for run in section.included if key in run.scalars]
    return fmean(known) if known else None


def likelihood(section: Section) -> Likelihood | None:
    """Of the names with enough seeds, or of all where none has."""
    scored = [summary for summary in section.summaries if summary.mean("iwae_nll") is not None]
    scored = [summary for summary in scored if summary.estimates["iwae_nll"].n >= MIN_SEEDS] or scored
    if not scored:
        return None
    best, baseline = min(scored, key=lambda summary: summary.mean("iwae_nll")), section.summaries[0]
    beside = baseline if best is not baseline and baseline in scored else None
    return Likelihood(best, beside, reference(section, "floor_nll"), reference(section, "entropy"))
