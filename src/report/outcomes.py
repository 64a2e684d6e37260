"""What the numbers of a section say, as data; templates/sentences.j2 puts it into words."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean

from src.report.cautions import Caution, cautions
from src.report.grouping import Section, Summary
from src.report.ranking import ranks
from src.report.records import Run
from src.report.statistics import MIN_SEEDS, Estimate
from src.report.verdicts import (
    KLS,
    Comparison,
    Verdict,
    decision,
    judge,
    kl_at_floor,
    losses,
    side_effects,
)

EARLY, LATE = 1 / 3, 2 / 3  # of training
HEALTHY = {"covering", "alive", ""}  # outcomes of runs that leave nothing to cure
ENOUGH_SEEDS = 5  # from here on "more seeds" is not the first advice
MANY = 6  # remedies for a sentence each


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
    found: dict[str, dict[int, float | None]] = {"early": {}, "midway": {}, "late": {}, "": {}}
    for run, onset in zip(runs, onsets, strict=True):
        found[phase(onset, run.images_seen)][run.seed] = onset
    return {name: seeds for name, seeds in found.items() if seeds}


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


@dataclass(frozen=True)
class Remedy:
    """One remedy with its verdict in the primary metric and its side effects."""

    summary: Summary
    decision: Comparison
    effects: Sequence[Comparison]
    at_floor: bool  # its KL is what a perfect sampler would score

    @property
    def label(self) -> str:
        return self.summary.label

    @property
    def verdict(self) -> Verdict:
        return self.decision.verdict


def remedies(section: Section) -> list[Remedy]:
    """Those with completed or failed runs, the best mean first."""
    return [
        Remedy(
            summary,
            found,
            side_effects(section, summary),
            section.primary in KLS and kl_at_floor(summary, section.primary) and len(summary.included) >= MIN_SEEDS,
        )
        for summary in section.ranked
        if (found := decision(section, summary))
    ]


class Conclusion(StrEnum):
    NOT_RUN = "no remedy was run"
    WITHHELD = "no verdict on any remedy"
    NONE_HELPS = "no remedy is shown to help"
    HELPS = "a remedy helps"


@dataclass(frozen=True)
class Effect:
    """What the remedies do against the baseline.

    Attributes:
        best: the best mean of those that help, else of those with a verdict.
        alone: whether no other name may hold its rank.
        by_verdict: labels of the remedies, the best mean first.
        withheld: the commonest reason for withholding a verdict.
        lost_levels: levels that still collapse under the best.
    """

    conclusion: Conclusion
    best: Remedy | None = None
    alone: bool = False
    by_verdict: Mapping[Verdict, Sequence[str]] | None = None
    withheld: Comparison | None = None
    lost_levels: Sequence[Level] = ()

    @property
    def kind(self) -> str:
        hurts = self.conclusion is Conclusion.NONE_HELPS and Verdict.HURTS in (self.by_verdict or {})
        return "helps" if self.conclusion is Conclusion.HELPS else "hurts" if hurts else "unclear"


def effect(section: Section) -> Effect:
    if not section.remedies:
        return Effect(Conclusion.NOT_RUN)
    tried = remedies(section)
    decided = [remedy for remedy in tried if remedy.verdict is not Verdict.WITHHELD]
    if not decided:
        reasons = Counter(remedy.decision.withheld for remedy in tried)
        commonest = reasons.most_common(1)[0][0] if reasons else None
        first = next((remedy.decision for remedy in tried if remedy.decision.withheld is commonest), None)
        return Effect(Conclusion.WITHHELD, withheld=first)
    labels: dict[Verdict, list[str]] = {}
    for remedy in decided:
        labels.setdefault(remedy.verdict, []).append(remedy.label)
    helpful = [remedy for remedy in decided if remedy.verdict is Verdict.HELPS]
    best = [*helpful, *decided][0]
    levels = [level(section, best.summary, name) for name in section.family.levels]
    return Effect(
        Conclusion.HELPS if helpful else Conclusion.NONE_HELPS,
        best,
        alone=str(ranks(section).get(best.summary.name)) == "1",
        by_verdict=labels,
        lost_levels=[one for one in levels if one.collapsed],
    )


@dataclass(frozen=True)
class Effectiveness:
    """The chosen remedy, and how many of the modes that the baseline lacks on average it is shown to win back."""

    chosen: Remedy
    several: bool
    lacking: float | None = None
    gained: float | None = None


def effectiveness(section: Section) -> Effectiveness | None:
    """Of the best remedy that helps, else that does not hurt, else of all; None where nothing can be compared."""
    tried, baseline = remedies(section), section.summaries[0]
    order = (Verdict.HELPS, Verdict.UNCLEAR)
    chosen = next((r for verdict in order for r in tried if r.verdict is verdict), next(iter(tried), None))
    if chosen is None or not baseline.included:
        return None
    modes = judge(section, chosen.summary, "modes") if "modes" in section.metric_keys and section.num_modes else None
    if modes is None or modes.verdict not in (Verdict.HELPS, Verdict.RAISES) or modes.compared.exact:
        return Effectiveness(chosen, len(tried) > 1)
    return Effectiveness(chosen, len(tried) > 1, section.num_modes - baseline.mean("modes"), modes.difference.mean)


@dataclass(frozen=True)
class Confidence:
    """What the answer rests on and what limits it most.

    Attributes:
        seeds: the fewest and the most completed seeds of a name.
        images_seen: of every run, None where they differ.
        limit: the gravest caution; None without a grave one.
        further: number of cautions besides.
        undecided: remedies without a shown difference.
    """

    seeds: tuple[int, int]
    images_seen: float | None
    limit: Caution | None
    further: int
    undecided: int

    @property
    def enough(self) -> bool:
        return self.seeds[0] >= ENOUGH_SEEDS


def confidence(section: Section) -> Confidence:
    seeds = [len(summary.included) for summary in section.summaries]
    seen = {float(f"{run.images_seen:.3g}") for run in section.included if run.images_seen}
    found = cautions(section)
    return Confidence(
        seeds=(min(seeds), max(seeds)),
        images_seen=seen.pop() if len(seen) == 1 else None,
        limit=next((caution for caution in found if caution.grave), None),
        further=len(found) - 1,
        undecided=sum(remedy.verdict is Verdict.UNCLEAR for remedy in remedies(section)),
    )
