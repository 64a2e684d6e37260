"""Whether a remedy helps, and which place it holds, as far as the numbers allow a verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from statistics import fmean
from typing import NamedTuple

from src.core.metric_specs import metric_spec
from src.report.compare import Compared
from src.report.counts import least_p, rank_sum_p
from src.report.section import Section, Summary
from src.report.statistics import CHANCE, MIN_SEEDS, Estimate, Significance, detectable

BUDGET_TOLERANCE = 0.01
MOST_SEEDS = 100  # that are worth naming as a way out
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
class Comparison(Compared):
    """A verdict on one metric of one name.

    Attributes:
        subject: what helps, rises or stays alive: the metric's label or the level's name.
        significance: None where too few seeds have a pair.
    """

    key: str
    summary: Summary
    verdict: Verdict
    subject: str
    withheld: Withheld | None
    significance: Significance | None

    @property
    def could_show(self) -> tuple[str, float] | None:
        """What this test can show, None where nothing.

        By t a "difference", with a probability of POWER. By ranks a "count" of worse seeds against none, or nothing
        below so many "seeds".
        """
        if not self.significance:
            return None
        n, level = self.difference.n, CHANCE / self.significance.tests
        if not self.exact:
            return ("difference", detectable(self.error, self.df, level)) if self.error else None
        if least_p(n, n) >= level:
            needed = next((size for size in range(n, MOST_SEEDS) if least_p(size, size) < level), None)
            return ("seeds", needed) if needed else None
        counts = (k for k in range(1, n + 1) if rank_sum_p([1.0] * k + [0.0] * (n - k), [0.0] * n) < level)
        return next((("count", k) for k in counts), None)


def judge(section: Section, summary: Summary, key: str) -> Comparison:
    """Verdict on one metric: withheld for few pairs, unequal budgets, or a KL that is all sampling noise.

    A difference is shown where its p holds after correction: for all names in the primary metric, for all names and
    metrics in the others.
    """
    compared, significance = section.comparisons[key][summary.name], section.significances.get((key, summary.name))
    verdict, withheld, subject, baseline = Verdict.UNCLEAR, None, metric_spec(key).label, section.summaries[0]
    if compared.difference.n < MIN_SEEDS:
        withheld = Withheld.PAIRS
    elif not equal_budgets(summary, baseline):
        withheld = Withheld.BUDGET
    elif key in KLS and kl_at_floor(summary, key) and kl_at_floor(baseline, key):
        withheld = Withheld.FLOOR
    if withheld:
        verdict = Verdict.WITHHELD
    elif significance and significance.holds:
        verdict = _meaning(section, summary, key, grown(section, summary, key, compared))
        subject = section.family.level(key) if verdict in (Verdict.KEEPS, Verdict.LOSES) else subject
        if verdict is Verdict.RAISES and key.startswith(("kl_", "active_")):
            subject += " without effect" * mostly_without_effect(summary, key.partition("_")[2])
    return Comparison(
        **vars(compared),
        key=key,
        summary=summary,
        verdict=verdict,
        subject=subject,
        withheld=withheld,
        significance=significance,
    )


def grown(section: Section, summary: Summary, key: str, compared: Compared) -> bool:
    """Whether the values are larger than the baseline's; by their ranks where the rank-sum test decides."""
    if not compared.exact:
        return compared.difference.mean > 0
    values = section.tables[key]
    own, baseline = values[section.names.index(summary.name), :, None], values[0]  # NaN is neither more nor less
    return bool((own > baseline).sum() > (own < baseline).sum())


def _meaning(section: Section, summary: Summary, key: str, grown: bool) -> Verdict:
    """What a difference means that is no chance."""
    level, baseline = section.family.level(key), section.summaries[0]
    if key == section.primary and metric_spec(key).better:
        return Verdict.HELPS if grown == (metric_spec(key).better == "higher") else Verdict.HURTS
    if level:
        own, theirs = losses(section, summary, level), losses(section, baseline, level)
        if grown and theirs > len(baseline.included) / 2 and not own:
            return Verdict.KEEPS
        if not grown and own > len(summary.included) / 2 and not theirs:
            return Verdict.LOSES
    return Verdict.RAISES if grown else Verdict.LOWERS


