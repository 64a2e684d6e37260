"""What collapses under the baseline, whose samples are readable, and what the remedies do against it: as data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import log
from statistics import fmean

from src.core.levels import levels_in
from src.core.metric_specs import LEAST_KL
from src.core.plain_data import is_number
from src.report.section import Section, Summary
from src.report.statistics import MIN_SEEDS, Estimate
from src.report.verdicts import WITHOUT_EFFECT, Comparison, Verdict, judge, ranks, side_effects

QUALITY = ("precision", "recognisable")  # the first that was measured of real data too says what is readable
READABLE = 0.1  # of what real data have
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


@dataclass(frozen=True)
class Readability:
    """Names whose samples are not readable, by their mean in a metric of quality, beside that of held-out real data."""

    metric: str
    real: float
    unreadable: Mapping[str, float]
    everywhere: bool


def readability(section: Section) -> Readability | None:
    """None where no metric of quality was measured, or where no name's is below READABLE of that of real data."""
    key = next((key for key in QUALITY if section.control("real", key)), None)
    if key is None:
        return None
    real = section.control("real", key)
    known = {s.label: value for s in section.summaries if s.included and (value := s.mean(key)) is not None}
    low = {label: value for label, value in known.items() if value < READABLE * real}
    return Readability(key, real, low, len(low) == len(known)) if low else None


def levels(section: Section, summary: Summary) -> list[Level]:
    """The latent levels that a name's models have; those of the section where it has no run."""
    names = levels_in(key for run in summary.included for key in run.scalars) or section.family.levels
    collapsed, idle = summary.absences(section.family.absent), summary.absences(WITHOUT_EFFECT)
    made = []
    for name in names:
        onsets = [onset for run in summary.included if (onset := run.onsets.get(name)) is not None]
        kl = summary.estimate(f"kl_{name}")
        made.append(Level(name, len(summary.included), collapsed[name], idle[name], kl, onsets))
    return made


def collapse(section: Section) -> tuple[State, list[Level]]:
    """Whether the baseline loses modes or levels, and its levels; only the plain objective shows what there is to cure.

    Modes count where there are no levels, those that were lost during training too.
    """
    baseline, absent = section.summaries[0], section.family.absent
    own = levels(section, baseline) if section.family.levels else []
    if not baseline.included:
        return State.NOT_RUN, own
    if absent not in section.name_keys:
        return State.UNMEASURED, own
    if any(one.dead for one in own) if own else baseline.absences(absent) or set(baseline.outcomes) - HEALTHY:
        return State.COLLAPSE, own
    if own and section.family.baselines[0] not in baseline.name:
        return State.UNKNOWN, own
    return State.UNPROVEN if len(baseline.included) < MIN_SEEDS else State.NOTHING, own


def prevention(section: Section, name: str) -> tuple[Level, dict[str, Level]] | None:
    """One level under the baseline and under each strategy whose models have it; None where nothing ever loses it."""
    found = {s.label: one for s in section.summaries if s.included for one in levels(section, s) if one.name == name}
    baseline = found.pop(section.baseline_label, Level(name, 0, 0, 0, Estimate(0)))
    return (baseline, found) if found and any(one.dead for one in (baseline, *found.values())) else None


class Place(StrEnum):
    """Where collapse sets in, by the runs on either side of the theory's ratio 1."""

    AS_PREDICTED = "as predicted"
    EARLIER = "earlier"
    LATER = "later"
    UNSEEN = "not seen"


