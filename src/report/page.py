"""The report's contents, from top to bottom."""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from src.core.console import progress
from src.core.run_names import HOW_MANY, concerns, key_of
from src.report.answers import answers, opening
from src.report.cautions import cautions, judged_by_controls, junk_passes
from src.report.chapters import chapters
from src.report.class_correlations import class_correlations, correlation_table, property_table, within_table
from src.report.cost import compute_table, cost_table
from src.report.document import (
    Block,
    Bullets,
    Code,
    Details,
    Document,
    Heading,
    Paragraph,
    Part,
    Picker,
    Sentence,
    part,
)
from src.report.early_warning import BEFORE, SLACK, WIDTH, not_warned, records, warning, warning_table
from src.report.export import relative
from src.report.figures import charted
from src.report.figures.curves import signal_curves
from src.report.figures.gallery import galleries
from src.report.outcomes import readability
from src.report.search import search, tuning
from src.report.section import Section
from src.report.tables import controls_table, main_table, other_table, runs_table, samples_table, win_table
from src.report.templating import count, rendered, say
from src.report.trajectories import loss_table, vanishing
from src.report.verdicts import ranks


def compose(sections: Sequence[Section], root: Path) -> Document:
    """The whole report, the answer first; `root` is the folder that holds it."""
    families = list(dict.fromkeys(section.family.title for section in sections))
    blocks: list[Block] = [
        Paragraph(say("compared", sections), "lede"),
        *(Bullets(opening(section)) for section in sections),
        Paragraph(say("intervals", sections), "note"),
        *_left_out(sections),
        *tuning(root),
        *search(root),
    ]
    for section in sections:
        blocks += _section(section, root)
    return Document(f"Collapse Lab: {' and '.join(families)} compared", blocks)


def _left_out(sections: Sequence[Section]) -> list[Block]:
    """What the first look does not ask, with the command that does; nothing after any other sweep."""
    if not all("study=quick" in run.overrides for section in sections for run in section.runs):
        return []
    keys, readable = set().union(*(s.metric_keys for s in sections)), not any(map(readability, sections))
    questions = rendered("left_out.j2", keys=keys, readable=readable).strip().splitlines()
    return [Details(say("left_out", len(questions)), [Bullets([*map(Sentence, questions)])])]


def _section(section: Section, root: Path) -> list[Block]:
    """One family on its data: the questions answered, then all that they rest on, and how to make it again."""
    steps: tuple[Callable[[Section], list[Part]], ...] = (
        *(answers, _limits, _ranking, _controls, _samples, _unfolding, _early_warnings, _classes, chapters, _cost),
        *(_runs, partial(_reproduce, root=root)),
    )
    task = f"Writing the report on {count(len(section.runs), 'run')}"
    parts = [one for step in progress(steps, task) for one in step(section)]
    parts = [replace(one, anchor=f"{section.slug}-{number}") for number, one in enumerate(parts, 1)]
    head = [Heading(say("title", section), anchor=section.slug), *_data(section)]
    names = [summary.label for summary in section.best_first if summary.included]
    picker = [Picker(names, section.baseline_label)] if len(names) > 1 else []
    return [*head, Paragraph(say("names", section), "note"), *picker, *parts]


def _data(section: Section) -> list[Block]:
    """What was really used, and a banner if it is not what was asked for."""
    if section.dataset is None:
        return [Paragraph("These runs ended before they recorded their data. Nothing here is averaged.", "warning")]
    accuracies = sorted({f"{a:.3f}" for run in section.included if (a := run.facts.get("oracle_accuracy"))})
    text = Paragraph(say("data", section, accuracies), "note")
    return [Paragraph(say("fallback", section.dataset), "warning"), text] if section.dataset.is_fallback else [text]


def _limits(section: Section) -> list[Part]:
    limits = cautions(section)
    items = [Sentence(say(one.key, section, one.facts), "caution") for one in limits]
    shown = Bullets(items) if items else None
    return part(section, "limits", shown, facts=(limits,))


def _ranking(section: Section) -> list[Part]:
    if not section.included:
        return []
    other = other_table(section)
    tables = main_table(section), win_table(section), Details("More quantities", [other]) if other else None
    return part(section, "ranking", *tables, facts=(ranks(section),))


