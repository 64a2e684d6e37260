"""The questions that the two kinds of collapse raise, answered one by one, each with the evidence under it."""

from collections.abc import Sequence

from src.core.metric_specs import metric_spec
from src.report.conclusions import remedies
from src.report.document import Block, Bullets, Details, Heading, Paragraph, Table
from src.report.dynamics import onset_sentence, onset_table
from src.report.effect import chosen, effect, number_of
from src.report.figures.all import (
    curve_picture,
    difference_picture,
    dimension_picture,
    level_picture,
    plane_picture,
    share_picture,
    survival_pictures,
)
from src.report.figures.shares import ABSENT
from src.report.grouping import Section, Summary
from src.report.posterior import evidence, likelihood, prevention
from src.report.statistics import Estimate
from src.report.tables import absence_table, difference_table
from src.report.trajectories import absence, few, onset
from src.report.verdicts import Verdict, decision, effects_text, interval, judge, side_effects

UNANSWERED = "None of these runs can tell."
MOST_ROWS = 12  # of a table that is not folded


def answers(section: Section) -> list[Block]:
    """Headings in the order in which one would ask; nothing for a family that the report does not know."""
    if not section.included or section.family.absent not in section.name_keys:
        return []
    return _posterior(section) if section.family.levels else _modes(section)


def _modes(section: Section) -> list[Block]:
    key = section.family.absent
    return [
        *_answer(
            "Mode coverage with and without the fix",
            [absence(section, key), coverage(section)],
            [*(curve_picture(section, key) for key in section.family.curves), share_picture(section)],
            [_on_a_click("What is missing under each name", absence_table(section))],
        ),
        *_answer(
            "When collapse begins",
            [onset(section), onset_sentence(section)],
            [_on_a_click("Onset under each name", onset_table(section)), *survival_pictures(section)],
        ),
        *_answer(
            "How effective the chosen technique is",
            [effectiveness(section)],
            [difference_table(section), difference_picture(section), *_each(section)],
        ),
    ]


def _posterior(section: Section) -> list[Block]:
    return [
        *_answer(
            "Evidence of posterior collapse",
            evidence(section),
            [level_picture(section, "kl"), _on_a_click("What collapses under each name", absence_table(section))],
            [dimension_picture(section)],
        ),
        *_answer(
            "How annealing prevented it",
            prevention(section) or [_nothing_prevented(section)],
            [level_picture(section, "active"), level_picture(section, "beta")],
        ),
        *_answer(
            "Comparison of annealing strategies",
            [likelihood(section), effectiveness(section), absence(section, ABSENT)],
            [difference_table(section), difference_picture(section), *_each(section), plane_picture(section)],
            [curve_picture(section, key) for key in section.family.curves],
            [share_picture(section)],
        ),
    ]


def _answer(question: str, told: Sequence[str], *shown: Sequence[Block | None]) -> list[Block]:
    text = " ".join(sentence for sentence in told if sentence)
    blocks = [block for group in shown for block in group if block]
    return [Heading(question, 3), Paragraph(text or UNANSWERED, "answer"), *blocks]


def _on_a_click(what: str, table: Table | None) -> Block | None:
    """A table that is long, and only says in numbers what a picture beside it shows, opens on a click."""
    return Details(what, [table]) if table and len(table.rows) > MOST_ROWS else table


def coverage(section: Section) -> str:
    """The best mean among the remedies beside the baseline's; empty where there is no remedy."""
    known, baseline = metric_spec("modes"), section.summaries[0]
    tried = [summary for summary in section.ranked if summary.mean("modes") is not None]
    if not tried or baseline.mean("modes") is None:
        return ""
    best = f"`{tried[0].label}` covers {_modes_of(tried[0])}{few(len(tried[0].included))}"
    if len(tried) == 1:
        return f"With the fix, {best}."
    return (
        f"With a fix, {best}, the highest mean of {number_of(len(tried), section.family.remedy)}, against "
        f"{known.text(baseline.mean('modes'))} without{few(len(baseline.included))}."
    )


def _modes_of(summary: Summary) -> str:
    return f"{interval(summary.estimates.get('modes', Estimate(0)), metric_spec('modes'))} on average"


def effectiveness(section: Section) -> str:
    """The best remedy's verdict, and what share of the modes that the baseline lacks it is shown to win back."""
    best, baseline = chosen(section), section.summaries[0]
    if best is None or not baseline.included:
        return effect(section).text
    found, effects = decision(section, best), side_effects(section, best)
    several = len(section.ranked) > 1
    lead = "The best by these verdicts is " if several and found and found.verdict is Verdict.HELPS else ""
    told = f"{lead}`{best.label}`: **{found.verdict if found else Verdict.WITHHELD}**."
    if effects:
        told += f" Side effects: {effects_text(effects)}."
    modes = judge(section, best, "modes") if "modes" in section.metric_keys else None
    if not (modes and modes.verdict in (Verdict.HELPS, Verdict.RAISES) and section.num_modes) or modes.compared.exact:
        return told
    known, lacking, gained = metric_spec("modes"), section.num_modes - baseline.mean("modes"), modes.difference.mean
    return (
        f"{told} Of the {known.text(lacking)} modes that `{baseline.label}` lacks on average it wins back "
        f"{known.text(gained)} ({gained / lacking:.0%})."
    )


def _nothing_prevented(section: Section) -> str:
    if not any(summary.included for summary in section.remedies):
        return UNANSWERED
    return f"No level collapses under `{section.baseline_label}` or any {section.family.remedy}: nothing to prevent."


def _each(section: Section) -> list[Block]:
    """Every remedy in a sentence of its own, with the reasons for what was not judged."""
    items = [(sentence.text, sentence.kind) for sentence in remedies(section)]
    return [Details(f"Each {section.family.remedy} in words", [Bullets(items)])] if items else []
