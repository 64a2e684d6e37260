"""The report's contents, from top to bottom."""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from src.core.console import progress
from src.core.run_names import HOW_MANY, concerns, key_of
from src.report.answers import answers, opening
from src.report.cautions import cautions
from src.report.chapters import chapters, tuning
from src.report.class_correlations import class_correlations, correlation_table, property_table
from src.report.cost import compute_table, cost_table
from src.report.document import Block, Bullets, Code, Contents, Details, Document, Heading, Paragraph
from src.report.early_warning import BEFORE, SLACK, WIDTH, not_warned, records, warning, warning_table
from src.report.export import relative
from src.report.figures import picture
from src.report.figures.curves import signal_curves
from src.report.figures.forest import correlation_figure
from src.report.figures.gallery import galleries
from src.report.grouping import Section
from src.report.records import NEVER_STARTED
from src.report.tables import (
    absence_table,
    controls_table,
    main_table,
    other_table,
    runs_table,
    samples_table,
)
from src.report.templating import count, say
from src.report.trajectories import ABSENT, class_table, loss_table, vanishing

MOST_ROWS, MOST_COMMANDS = 24, 8  # of what is not folded


def compose(sections: Sequence[Section], root: Path) -> Document:
    """The whole report, the answer first; `root` is the folder that holds it."""
    families = list(dict.fromkeys(section.family.title for section in sections))
    runs = [run for section in sections for run in section.runs]
    facts = say(
        "compared",
        len(runs),
        sum(run.completed for run in runs),
        sum(run.status == NEVER_STARTED for run in runs),
        len({(section.slug, run.name) for section in sections for run in section.runs}),
        sorted({run.seed for run in runs if run.seed is not None}),
    )
    blocks: list[Block] = [
        Paragraph(facts, "lede"),
        *(Bullets([(one.text, one.kind) for one in opening(section)]) for section in sections),
        Paragraph("Brackets hold 95 % intervals over seeds.", "note"),
        *([Paragraph(say("parts", len(sections)), "note")] if len(sections) > 1 else []),
        *tuning(root),
    ]
    for section in sections:
        blocks += _section(section, root)
    return Document(f"Collapse Lab: {' and '.join(families)} compared", blocks)


def _section(section: Section, root: Path) -> list[Block]:
    """One part: its data, the questions answered, then all that they rest on, and how to make it again."""
    asked = answers(section)
    limits = [(say(one.key, section, one.facts), "caution") for one in cautions(section)]
    other = other_table(section) if section.included else None
    ranking = [main_table(section), Details("More quantities", [other]) if other else None]
    parts: tuple[Callable[[], list[Block]], ...] = (
        lambda: asked,
        lambda: _part("What limits these answers", [Bullets(limits) if limits else None]),
        lambda: _part("Ranking", ranking if section.included else []),
        lambda: _part("What collapsed", [absence_table(section)] if section.included and not asked else []),
        lambda: _part(
            "Controls: what real data and junk would score", [controls_table(section), samples_table(section)]
        ),
        lambda: _part("Samples", galleries(section, section.family.grids)),
        lambda: _part("How collapse unfolds", _unfolding(section)),
        lambda: _part("Early warnings", _early_warnings(section)),
        lambda: _classes(section),
        lambda: chapters(section),
        lambda: _part("Cost", [cost_table(section), compute_table(section)]),
        lambda: _part("All runs", _runs(section)),
        lambda: _part("What was run", _reproduce(section, root)),
    )
    task = f"Writing the report on {count(len(section.runs), 'run')}"
    blocks = [block for part in progress(parts, task) for block in part()]
    links: list[tuple[str, str]] = []
    body: list[Block] = []
    for block in blocks:
        if isinstance(block, Heading):
            links.append((block.text, f"{section.slug}-{len(links) + 1}"))
            block = replace(block, anchor=links[-1][1])
        body.append(block)
    head = [Heading(say("title", section)), *_data(section), Paragraph(say("names", section), "note")]
    return [*head, Contents(links), *body]