def _controls(section: Section) -> list[Part]:
    tables = controls_table(section), samples_table(section)
    facts = judged_by_controls(section), junk_passes(section)
    return part(section, "controls", *tables, facts=facts) if any(tables) else []


def _samples(section: Section) -> list[Part]:
    shown = galleries(section, section.family.grids)
    return part(section, "samples", *shown, facts=(readability(section),)) if shown else []


def _unfolding(section: Section) -> list[Part]:
    """Nothing where no name's samples are readable, so that none of their classes can be told."""
    losses = None if _unreadable(section) else loss_table(section)
    return part(section, "unfolding", losses, facts=vanishing(section)) if losses else []


def _unreadable(section: Section) -> bool:
    known = readability(section)
    return known is not None and known.everywhere


def _early_warnings(section: Section) -> list[Part]:
    """Nothing where no run could have warned, nor have given a false alarm."""
    outcome = records(section)
    if not any(record.collapsed or record.sound for record in outcome):
        return []
    notes = (say("warning_rule", BEFORE, WIDTH, SLACK), say("not_warned", *not_warned(section), BEFORE))
    return part(
        section,
        "warning",
        *(Paragraph(text, "note") for text in notes if text),
        warning_table(outcome, section.unit),
        *(charted("signals", section, chart, suffix=chart.key) for chart in signal_curves(section)),
        facts=(warning(outcome),),
    )


def _classes(section: Section) -> list[Part]:
    """Nothing where the runs have no properties of classes or no survival."""
    if _unreadable(section) or (outcome := class_correlations(section)) is None:
        return []
    within, (answer, *more) = within_table(outcome), say("classes", outcome).split(". ", 1)
    blocks = [
        *(Paragraph(text) for text in more),
        correlation_table(outcome),
        Paragraph(say("class_terms", outcome), "note"),
        Details(f"All {outcome.noun}, and what was measured of them", [property_table(outcome)]),
        Details("The same within each name", [within]) if within else None,
    ]
    rule = say("decides", section, "classes")
    return [Part(f"Why these {outcome.noun}?", f"{answer.rstrip('.')}.", rule, [*filter(None, blocks)])]


def _cost(section: Section) -> list[Part]:
    speeds = {s.label: s.mean("images_per_second") for s in section.summaries if s.mean("images_per_second")}
    return part(section, "cost", cost_table(section), compute_table(section), facts=(speeds,))


def _runs(section: Section) -> list[Part]:
    return part(section, "runs", runs_table(section))


def _reproduce(section: Section, root: Path) -> list[Part]:
    commands, keys = _commands(section), {"code": "git", "device": "device", "precision": "precision"}
    recorded = {label: {str(run.facts.get(key) or "") for run in section.runs} for label, key in keys.items()}
    used = {package for run in section.runs for package in (run.facts.get("versions") or {}).items()}
    versions = {name: sorted(v for n, v in used if n == name) for name, _ in sorted(used)}
    folders = sorted({relative(run.folder, root) for run in section.runs})
    return part(
        section,
        "reproduce",
        Code(commands) if commands else None,
        Details(f"Folders of the {count(len(folders), 'run')}", [Code(folders)]),
        facts=(commands, {label: sorted(values - {""}) for label, values in recorded.items()}, versions),
    )


def _commands(section: Section) -> list[str]:
    """One command per name: overrides without the seed, then all its seeds."""
    seeds: dict[tuple[str, ...], set[str]] = {}
    for run in section.runs:
        if run.overrides:
            rest = tuple(text for text in run.overrides if not concerns(key_of(text), ("seed", *HOW_MANY)))
            seeds.setdefault(rest, set()).update({str(run.seed)} - {"None"})
    commands = []
    for rest, values in sorted(seeds.items()):
        chosen = [*rest, *([f"seed={','.join(sorted(values, key=int))}"] if values else [])]
        swept = "-m " if len(values) > 1 else ""
        commands.append(f"python -m src.train {swept}{shlex.join(chosen)}".rstrip())
    return commands
