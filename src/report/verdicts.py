"""Whether a remedy helps, as far as the numbers allow a verdict."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from src.core.metric_specs import MetricSpec, metric_spec
from src.report.grouping import Section, Summary
from src.report.paired import Compared
from src.report.records import Run
from src.report.statistics import MIN_SEEDS, Estimate, Significance

BUDGET_TOLERANCE = 0.01
AT_FLOOR = 2.0  # a perfect sampler's KL exceeds 1.5 floors once in twenty evaluations (K = 26)
KLS = {"kl", "kl_late"}


class Verdict(StrEnum):
    """What a difference means: help or harm in the primary metric, in all others which way it goes."""

    HELPS = "helps"
    HURTS = "hurts"
    KEEPS = "keeps alive"  # a level that the baseline loses
    LOSES = "loses"  # a level that the baseline keeps
    RAISES = "raises"
    LOWERS = "lowers"
    UNCLEAR = "no difference shown"
    WITHHELD = "no verdict"


SHOWN = {Verdict.KEEPS, Verdict.LOSES, Verdict.RAISES, Verdict.LOWERS}


@dataclass(frozen=True)
class Comparison:
    """A verdict on one metric of one name.

    Attributes:
        subject: what helps, rises or stays alive: the metric's label or the level's name.
        reason: why there is no verdict, or what the test could have shown where no difference is.
        significance: None where too few seeds have a pair.
    """

    key: str
    verdict: Verdict
    compared: Compared
    subject: str
    reason: str = ""
    significance: Significance | None = None

    @property
    def difference(self) -> Estimate:
        return self.compared.difference


def judge(section: Section, summary: Summary, key: str) -> Comparison:
    """Verdict on one metric: withheld for few pairs, unequal budgets, or a KL that is all sampling noise.

    A difference is shown where its p holds after correction: for all names in the primary metric, for all names and
    metrics in the others.
    """
    compared, label = section.compared(key, summary.name), metric_spec(key).label
    significance = section.significance(key, summary.name)
    reason = _withheld(section, summary, key, compared)
    if reason:
        return Comparison(key, Verdict.WITHHELD, compared, label, reason, significance)
    if significance is None or not significance.holds:
        reason = _power(compared, metric_spec(key), significance) if significance else ""
        return Comparison(key, Verdict.UNCLEAR, compared, label, reason, significance)
    verdict = _meaning(section, summary, key, _grown(section, summary, key, compared))
    subject = section.family.level(key) if verdict in (Verdict.KEEPS, Verdict.LOSES) else label
    return Comparison(key, verdict, compared, subject, significance=significance)


def _grown(section: Section, summary: Summary, key: str, compared: Compared) -> bool:
    """Whether the values are larger than the baseline's; by their ranks where the rank-sum test decides."""
    if not compared.exact:
        return compared.difference.mean > 0
    values = section.tables[key]
    treated, baseline = (values[section.names.index(name)] for name in (summary.name, section.baseline))
    treated, baseline = treated[treated == treated], baseline[baseline == baseline]
    above = sum((value > baseline).sum() - (value < baseline).sum() for value in treated)
    return bool(above > 0)


def _meaning(section: Section, summary: Summary, key: str, grown: bool) -> Verdict:
    """What a difference means that is no chance."""
    level, baseline = section.family.level(key), section.summaries[0]
    if key == section.primary and metric_spec(key).better:
        return Verdict.HELPS if grown == (metric_spec(key).better == "higher") else Verdict.HURTS
    if level and grown and _mostly_lost(section, baseline, level) and not losses(section, summary, level):
        return Verdict.KEEPS
    if level and not grown and _mostly_lost(section, summary, level) and not losses(section, baseline, level):
        return Verdict.LOSES
    return Verdict.RAISES if grown else Verdict.LOWERS


def _power(compared: Compared, shown: MetricSpec, significance: Significance) -> str:
    """What the test could have shown."""
    needed = compared.seeds_needed(significance.tests)
    if needed:
        return f"{compared.difference.n} seeds cannot show a difference in counts here, {needed} can"
    if count := compared.count_needed(significance.tests):
        return f"{count} of {compared.difference.n} against 0 would have been shown"
    difference = compared.detectable(significance.tests)
    return f"{shown.text(difference)} would have been shown in 4 of 5 cases" if difference else ""


