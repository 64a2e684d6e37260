"""The answer in three sentences, and the questions that the two kinds of collapse raise, each with its evidence."""

from src.report.cautions import cautions
from src.report.document import Block, Part, Picture, Sentence, part
from src.report.figures import charted, picture
from src.report.figures.curves import curves, level_curves, schedules
from src.report.figures.gallery import galleries
from src.report.figures.heatmaps import share_data, share_map, survival_map
from src.report.figures.points import forest, phase_transition, rate_distortion, shown_verdicts
from src.report.outcomes import collapse, effect, prevention, readability, reference, transition
from src.report.records import ABSENT
from src.report.section import Section
from src.report.tables import absence_table, difference_table
from src.report.templating import say
from src.report.trajectories import characters, onset_shares, onset_table


def opening(section: Section) -> list[Sentence]:
    """Three sentences, whatever the runs: the collapse, the remedies, the confidence."""
    outcome = effect(section)
    return [
        Sentence(say("opening", section, *collapse(section), readability(section))),
        Sentence(say("effect", section, outcome), outcome.kind),
        Sentence(say("confidence", section, outcome, cautions(section)), "caution"),
    ]


def answers(section: Section) -> list[Part]:
    """Parts in the order in which one would ask; of a family that the report does not know what its runs list."""
    if section.included and section.family.absent in section.name_keys:
        return _posterior(section) if section.family.levels else _modes(section)
    if not section.name_keys:
        return []
    return part(section, "names_listed", absence_table(section))


def _modes(section: Section) -> list[Part]:
    readable = readability(section)
    any_sample = readable is not None and section.baseline_label in readable.unreadable
    key = "modes_any" if any_sample and "modes_any" in section.metric_keys else "modes"
    tried = [summary for summary in section.ranked if summary.included and summary.mean(key) is not None]
    return [
        *part(
            section,
            "coverage",
            *_curves(section, key),
            _shares(section),
            absence_table(section),
            facts=(key, max(tried, key=lambda s: s.mean(key), default=None), readable),
            decides=key,
            is_open=True,
        ),
        *part(
            section,
            "onset",
            onset_table(section),
            picture("survival", section, survival_map(section), characters(section) == 1),
            facts=(onset_shares(section),),
        ),
        *part(section, "effect", *_differences(section), facts=(effect(section),), decides=section.primary),
    ]


def _posterior(section: Section) -> list[Part]:
    kept = [outcome for name in section.family.levels if (outcome := prevention(section, name))]
    found = transition(section)
    onset = picture("transition", section, phase_transition(found))
    return [
        *part(
            section,
            "evidence",
            charted("levels", section, level_curves(section, "kl"), suffix="kl"),
            absence_table(section),
            *galleries(section, [("kl_dimensions", "KL of each latent dimension during training")]),
            facts=collapse(section),
            decides="levels",
            is_open=True,
        ),
        *part(section, "transition", onset, facts=(found,), is_open=True),
        *part(
            section,
            "prevention",
            charted("schedules", section, schedules(section)),
            charted("levels", section, level_curves(section, "active"), suffix="active"),
            facts=(kept, effect(section)),
        ),
        *part(
            section,
            "likelihood",
            *_differences(section),
            picture("plane", section, rate_distortion(section)),
            *_curves(section, section.primary),
            _shares(section),
            facts=(effect(section), reference(section, "floor_nll"), reference(section, "entropy")),
            decides=section.primary,
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
