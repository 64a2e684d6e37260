"""Whether a remedy helps, as far as the numbers allow a verdict."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from src.comparison.measures import Measure, measure
from src.comparison.sections import Section, Summary
from src.comparison.statistics import MIN_SEEDS, Estimate

BUDGET_TOLERANCE = 0.01
AT_FLOOR = 2.0  # a perfect sampler's KL exceeds 1.5 floors once in twenty evaluations (K = 26)


class Verdict(StrEnum):
    HELPS = "helps"
    HURTS = "hurts"
    UNCLEAR = "no difference shown"
    WITHHELD = "no verdict"


@dataclass(frozen=True)
class Judgement:
    """A verdict on one metric of one name, and why it was withheld if it was."""

    key: str
    verdict: Verdict
    difference: Estimate
    reason: str = ""


def judge(section: Section, summary: Summary, key: str) -> Judgement:
    """Verdict on one metric: withheld for few pairs, unequal budgets, or a KL that is all sampling noise."""
    difference = summary.difference(key)
    reason = _withheld(section, summary, key, difference)
    if reason:
        return Judgement(key, Verdict.WITHHELD, difference, reason)
    if not difference.excludes_zero:
        return Judgement(key, Verdict.UNCLEAR, difference)
    gained = (difference.mean > 0) == (measure(key).better == "higher")
    return Judgement(key, Verdict.HELPS if gained else Verdict.HURTS, difference)


def judgements(section: Section, summary: Summary) -> list[Judgement]:
    """Verdicts on the family's headline metrics, as far as the section has them."""
    keys = [key for key in section.family.headline if key in section.metric_keys]
    return [judge(section, summary, key) for key in keys]


def overall(found: Sequence[Judgement]) -> str:
    """One phrase for several verdicts: "helps: modes, KL", or the verdict they share."""
    parts = []
    for verdict in (Verdict.HELPS, Verdict.HURTS):
        keys = [measure(j.key).label for j in found if j.verdict is verdict]
        if keys:
            parts.append(f"{verdict}: {', '.join(keys)}")
    if parts:
        return "; ".join(parts)
    unclear = any(j.verdict is Verdict.UNCLEAR for j in found)
    return str(Verdict.UNCLEAR if unclear else Verdict.WITHHELD)


def kl_at_floor(summary: Summary) -> bool:
    """Whether the mean KL is no larger than what a perfect sampler scores for its finite sample."""
    kl, floor = summary.mean("kl"), summary.mean("kl_floor")
    return kl is not None and floor is not None and kl <= AT_FLOOR * floor


def equal_budgets(*summaries: Summary) -> bool:
    """Whether all their averaged runs saw the same number of samples, to within one per cent."""
    seen = [run.images_seen for summary in summaries for run in summary.counted if run.images_seen]
    return not seen or max(seen) - min(seen) <= BUDGET_TOLERANCE * max(seen)


def interval(value: Estimate, shown: Measure, signed: bool = False) -> str:
    """As in "4.3 [1.2, 7.4]", the brackets left out where there is no interval."""
    middle = shown.text(value.mean, signed)
    if value.low is None:
        return middle
    return f"{middle} [{shown.text(value.low, signed)}, {shown.text(value.high, signed)}]"


def _withheld(section: Section, summary: Summary, key: str, difference: Estimate) -> str:
    baseline = section.summaries[0]
    if difference.n < MIN_SEEDS:
        return f"{difference.n} paired seed{'s' * (difference.n != 1)}, at least {MIN_SEEDS} are needed"
    if not equal_budgets(summary, baseline):
        return "it did not see as many samples as the baseline"
    if key == "kl" and kl_at_floor(summary) and kl_at_floor(baseline):
        return "both are at the floor of the sample size"
    return ""
