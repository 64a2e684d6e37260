"""The answer in three sentences, and the questions that the two kinds of collapse raise, each with its evidence."""

from collections.abc import Sequence
from dataclasses import dataclass

from src.report.collapse import budget, level_collapse, likelihood, mode_collapse, prevention
from src.report.document import Block, Bullets, Details, Heading, Paragraph, Picture, Table
from src.report.figures import picture
from src.report.figures.curves import LOG_SCALED, QUANTITIES, curves, level_curves
from src.report.figures.forest import forest
from src.report.figures.heatmaps import dimension_maps, share_map, survival_maps
from src.report.figures.rate_distortion import rate_distortion
from src.report.grouping import Section
from src.report.remedies import MANY, Remedy, confidence, effect, effectiveness, remedies
from src.report.tables import absence_table, difference_table
from src.report.templating import say
from src.report.trajectories import ABSENT, characters, onset_shares, onset_table
from src.report.verdicts import Verdict

UNANSWERED = "None of these runs can tell."
MOST_ROWS = 12  # of a table that is not folded
ORDER = (Verdict.HELPS, Verdict.RAISES, Verdict.LOWERS, Verdict.UNCLEAR, Verdict.HURTS, Verdict.WITHHELD)


@dataclass(frozen=True)
class Sentence:
    """One conclusion; `kind` is "finding", "helps", "hurts", "unclear" or "caution"."""

    text: str
    kind: str = "finding"


def opening(section: Section) -> list[Sentence]:
    """Three sentences, whatever the runs: the collapse, the remedies, the confidence."""
    modes, spent = mode_collapse(section, section.family.absent), budget(section)
    outcome = effect(section)
    return [
        Sentence(say("opening", section, modes, *level_collapse(section), spent)),
        Sentence(say("effect", section, outcome), outcome.kind),
        Sentence(say("confidence", section, confidence(section)), "caution"),
    ]


def answers(section: Section) -> list[Block]:
    """Headings in the order in which one would ask; nothing for a family that the report does not know."""
    if not section.included or section.family.absent not in section.name_keys:
        return []
    return _posterior(section) if section.family.levels else _modes(section)


def _modes(section: Section) -> list[Block]:
    key, spent = section.family.absent, budget(section)
    modes = mode_collapse(section, key)
    tried = [summary for summary in section.ranked if summary.mean("modes") is not None]
    return [
        *_answer(
            "Mode coverage with and without the fix",
            [say("absence", section, key, modes), say("coverage", section, tried)],
            [*_curves(section), picture("shares", section, share_map(section))],
            [_folded("What is missing under each name", absence_table(section))],
        ),
        *_answer(
            "When collapse begins",
            [say("onset", section, modes, spent), say("onset_shares", onset_shares(section))],
            [_folded("Onset under each name", onset_table(section)), *survival_pictures(section)],
        ),
        *_answer("How effective the chosen technique is", [_effectiveness(section)], _differences(section)),
    ]


def _posterior(section: Section) -> list[Block]:
    state, levels = level_collapse(section)
    kept = [say("prevention", section, *outcome) for one in levels if (outcome := prevention(section, one.name))]
    if not kept and any(summary.included for summary in section.remedies):
        kept = [say("nothing_prevented", section)]
    best = likelihood(section)
    missing = say("absence", section, ABSENT, mode_collapse(section, ABSENT))
    return [
        *_answer(
            "Evidence of posterior collapse",
            [say("evidence", section, state, levels, budget(section))],
            [_levels(section, "kl"), _folded("What collapses under each name", absence_table(section))],
            [picture("dimensions", section, dimension_maps(section))],
        ),
        *_answer("How annealing prevented it", kept, [_levels(section, "active"), _levels(section, "beta")]),
        *_answer(
            "Comparison of annealing strategies",
            [say("likelihood", section, best) if best else "", _effectiveness(section), missing],
            [*_differences(section), picture("plane", section, rate_distortion(section))],
            [*_curves(section), picture("shares", section, share_map(section))],
        ),
    ]


def _answer(question: str, sentences: Sequence[str], *shown: Sequence[Block | None]) -> list[Block]:
    text = " ".join(sentence for sentence in sentences if sentence)
    blocks = [block for group in shown for block in group if block]
    return [Heading(question, 3), Paragraph(text or UNANSWERED, "answer"), *blocks]


def _effectiveness(section: Section) -> str:
    outcome = effectiveness(section)
    return say("effectiveness", section, outcome) if outcome else say("effect", section, effect(section))


def _folded(what: str, table: Table | None) -> Block | None:
    """A table that is long, and only has in numbers what a picture beside it shows, opens on a click."""
    return Details(what, [table]) if table and len(table.rows) > MOST_ROWS else table


def _curves(section: Section) -> list[Picture | None]:
    keys = section.family.curves
    return [picture("curves", section, curves(section, k), k, k in LOG_SCALED, suffix=k) for k in keys]


def _levels(section: Section, quantity: str) -> Picture | None:
    content = level_curves(section, quantity)
    return picture("levels", section, content, quantity, QUANTITIES[quantity], suffix=quantity)


def survival_pictures(section: Section) -> list[Picture | None]:
    plain = characters(section) == 1
    maps = enumerate(survival_maps(section), start=1)
    return [picture("survival", section, content, number, plain, suffix=number) for number, content in maps]


def _differences(section: Section) -> list[Block | None]:
    """The table of verdicts, its figure, and each remedy in a sentence of its own."""
    items = [(one.text, one.kind) for one in remedy_sentences(section)]
    words = Details(f"Each {section.family.remedy} in words", [Bullets(items)]) if items else None
    return [difference_table(section), picture("differences", section, forest(section)), words]


def remedy_sentences(section: Section) -> list[Sentence]:
    """What each remedy does, or one sentence per verdict where they are many."""
    tried = sorted(remedies(section), key=lambda remedy: ORDER.index(remedy.verdict))
    if len(tried) <= MANY:
        return [Sentence(say("remedy", section, remedy), remedy.verdict.tone) for remedy in tried]
    groups: dict[Verdict, list[Remedy]] = {}
    for remedy in tried:
        groups.setdefault(remedy.verdict, []).append(remedy)
    return [Sentence(say("remedies_with", section, v, members), v.tone) for v, members in groups.items()]
