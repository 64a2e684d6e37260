"""Whether a remedy helps, as far as the numbers allow a verdict."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from src.core.metric_specs import metric_spec
from src.report.grouping import Section, Summary
from src.report.paired import Compared
from src.report.records import Run
from src.report.statistics import MIN_SEEDS, Estimate, Significance

BUDGET_TOLERANCE = 0.01
AT_FLOOR = 2.0  # a perfect sampler's KL exceeds 1.5 floors once in twenty evaluations (K = 26)
KLS = {"kl", "kl_late"}
WITHOUT_EFFECT = "without_effect"  # the metric that names levels whose KL neither use nor information goes with


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

    @property
    def tone(self) -> str:
        """ "helps", "hurts" or "unclear"."""
        return str(self) if self in (Verdict.HELPS, Verdict.HURTS) else "unclear"


SHOWN = {Verdict.KEEPS, Verdict.LOSES, Verdict.RAISES, Verdict.LOWERS}


class Withheld(StrEnum):
    """Why there is no verdict."""

    PAIRS = "too few paired seeds"
    BUDGET = "unequal budgets"
    FLOOR = "both at the KL of a perfect sampler"


@dataclass(frozen=True)
class Comparison:
    """A verdict on one metric of one name.

    Attributes:
        subject: what helps, rises or stays alive: the metric's label or the level's name.
        significance: None where too few seeds have a pair.
    """

    key: str
    verdict: Verdict
    compared: Compared
    subject: str
    withheld: Withheld | None = None
    significance: Significance | None = None

    @property
    def difference(self) -> Estimate:
        return self.compared.difference

    @property
    def could_show(self) -> tuple[str, float] | None:
        """What this test can show: a "difference" in 4 of 5 cases, a "count" against none, or nothing below "seeds"."""
        return self.compared.could_show(self.significance.tests) if self.significance else None


def judge(section: Section, summary: Summary, key: str) -> Comparison:
    """Verdict on one metric: withheld for few pairs, unequal budgets, or a KL that is all sampling noise.

    A difference is shown where its p holds after correction: for all names in the primary metric, for all names and
    metrics in the others.
    """
    compared, significance = section.comparisons[key][summary.name], section.significances.get((key, summary.name))
    withheld, verdict, subject = _withheld(section, summary, key, compared), Verdict.UNCLEAR, metric_spec(key).label
    if withheld:
        verdict = Verdict.WITHHELD
    elif significance and significance.holds:
        verdict = _meaning(section, summary, key, _grown(section, summary, key, compared))
        subject = section.family.level(key) if verdict in (Verdict.KEEPS, Verdict.LOSES) else subject
        if verdict is Verdict.RAISES and key.startswith(("kl_", "active_")):
            subject += " without effect" * mostly_without_effect(summary, key.partition("_")[2])
    return Comparison(key, verdict, compared, subject, withheld, significance)


def _withheld(section: Section, summary: Summary, key: str, compared: Compared) -> Withheld | None:
    baseline = section.summaries[0]
    if compared.difference.n < MIN_SEEDS:
        return Withheld.PAIRS
    if not equal_budgets(summary, baseline):
        return Withheld.BUDGET
    return Withheld.FLOOR if key in KLS and kl_at_floor(summary, key) and kl_at_floor(baseline, key) else None


def _grown(section: Section, summary: Summary, key: str, compared: Compared) -> bool:
    """Whether the values are larger than the baseline's; by their ranks where the rank-sum test decides."""
    if not compared.exact:
        return compared.difference.mean > 0
    values = section.tables[key]
    treated, baseline = (values[section.names.index(name)] for name in (summary.name, section.baseline))
    treated, baseline = treated[treated == treated], baseline[baseline == baseline]
    return bool(sum((value > baseline).sum() - (value < baseline).sum() for value in treated) > 0)


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


def losses(section: Section, summary: Summary, level: str) -> int:
    """In how many of its seeds a level of a name is not alive: collapsed, or with a KL that has no effect."""
    return summary.absences(section.family.absent)[level] + summary.absences(WITHOUT_EFFECT)[level]


def mostly_without_effect(summary: Summary, level: str) -> bool:
    return summary.absences(WITHOUT_EFFECT)[level] > len(summary.included) / 2


def _mostly_lost(section: Section, summary: Summary, level: str) -> bool:
    return losses(section, summary, level) > len(summary.included) / 2


def decision(section: Section, summary: Summary) -> Comparison | None:
    """The verdict on the primary metric, the only one that says helps or hurts; None without a primary metric."""
    return judge(section, summary, section.primary) if section.primary else None


def side_effects(section: Section, summary: Summary) -> list[Comparison]:
    """Differences that are shown in any other metric."""
    return [comparison for key in section.side_keys if (comparison := judge(section, summary, key)).verdict in SHOWN]


def effects_text(effects: Sequence[Comparison], most: int = 99) -> str:
    """As in "keeps alive low; raises FID, recall"; of many, the first and how many more."""
    subjects = {verdict: [e.subject for e in effects[:most] if e.verdict is verdict] for verdict in Verdict}
    parts = [f"{verdict} {', '.join(names)}" for verdict, names in subjects.items() if names]
    return "; ".join([*parts, *([f"{len(effects) - most} more"] if len(effects) > most else [])])


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
