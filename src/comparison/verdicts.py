"""Whether a remedy helps, as far as the numbers allow a verdict."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from src.comparison.measures import Measure, measure
from src.comparison.records import Run
from src.comparison.sections import Section, Summary
from src.comparison.statistics import CHANCE, MIN_SEEDS, Estimate, Significance, p_text

BUDGET_TOLERANCE = 0.01
AT_FLOOR = 2.0  # a perfect sampler's KL exceeds 1.5 floors once in twenty evaluations (K = 26)


class Verdict(StrEnum):
    """What a difference means, if it means anything."""

    KEEPS = "keeps alive"  # a level that the baseline loses
    LOSES = "loses"  # a level that the baseline keeps
    HELPS = "helps"
    HURTS = "hurts"
    RAISES = "raises"  # what is neither good nor bad in itself
    LOWERS = "lowers"
    UNCLEAR = "no difference shown"
    WITHHELD = "no verdict"


GOOD = {Verdict.HELPS, Verdict.KEEPS}
BAD = {Verdict.HURTS, Verdict.LOSES}
WITHOUT_SUBJECT = {Verdict.UNCLEAR, Verdict.WITHHELD}


@dataclass(frozen=True)
class Judgement:
    """A verdict on one metric of one name, and why it was withheld, or no difference shown against the interval.

    `subject` is what helps, rises or stays alive: the metric's label or the level's name. `significance` is None where
    too few seeds have a pair.
    """

    key: str
    verdict: Verdict
    difference: Estimate
    subject: str
    reason: str = ""
    significance: Significance | None = None


def judge(section: Section, summary: Summary, key: str) -> Judgement:
    """Verdict on one metric: withheld for few pairs, unequal budgets, or a KL that is all sampling noise.

    A difference is shown where its interval excludes zero and its p holds after correction for all names.
    """
    difference, label = summary.difference(key), measure(key).label
    significance = section.significance(key, summary.name)
    reason = _withheld(section, summary, key, difference)
    if reason:
        return Judgement(key, Verdict.WITHHELD, difference, label, reason, significance)
    if not (difference.excludes_zero and significance.holds):
        reason = _overruled(significance) if difference.excludes_zero else _no_spread(difference, significance)
        return Judgement(key, Verdict.UNCLEAR, difference, label, reason, significance)
    verdict = _shown(section, summary, key, grown=difference.mean > 0)
    subject = section.family.level(key) if verdict in (Verdict.KEEPS, Verdict.LOSES) else label
    return Judgement(key, verdict, difference, subject, significance=significance)


def _shown(section: Section, summary: Summary, key: str, grown: bool) -> Verdict:
    """What a difference means that is no chance."""
    better, level, baseline = measure(key).better, section.family.level(key), section.summaries[0]
    if better:
        return Verdict.HELPS if grown == (better == "higher") else Verdict.HURTS
    if level and grown and _mostly_lost(section, baseline, level) and not losses(section, summary, level):
        return Verdict.KEEPS
    if level and not grown and _mostly_lost(section, summary, level) and not losses(section, baseline, level):
        return Verdict.LOSES
    return Verdict.RAISES if grown else Verdict.LOWERS


def _no_spread(difference: Estimate, significance: Significance) -> str:
    """Why a difference that is the same in every seed is not shown; empty where there is none or an interval."""
    if difference.interval or not difference.mean:
        return ""
    alone = p_text(significance.p)
    return f"all {difference.n} are the same, so their spread is not known, and by their signs alone {alone}"


def _overruled(significance: Significance) -> str:
    """Why an interval that excludes zero shows no difference."""
    if significance.p >= CHANCE:
        return f"its interval excludes zero, but the paired t-test has {p_text(significance.p)}"
    return (
        f"its interval excludes zero, but Holm's correction for {significance.tests} names does not let it pass "
        f"({p_text(significance.p)} alone, {p_text(significance.corrected)} corrected)"
    )


def losses(section: Section, summary: Summary, level: str) -> int:
    """In how many of its seeds a name lost a level."""
    return summary.absences(section.family.absent)[level]


def _mostly_lost(section: Section, summary: Summary, level: str) -> bool:
    return losses(section, summary, level) > len(summary.counted) / 2


def judgements(section: Section, summary: Summary) -> list[Judgement]:
    """Verdicts on the family's headline metrics, as far as the section has them."""
    keys = [key for key in section.family.headline if key in section.metric_keys]
    return [judge(section, summary, key) for key in keys]


def overall(found: Sequence[Judgement]) -> str:
    """One phrase for several verdicts: "helps: modes, KL", or the verdict they share."""
    parts = []
    for verdict in Verdict:
        subjects = [j.subject for j in found if j.verdict is verdict]
        if subjects and verdict not in WITHOUT_SUBJECT:
            parts.append(f"{verdict}: {', '.join(subjects)}")
    if parts:
        return "; ".join(parts)
    unclear = any(j.verdict is Verdict.UNCLEAR for j in found)
    return str(Verdict.UNCLEAR if unclear else Verdict.WITHHELD)


def tone(found: Sequence[Judgement]) -> str:
    """ "helps" or "hurts" where the verdicts agree on it, else "unclear"."""
    verdicts = {j.verdict for j in found}
    if verdicts & GOOD and not verdicts & BAD:
        return "helps"
    return "hurts" if verdicts & BAD and not verdicts & GOOD else "unclear"


def kl_at_floor(summary: Summary) -> bool:
    """Whether the mean KL is no larger than what a perfect sampler scores for its finite sample."""
    kl, floor = summary.mean("kl"), summary.mean("kl_floor")
    return kl is not None and floor is not None and kl <= AT_FLOOR * floor


def equal_budgets(*summaries: Summary) -> bool:
    """Whether all their averaged runs saw equally many samples, or made equally many generator updates, within 1 %."""
    runs = [run for summary in summaries for run in summary.counted if run.images_seen]
    return equal_samples(runs) or equal_updates(runs)


def equal_samples(runs: Sequence[Run]) -> bool:
    return _all_equal([run.images_seen for run in runs])


def equal_updates(runs: Sequence[Run]) -> bool:
    """Also false where a run does not say how many it made."""
    return _all_equal([run.generator_steps for run in runs])


def _all_equal(numbers: Sequence[float | None]) -> bool:
    return None not in numbers and (not numbers or max(numbers) - min(numbers) <= BUDGET_TOLERANCE * max(numbers))


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
        return f"it neither saw as many {section.unit} as the baseline nor made as many generator updates"
    if key == "kl" and kl_at_floor(summary) and kl_at_floor(baseline):
        return "both are at the floor of the sample size"
    return ""
