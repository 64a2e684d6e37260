"""The report's contents, from top to bottom."""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from src.core.console import progress
from src.core.run_names import HOW_MANY, concerns, key_of
from src.report.answers import answers, opening
from src.report.cautions import cautions, junk_passes
from src.report.chapters import chapters
from src.report.class_correlations import class_correlations, correlation_table, property_table, within_table
from src.report.cost import compute_table, cost_table
from src.report.document import Block, Bullets, Code, Details, Document, Heading, Paragraph, Part, Picker, part
from src.report.early_warning import BEFORE, SLACK, WIDTH, not_warned, records, warning, warning_table
from src.report.export import relative
from src.report.figures import charted
from src.report.figures.curves import signal_curves
from src.report.figures.gallery import galleries
from src.report.outcomes import readability
from src.report.records import Run
from src.report.search import search, tuning
from src.report.section import Section
from src.report.tables import controls_table, main_table, other_table, runs_table, samples_table, win_table
from src.report.templating import count, rendered, say
from src.report.trajectories import ABSENT, loss_table, vanishing
from src.report.verdicts import ranks


def compose(sections: Sequence[Section], root: Path) -> Document:
    """The whole report, the answer first; `root` is the folder that holds it."""
    families = list(dict.fromkeys(section.family.title for section in sections))
    runs = [run for section in sections for run in section.runs]
    blocks: list[Block] = [
        Paragraph(say("compared", sections), "lede"),
        *(Bullets([(one.text, one.kind) for one in opening(section)]) for section in sections),
        Paragraph(say("intervals", sections), "note"),
        *_left_out(sections, runs),
        *tuning(root),
        *search(root),
    ]
    for section in sections:
        blocks += _section(section, root)
    return Document(f"Collapse Lab: {' and '.join(families)} compared", blocks)


def _left_out(sections: Sequence[Section], runs: Sequence[Run]) -> list[Block]:
    """What the first look does not ask, with the command that does; nothing after any other sweep."""
    if not runs or not all("study=quick" in run.overrides for run in runs):
        return []
    keys, readable = set().union(*(s.metric_keys for s in sections)), not any(map(readability, sections))
    questions = rendered("left_out.j2", keys=keys, readable=readable).strip().splitlines()
    return [Details(say("left_out", len(questions)), [Bullets([(text, "finding") for text in questions])])]


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


def _said(sentence: str, section: Section, *facts: object) -> tuple[str, str]:
    """A part's answer, and what decides it."""
    return say(f"{sentence}_answer", section, *facts), say("decides", section, sentence)


def _limits(section: Section) -> list[Part]:
    limits = cautions(section)
    items = [(say(one.key, section, one.facts), "caution") for one in limits]
    shown = Bullets(items) if items else None
    return part("What limits these answers", *_said("limits", section, limits), shown)


def _ranking(section: Section) -> list[Part]:
    if not section.included:
        return []
    other = other_table(section)
    more = Details("More quantities", [other]) if other else None
    answer = _said("ranking", section, ranks(section))
    return part("Ranking", *answer, main_table(section), win_table(section), more)


def _controls(section: Section) -> list[Part]:
    tables = [controls_table(section), samples_table(section)]
    said = _said("controls", section, [*junk_passes(section)]) if any(tables) else ("", "")
    return part("Controls: what real data and junk would score", *said, *tables)


def _data(section: Section) -> list[Block]:
    """What was really used, and a banner if it is not what was asked for."""
    if section.dataset is None:
        return [Paragraph("These runs ended before they recorded their data. Nothing here is averaged.", "warning")]
    accuracies = sorted({f"{a:.3f}" for run in section.included if (a := run.facts.get("oracle_accuracy"))})
    text = Paragraph(say("data", section, accuracies), "note")
    return [Paragraph(say("fallback", section.dataset), "warning"), text] if section.dataset.is_fallback else [text]


def _unfolding(section: Section) -> list[Part]:
    """Nothing where no name's samples are readable, so that none of their classes can be told."""
    losses = None if _unreadable(section) else loss_table(section)
    said = _said("unfolding", section, *vanishing(section)) if losses and section.family.absent == ABSENT else ("", "")
    return part("How collapse unfolds", *said, losses)


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
        "Early warnings",
        say("warning", warning(outcome), section.unit),
        say("decides", section, "warning"),
        *(Paragraph(text, "note") for text in notes if text),
        warning_table(outcome, section.unit),
        *(charted("signals", section, chart, suffix=chart.key) for chart in signal_curves(section)),
    )


def _classes(section: Section) -> list[Part]:
    """Nothing where the runs have no properties of classes or no survival."""
    if _unreadable(section) or (outcome := class_correlations(section)) is None:
        return []
    within, (answer, *more) = within_table(outcome), say("classes", outcome).split(". ", 1)
    return part(
        f"Why these {outcome.noun}?",
        f"{answer.rstrip('.')}.",
        say("decides", section, "classes"),
        *(Paragraph(text) for text in more),
        correlation_table(outcome),
        Paragraph(say("class_terms", outcome), "note"),
        Details(f"All {outcome.noun}, and what was measured of them", [property_table(outcome)]),
        Details("The same within each name", [within]) if within else None,
    )


def _cost(section: Section) -> list[Part]:
    speeds = {s.label: s.mean("images_per_second") for s in section.summaries if s.mean("images_per_second")}
    said = _said("cost", section, speeds) if speeds else ("", "")
    return part("Cost", *said, cost_table(section), compute_table(section))


def _samples(section: Section) -> list[Part]:
    shown = galleries(section, section.family.grids)
    return part("Samples", *_said("samples", section, readability(section)), *shown) if shown else []


def _runs(section: Section) -> list[Part]:
    left_out = len({run.folder for run in section.runs} - {run.folder for run in section.included})
    return part("All runs", *_said("runs", section, left_out), runs_table(section))


def _reproduce(section: Section, root: Path) -> list[Part]:
    commands = _commands(section)
    facts = [f"data `{section.dataset.source}`, digest `{section.dataset.digest}`"] if section.dataset else []
    for label, key in (("code", "git"), ("device", "device"), ("precision", "precision")):
        values = sorted({str(run.facts[key]) for run in section.runs if run.facts.get(key)})
        facts += [f"{label} {', '.join(f'`{value}`' for value in values)}"] if values else []
    used = {package for run in section.runs for package in (run.facts.get("versions") or {}).items()}
    versions = {name: " and ".join(sorted(v for n, v in used if n == name)) for name, _ in sorted(used)}
    facts += [", ".join(f"{name} {version}" for name, version in versions.items())] if versions else []
    folders = sorted({relative(run.folder, root) for run in section.runs})
    return part(
        "What was run",
        say("reproduce", commands, facts),
        "",
        Code(commands) if commands else None,
        Details(f"Folders of the {count(len(folders), 'run')}", [Code(folders)]),
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