@dataclass(frozen=True)
class Transition:
    """The KL of all levels in nats against βσ²/λ₁.

    Attributes:
        points: ratio and KL of each run.
        eigenvalues: λ_j, the largest first.
        alive: the largest ratio at which a run has not collapsed, None without any.
        collapsed: the smallest ratio above it with runs, all of them collapsed; None without any.
    """

    points: tuple[tuple[float, float], ...]
    eigenvalues: tuple[float, ...]
    alive: float | None
    collapsed: float | None

    @property
    def largest(self) -> float:
        return self.eigenvalues[0]

    @property
    def place(self) -> Place:
        if self.alive is None or self.collapsed is None:
            return Place.UNSEEN
        if self.alive > 1:
            return Place.LATER
        # Just below 1 theory has hardly more KL than a collapsed run may have.
        return Place.EARLIER if self.linear_kl(self.collapsed) >= 2 * LEAST_KL else Place.AS_PREDICTED

    def linear_kl(self, ratio: float) -> float:
        """The KL under a linear decoder at a ratio."""
        return sum(max(0.0, log(value / (ratio * self.largest)) / 2) for value in self.eigenvalues if value > 0)


def transition(section: Section) -> Transition | None:
    """Where posterior collapse sets in; None unless runs differ in their decoder's fixed variance.

    Theory has it at the largest eigenvalue of the data's covariance. Li et al. 2025, arXiv:2510.01621: the collapsed
    solution is stable once the decoder's variance σ² exceeds λ₁. A weight β of the KL, that at the end and the mean of
    all levels, multiplies σ². A linear decoder has the KL Σ_j max(0, ½ ln(λ_j/βσ²)).
    """
    keys = [f"kl_{level}" for level in section.family.levels]
    runs = [run for run in section.included if {"decoder_variance", *keys} <= run.scalars.keys()]
    found = (run.metrics.get("data_eigenvalues") for run in runs)
    known = (values for values in found if isinstance(values, list) and values and all(map(is_number, values)))
    eigenvalues = next((tuple(map(float, values)) for values in known if values[0] > 0), ())
    if not eigenvalues:
        return None
    points = []
    for run in runs:
        last = (run.history.last(f"beta_{level}") for level in section.family.levels)
        beta = fmean([beta for beta in last if beta is not None] or [1.0])
        ratio = beta * run.scalars["decoder_variance"] / eigenvalues[0]
        points.append((ratio, sum(run.scalars[key] for key in keys)))
    if len({ratio for ratio, _ in points}) < 2:
        return None
    alive = max((ratio for ratio, kl in points if kl >= LEAST_KL), default=None)
    collapsed = min((ratio for ratio, _ in points if alive is None or ratio > alive), default=None)
    return Transition(tuple(sorted(points)), eigenvalues, alive, collapsed)


def reference(section: Section, key: str) -> float | None:
    """A number that belongs to the data, not to a model: the collapse floor, or the entropy."""
    known = [run.scalars[key] for run in section.included if key in run.scalars]
    return fmean(known) if known else None


def remedies(section: Section) -> list[Comparison]:
    """The verdicts in the primary metric, of names with completed or failed runs, the best mean first."""
    return [judge(section, summary, section.primary) for summary in section.ranked] if section.primary else []


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
        effects: what else it changes.
        alone: whether no other name may hold its rank.
        by_verdict: labels of the remedies, the best mean first.
        withheld: the commonest reason for withholding a verdict.
        lost_levels: levels that are not alive under the best.
    """

    conclusion: Conclusion
    best: Comparison | None = None
    effects: Sequence[Comparison] = ()
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
    decided = [one for one in tried if one.verdict is not Verdict.WITHHELD]
    if not decided:
        reasons = [one.withheld for one in tried]
        return Effect(
            Conclusion.WITHHELD, withheld=max(tried, key=lambda one: reasons.count(one.withheld), default=None)
        )
    labels: dict[Verdict, list[str]] = {}
    for one in decided:
        labels.setdefault(one.verdict, []).append(one.summary.label)
    helpful = [one for one in decided if one.verdict is Verdict.HELPS]
    best = [*helpful, *decided][0]
    return Effect(
        Conclusion.HELPS if helpful else Conclusion.NONE_HELPS,
        best,
        side_effects(section, best.summary),
        alone=str(ranks(section).get(best.summary.name)) == "1",
        by_verdict=labels,
        lost_levels=[one for one in levels(section, best.summary) if one.dead] if section.family.levels else [],
    )
