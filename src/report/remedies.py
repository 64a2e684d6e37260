"""What the remedies do against the baseline, and how far the answer can be trusted: as data."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from src.report.cautions import Caution, cautions
from src.report.collapse import Level, levels
from src.report.grouping import Section, Summary
from src.report.ranking import ranks
from src.report.verdicts import Comparison, Verdict, decision, side_effects

ENOUGH_SEEDS = 5  # from here on "more seeds" is not the first advice


@dataclass(frozen=True)
class Remedy:
    """One remedy with its verdict in the primary metric and its side effects."""

    summary: Summary
    decision: Comparison
    effects: Sequence[Comparison]

    @property
    def label(self) -> str:
        return self.summary.label

    @property
    def verdict(self) -> Verdict:
        return self.decision.verdict


def remedies(section: Section) -> list[Remedy]:
    """Those with completed or failed runs, the best mean first."""
    decided = ((summary, decision(section, summary)) for summary in section.ranked)
    return [Remedy(summary, one, side_effects(section, summary)) for summary, one in decided if one]


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
        lost_levels: levels that are not alive under the best.
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
    return Effect(
        Conclusion.HELPS if helpful else Conclusion.NONE_HELPS,
        best,
        alone=str(ranks(section).get(best.summary.name)) == "1",
        by_verdict=labels,
        lost_levels=[one for one in levels(section, best.summary) if one.dead] if section.family.levels else [],
    )


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
    limits = cautions(section)
    return Confidence(
        seeds=(min(seeds), max(seeds)),
        images_seen=seen.pop() if len(seen) == 1 else None,
        limit=next((caution for caution in limits if caution.grave), None),
        further=len(limits) - 1,
        undecided=sum(remedy.verdict is Verdict.UNCLEAR for remedy in remedies(section)),
    )