def _part(heading: str, blocks: Sequence[Block | None]) -> list[Block]:
    """Nothing at all where there is nothing to show."""
    shown = [block for block in blocks if block]
    return [Heading(heading, 3), *shown] if shown else []


def _data(section: Section) -> list[Block]:
    """What was really used, and a banner if it is not what was asked for."""
    if section.dataset is None:
        return [Paragraph("These runs ended before they recorded their data. Nothing here is averaged.", "warning")]
    accuracies = sorted({f"{a:.3f}" for run in section.included if (a := run.facts.get("oracle_accuracy"))})
    text = Paragraph(say("data", section, accuracies), "note")
    return [Paragraph(say("fallback", section.dataset), "warning"), text] if section.dataset.is_fallback else [text]


def _unfolding(section: Section) -> list[Block | None]:
    sentence, classes = say("vanishing", section, *vanishing(section)), class_table(section)
    return [
        Bullets([(sentence, "finding")]) if sentence and section.family.absent == ABSENT else None,
        loss_table(section),
        Details(f"Under `{section.baseline_label}`, one by one", [classes]) if classes else None,
    ]


def _early_warnings(section: Section) -> list[Block | None]:
    outcome = records(section)
    if not outcome:
        return []
    notes = (say("warning_rule", BEFORE, WIDTH, SLACK), say("not_warned", *not_warned(section), BEFORE))
    return [
        Bullets([(say("warning", warning(outcome), section.unit), "finding")]),
        *(Paragraph(text, "note") for text in notes if text),
        warning_table(outcome, section.unit),
        picture("signals", section, signal_curves(section)),
    ]


def _classes(section: Section) -> list[Block]:
    """Nothing where the runs have no properties of classes or no survival."""
    outcome = class_correlations(section)
    if outcome is None:
        return []
    within = correlation_table(outcome)
    blocks = [
        Bullets([(say("classes", outcome), "finding")]),
        picture("why", section, correlation_figure(outcome), outcome),
        Paragraph(say("class_terms", outcome), "note"),
        Details(f"All {outcome.noun}, and what was measured of them", [property_table(outcome)]),
        Details("The same within each name", [within]) if within else None,
    ]
    return _part(f"Why these {outcome.noun}?", blocks)


def _runs(section: Section) -> list[Block]:
    """In one table; where it would be long, what is not averaged first, and the rest on a click."""
    if len(section.runs) <= MOST_ROWS:
        return [runs_table(section, section.runs)]
    kept = {run.folder for run in section.included}
    left_out = [run for run in section.runs if run.folder not in kept]
    rest = Details(f"The {count(len(kept), 'run')} that are averaged", [runs_table(section, section.included)])
    return [*([runs_table(section, left_out)] if left_out else []), rest]


def _reproduce(section: Section, root: Path) -> list[Block]:
    commands = _commands(section)
    blocks: list[Block] = []
    if commands:
        code = Code(commands)
        folded = code if len(commands) <= MOST_COMMANDS else Details(f"{len(commands)} commands", [code])
        blocks += [Paragraph("The recorded commands, with all seeds of a name in one:"), folded]
    facts = [f"Data `{section.dataset.source}`, digest `{section.dataset.digest}`"] if section.dataset else []
    for label, key in (("Code", "git"), ("device", "device"), ("precision", "precision")):
        values = sorted({str(run.facts[key]) for run in section.runs if run.facts.get(key)})
        facts += [f"{label} {', '.join(f'`{value}`' for value in values)}"] if values else []
    used = {package for run in section.runs for package in (run.facts.get("versions") or {}).items()}
    versions = {name: " and ".join(sorted(v for n, v in used if n == name)) for name, _ in sorted(used)}
    facts += [", ".join(f"{name} {version}" for name, version in versions.items())] if versions else []
    if facts:
        blocks.append(Paragraph(" · ".join(facts) + ".", "note"))
    folders = sorted({relative(run.folder, root) for run in section.runs})
    return [*blocks, Details(f"Folders of the {count(len(folders), 'run')}", [Code(folders)])]


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
