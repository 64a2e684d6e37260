"""Sentences on remedies, computed from the numbers, with the reasons where these support no verdict."""

from collections.abc import Sequence
from dataclasses import dataclass

from src.report.grouping import Section, Summary
from src.report.statistics import MIN_SEEDS, p_text
from src.report.verdicts import (
    KLS,
    Comparison,
    Verdict,
    change,
    decision,
    effects_text,
    kl_at_floor,
    side_effects,
    tone,
)

MANY = 6
ORDER = (Verdict.HELPS, Verdict.RAISES, Verdict.LOWERS, Verdict.UNCLEAR, Verdict.HURTS, Verdict.WITHHELD)
Judged = tuple[Summary, Comparison]


@dataclass(frozen=True)
class Sentence:
    """One conclusion; `kind` is "finding", "helps", "hurts", "unclear" or "caution"."""

    text: str
    kind: str = "finding"


def remedies(section: Section) -> list[Sentence]:
    """What each remedy does, or one sentence per verdict where they are many."""
    judged = [(summary, found) for summary in section.ranked if (found := decision(section, summary))]
    judged.sort(key=lambda pair: ORDER.index(pair[1].verdict))
    if len(judged) > MANY:
        return _grouped(judged)
    return [Sentence(_sentence(section, summary, found), tone(found.verdict)) for summary, found in judged]


def _sentence(section: Section, summary: Summary, found: Comparison) -> str:
    """One remedy: the verdict, its difference with the interval or the counts, p, and what else it changes."""
    text = f"`{summary.label}` **{found.verdict}**: {change(found)}"
    if found.significance:
        text += f", {p_text(found.significance.corrected)}"
    text += f" ({found.reason})." if found.reason else "."
    effects = side_effects(section, summary)
    if effects:
        text += f" Side effects: {effects_text(effects)}."
    if section.primary in KLS and kl_at_floor(summary, section.primary) and len(summary.included) >= MIN_SEEDS:
        text += " Its KL is at the floor that a perfect sampler would score."
    if summary.failed:
        text += f" {len(summary.failed)} of its {len(summary.failed) + len(summary.included)} runs failed: the worst."
    return text


def _grouped(judged: Sequence[Judged]) -> list[Sentence]:
    """One sentence per verdict when there are too many names for one each; the table has the intervals and p."""
    groups: dict[Verdict, list[Judged]] = {}
    for summary, found in judged:
        groups.setdefault(found.verdict, []).append((summary, found))
    return [
        Sentence(
            f"**{verdict[0].upper()}{verdict[1:]}** ({len(members)}): "
            + ", ".join(f"`{summary.label}` ({_middle(found)})" for summary, found in members)
            + ".",
            tone(verdict),
        )
        for verdict, members in groups.items()
    ]


def _middle(found: Comparison) -> str:
    return found.reason if found.verdict is Verdict.WITHHELD else change(found)
