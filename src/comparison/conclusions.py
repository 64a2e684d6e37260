"""Sentences on remedies, computed from the numbers, with the reasons where these support no verdict."""

from collections.abc import Sequence
from dataclasses import dataclass

from src.comparison.measures import measure
from src.comparison.sections import Section, Summary
from src.comparison.statistics import MIN_SEEDS, p_text
from src.comparison.verdicts import Judgement, Verdict, interval, judgements, kl_at_floor, overall, tone

MANY = 6
PREPOSITION = {Verdict.WITHHELD: "on", Verdict.UNCLEAR: "in"}


@dataclass(frozen=True)
class Sentence:
    """One conclusion; `kind` is "finding", "helps", "hurts", "unclear" or "caution"."""

    text: str
    kind: str = "finding"


def remedies(section: Section) -> list[Sentence]:
    """What each remedy does, or one sentence per verdict where they are many."""
    judged = [(summary, judgements(section, summary)) for summary in section.ranked]
    judged = [(summary, found) for summary, found in judged if found]
    judged.sort(key=lambda pair: _rank(pair[1]))
    if len(judged) > MANY:
        return _grouped(judged)
    return [Sentence(_sentence(section, summary, found), tone(found)) for summary, found in judged]


def _sentence(section: Section, summary: Summary, found: Sequence[Judgement]) -> str:
    """One remedy: the verdict, every headline difference with its interval, and what it rests on."""
    text = f"`{summary.label}`: **{overall(found)}**."
    pairs = sorted({j.difference.n for j in found})
    if pairs[-1]:
        seeds = f"{' or '.join(map(str, pairs))} paired seed{'s' * (pairs[-1] != 1)}"
        differences = ", ".join(_difference(j) for j in found if j.difference.n)
        text += f" Against `{section.baseline_label}`, over {seeds}: {differences}."
    for verdict, reason in dict.fromkeys((j.verdict, j.reason) for j in found if j.reason):
        labels = " and ".join(measure(j.key).label for j in found if (j.verdict, j.reason) == (verdict, reason))
        text += f" {verdict.capitalize()} {PREPOSITION[verdict]} {labels}: {reason}."
    if kl_at_floor(summary) and len(summary.counted) >= MIN_SEEDS:
        text += " Its KL is at the floor that a perfect sampler would score."
    lost = sum(not run.completed for run in summary.others)
    if lost:
        text += f" {lost} of its {lost + len(summary.counted)} runs did not complete; this is of the rest."
    return text


def _difference(judgement: Judgement) -> str:
    shown = measure(judgement.key)
    return f"{shown.label} {interval(judgement.difference, shown, signed=True)}"


def _grouped(judged: Sequence[tuple[Summary, list[Judgement]]]) -> list[Sentence]:
    """One sentence per verdict when there are too many names for one each; the table has the intervals and p."""
    groups: dict[str, list[tuple[Summary, list[Judgement]]]] = {}
    for summary, found in judged:
        groups.setdefault(overall(found), []).append((summary, found))
    return [
        Sentence(
            f"**{verdict[0].upper()}{verdict[1:]}** ({len(members)}): "
            + ", ".join(f"`{summary.label}`{_middles(found)}" for summary, found in members)
            + ".",
            tone(members[0][1]),
        )
        for verdict, members in groups.items()
    ]


def _middles(found: Sequence[Judgement]) -> str:
    """Mean differences that are judged; where none is, why."""
    judged = [j for j in found if j.verdict is not Verdict.WITHHELD]
    texts = [_middle(j) for j in judged] or list(dict.fromkeys(j.reason for j in found))
    return f" ({', '.join(texts)})"


def _middle(judgement: Judgement) -> str:
    shown = measure(judgement.key)
    overruled = f" with {p_text(judgement.significance.corrected)} corrected" if judgement.reason else ""
    return f"{shown.label} {shown.text(judgement.difference.mean, signed=True)}{overruled}"


def _rank(found: Sequence[Judgement]) -> tuple[int, str]:
    verdict = overall(found)
    order = {"helps": 0, "unclear": 1, "hurts": 2}
    return order[tone(found)] + 3 * (verdict == Verdict.WITHHELD), verdict
