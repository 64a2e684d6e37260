"""What the remedies do against the baseline, as data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from src.report.collapse import Level, levels
from src.report.section import Section
from src.report.verdicts import Comparison, Verdict, judge, ranks, side_effects


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