def losses(section: Section, summary: Summary, level: str) -> int:
    """In how many of its seeds a name lost a level."""
    return summary.absences(section.family.absent)[level]


def _mostly_lost(section: Section, summary: Summary, level: str) -> bool:
    return losses(section, summary, level) > len(summary.included) / 2


def decision(section: Section, summary: Summary) -> Comparison | None:
    """The verdict on the primary metric, the only one that says helps or hurts; None without a primary metric."""
    return judge(section, summary, section.primary) if section.primary else None


def side_effects(section: Section, summary: Summary) -> list[Comparison]:
    """Differences that are shown in any other metric."""
    found = (judge(section, summary, key) for key in section.side_keys)
    return [judgement for judgement in found if judgement.verdict in SHOWN]


def effects_text(found: Sequence[Comparison], most: int = 99) -> str:
    """As in "keeps alive low; raises FID, recall"; of many, the first and how many more."""
    parts, kept = [], list(found)[:most]
    for verdict in Verdict:
        subjects = [judgement.subject for judgement in kept if judgement.verdict is verdict]
        if subjects:
            parts.append(f"{verdict} {', '.join(subjects)}")
    more = [f"{len(found) - most} more"] if len(found) > most else []
    return "; ".join([*parts, *more])


def tone(verdict: Verdict) -> str:
    """ "helps", "hurts" or "unclear"."""
    return str(verdict) if verdict in (Verdict.HELPS, Verdict.HURTS) else "unclear"


def kl_at_floor(summary: Summary, key: str = "kl") -> bool:
    """Whether the mean KL is no larger than what a perfect sampler scores for its finite sample."""
    kl, floor = summary.mean(key), summary.mean("kl_floor")
    return kl is not None and floor is not None and kl <= AT_FLOOR * floor


def equal_budgets(*summaries: Summary) -> bool:
    """Whether all their averaged runs saw equally many samples, or made equally many generator updates, within 1 %."""
    runs = [run for summary in summaries for run in summary.included if run.images_seen]
    return equal_samples(runs) or equal_updates(runs)


def equal_samples(runs: Sequence[Run]) -> bool:
    return _all_equal([run.images_seen for run in runs])


def equal_updates(runs: Sequence[Run]) -> bool:
    """Also false where a run does not say how many it made."""
    return _all_equal([run.generator_steps for run in runs])


def _all_equal(numbers: Sequence[float | None]) -> bool:
    return None not in numbers and (not numbers or max(numbers) - min(numbers) <= BUDGET_TOLERANCE * max(numbers))


def interval(value: Estimate, shown: MetricSpec, signed: bool = False) -> str:
    """As in "4.3 [1.2, 7.4]", the brackets left out where there is no interval."""
    middle = shown.text(value.mean, signed)
    if value.low is None:
        return middle
    return f"{middle} [{shown.text(value.low, signed)}, {shown.text(value.high, signed)}]"


def change(judgement: Comparison) -> str:
    """The difference with its interval, or how many seeds are in the worse group, where the rank-sum test decides."""
    shown, compared = metric_spec(judgement.key), judgement.compared
    if compared.difference.mean is not None or not compared.exact:
        return f"{shown.label} {interval(compared.difference, shown, signed=True)}"
    n = compared.difference.n
    return f"{shown.label}: {compared.worse[0]} of {n} seeds collapsed or failed against {compared.worse[1]} of {n}"


def _withheld(section: Section, summary: Summary, key: str, compared: Compared) -> str:
    baseline, n = section.summaries[0], compared.difference.n
    if n < MIN_SEEDS:
        return f"{n} paired seed{'s' * (n != 1)}, at least {MIN_SEEDS} are needed"
    if not equal_budgets(summary, baseline):
        return f"it neither saw as many {section.unit} as the baseline nor made as many generator updates"
    if key in KLS and kl_at_floor(summary, key) and kl_at_floor(baseline, key):
        return "both are at the floor of the sample size"
    return ""