def losses(section: Section, summary: Summary, level: str) -> int:
    """In how many of its seeds a level of a name is not alive: collapsed, or with a KL that has no effect."""
    return summary.absences(section.family.absent)[level] + summary.absences(WITHOUT_EFFECT)[level]


def mostly_without_effect(summary: Summary, level: str) -> bool:
    return summary.absences(WITHOUT_EFFECT)[level] > len(summary.included) / 2


def side_effects(section: Section, summary: Summary) -> list[Comparison]:
    """Differences that are shown in any other metric."""
    return [comparison for key in section.side_keys if (comparison := judge(section, summary, key)).verdict in SHOWN]


def effects_text(effects: Sequence[Comparison], most: int) -> str:
    """As in "keeps alive low; raises FID, recall"; of many, the first and how many more."""
    subjects = {verdict: [e.subject for e in effects[:most] if e.verdict is verdict] for verdict in Verdict}
    parts = [f"{verdict} {', '.join(names)}" for verdict, names in subjects.items() if names]
    return "; ".join([*parts, *([f"{len(effects) - most} more"] if len(effects) > most else [])])


def kl_at_floor(summary: Summary, key: str = "kl") -> bool:
    """Whether the mean KL is no larger than what a perfect sampler scores for its finite sample."""
    kl, floor = summary.mean(key), late_floor(summary) if key.endswith("_late") else summary.mean("kl_floor")
    return kl is not None and floor is not None and kl <= AT_FLOOR * floor


def late_floor(summary: Summary) -> float | None:
    """The floor of evaluations along training, of fewer samples than at the end; of the end if unknown."""
    known = [floor for run in summary.included if (floor := run.history.last("kl_floor")) is not None]
    return fmean(known) if known else summary.mean("kl_floor")


def equal_budgets(*summaries: Summary) -> bool:
    """Whether all their averaged runs saw equally many samples, or made equally many generator updates."""
    runs = [run for summary in summaries for run in summary.included if run.images_seen]
    return equal([run.images_seen for run in runs]) or equal([run.generator_steps for run in runs])


def equal(numbers: Sequence[float | None]) -> bool:
    """Within 1 %; not where one of them is not known."""
    return None not in numbers and (not numbers or max(numbers) - min(numbers) <= BUDGET_TOLERANCE * max(numbers))


class Rank(NamedTuple):
    """The places that a name may hold, 1 being the best."""

    first: int
    last: int

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}–{self.last}"


def ranks(section: Section) -> dict[str, Rank]:
    """By name, in the primary metric; names with too few seeds, or without an interval, have none."""
    key = section.primary
    values = {s.name: s.estimates[key] for s in section.summaries if key in s.estimates}
    for name in section.groups:
        if values[name].low is None and values[name].mean is not None:  # all of its seeds are the worst
            values[name] = replace(values[name], low=values[name].mean, high=values[name].mean)
    return rank(values, metric_spec(key).better)


def rank(values: Mapping[str, Estimate], better: str | None) -> dict[str, Rank]:
    """From one place behind the names clearly better to as many before the last as are clearly worse.

    Clearly: the 95 % intervals do not overlap. Names with fewer than MIN_SEEDS values, or without an
    interval, are left out.
    """
    rivals = {name: value for name, value in values.items() if value.n >= MIN_SEEDS and value.low is not None}
    ranked = {}
    for name, own in rivals.items():
        above = sum(other.low > own.high for other in rivals.values())
        below = sum(other.high < own.low for other in rivals.values())
        ahead, behind = (above, below) if better == "higher" else (below, above)
        ranked[name] = Rank(1 + ahead, len(rivals) - behind)
    return ranked
