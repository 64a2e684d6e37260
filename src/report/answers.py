"""The answer in three sentences, and the questions that the two kinds of collapse raise, each with its evidence."""

from dataclasses import dataclass
from functools import partial

from src.report.cautions import cautions
from src.report.document import Block, Part, Picture, part
from src.report.figures import charted, picture
from src.report.figures.curves import curves, level_curves, schedules
from src.report.figures.forest import forest, shown_verdicts
from src.report.figures.gallery import galleries
from src.report.figures.heatmaps import share_data, share_map, survival_map
from src.report.figures.planes import phase_transition, rate_distortion
from src.report.outcomes import budget, effect, level_collapse, mode_state, prevention, readability, reference
from src.report.phase_transition import transition
from src.report.section import Section
from src.report.tables import absence_table, difference_table
from src.report.templating import say
from src.report.trajectories import ABSENT, characters, onset_shares, onset_table


@dataclass(frozen=True)
class Sentence:
    """One conclusion; `kind` is "finding", "helps", "hurts", "unclear" or "caution"."""

    text: str
    kind: str = "finding"


def opening(section: Section) -> list[Sentence]:
    """Three sentences, whatever the runs: the collapse, the remedies, the confidence."""
    outcome = effect(section)
    state, levels = level_collapse(section) if section.family.levels else (mode_state(section), [])
    return [
        Sentence(say("opening", section, state, levels, budget(section), readability(section))),
        Sentence(say("effect", section, outcome), outcome.kind),
        Sentence(say("confidence", section, outcome, cautions(section)), "caution"),
    ]


def answers(section: Section) -> list[Part]:
    """Parts in the order in which one would ask; of a family that the report does not know what its runs list."""
    if not section.included or section.family.absent not in section.name_keys:
        listed = absence_table(section) if section.name_keys else None
        return part("What is listed by name", say("names_listed", section), "", listed) if listed else []
    return _posterior(section) if section.family.levels else _modes(section)


def _modes(section: Section) -> list[Part]:
    readable = readability(section)
    any_sample = readable is not None and section.baseline_label in readable.unreadable
    key = "modes_any" if any_sample and "modes_any" in section.metric_keys else "modes"
    tried = [summary for summary in section.ranked if summary.included and summary.mean(key) is not None]
    return [
        *part(
            "Mode coverage with and without the fix",
            say("coverage", section, key, max(tried, key=lambda s: s.mean(key), default=None), readable),
            say("decides", section, key),
            *_curves(section, key),
            _shares(section),
            absence_table(section),
            is_open=True,
        ),
        *part(
            "When collapse begins",
            say("onset", section, budget(section), onset_shares(section)),
            say("decides", section, "onset"),
            onset_table(section),
            picture("survival", section, survival_map(section), characters(section) == 1),
        ),
        *part(
            "How effective the chosen technique is",
            say("effect", section, effect(section)),
            say("decides", section, section.primary),
            *_differences(section),
        ),
    ]


def _posterior(section: Section) -> list[Part]:
    state, levels = level_collapse(section)
    kept = [outcome for name in section.family.levels if (outcome := prevention(section, name))]
    tried, found = any(summary.included for summary in section.remedies), transition(section)
    return [
        *part(
            "Evidence of posterior collapse",
            say("evidence", section, state, levels, budget(section)),
            say("decides", section, "levels"),
            charted("levels", section, level_curves(section, "kl"), suffix="kl"),
            absence_table(section),
            *galleries(section, [("kl_dimensions", "KL of each latent dimension during training")]),
            is_open=True,
        ),
        *part(
            "Where collapse sets in",
            say("transition", section, found) if found else "",
            say("decides", section, "transition"),
            picture("transition", section, phase_transition(found)),
            is_open=True,
        ),
        *part(
            "How annealing prevented it",
            say("prevention", section, kept) if tried else say("effect", section, effect(section)),
            say("decides", section, "prevention"),
            charted("schedules", section, schedules(section)),
            charted("levels", section, level_curves(section, "active"), suffix="active"),
        ),
        *part(
            "Comparison of annealing strategies",
            say("likelihood", section, effect(section), *map(partial(reference, section), ("floor_nll", "entropy"))),
            say("decides", section, section.primary),
            *_differences(section),
            picture("plane", section, rate_distortion(section)),
            *_curves(section, section.primary),
            _shares(section),
        ),
    ]


def _curves(section: Section, first: str) -> list[Picture | None]:
    keys = sorted(section.family.curves, key=lambda key: key != first)
    return [charted("curves", section, curves(section, key), suffix=key) for key in keys]


def _shares(section: Section) -> Picture | None:
    absent = any(summary.absences(ABSENT) for summary in section.summaries)
    return picture("shares", section, share_map(section), absent, data=share_data(section))


def _differences(section: Section) -> list[Block | None]:
    """The table of verdicts and its figure."""
    return [difference_table(section), picture("differences", section, forest(section), shown_verdicts(section))]
