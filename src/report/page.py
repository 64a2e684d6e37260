"""The report's contents, from top to bottom."""

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from src.core.run_names import HOW_MANY, concerns, key_of
from src.report.answers import answers
from src.report.class_correlations_section import why_section
from src.report.compute import compute_table
from src.report.control_tables import controls_table, samples_table
from src.report.cost import cost_table
from src.report.document import Block, Bullets, Code, Contents, Details, Document, Heading, Paragraph
from src.report.dynamics_section import dynamics_section
from src.report.export import relative
from src.report.figures.gallery import galleries
from src.report.grouping import Section
from src.report.music_section import music_section
from src.report.opening import opening, title
from src.report.records import NEVER_STARTED
from src.report.tables import absence_table, main_table, other_table, runs_table
from src.report.tuning_section import tuning_section
from src.report.warnings import cautions

MOST_ROWS, MOST_COMMANDS = 24, 8  # of what is not folded


def compose(sections: Sequence[Section], root: Path) -> Document:
    """The whole report, the answer first; `root` is the folder that holds it."""
    families = list(dict.fromkeys(section.family.title for section in sections))
    blocks: list[Block] = [Paragraph(_compared(sections), "lede")]
    blocks += [Bullets([(sentence.text, sentence.kind) for sentence in opening(section)]) for section in sections]
    blocks.append(Paragraph("Brackets hold 95 % intervals over seeds.", "note"))
    if len(sections) > 1:
        blocks.append(
            Paragraph(
                f"{len(sections)} parts follow, because runs on different data, of different families or measured by "
                "different oracles are never averaged or compared.",
                "note",
            )
        )
    blocks += tuning_section(root)
    for section in sections:
        blocks += _section(section, root)
    return Document(f"Collapse Lab: {' and '.join(families)} compared", blocks)


def _compared(sections: Sequence[Section]) -> str:
    runs = [run for section in sections for run in section.runs]
    done = sum(run.completed for run in runs)
    names = {(section.slug, run.name) for section in sections for run in section.runs}
    seeds = sorted({run.seed for run in runs if run.seed is not None})
    waiting = sum(run.status == NEVER_STARTED for run in runs)
    never = f", {waiting} never started" if waiting else ""
    return (
        f"{_count(len(runs), 'run')}, {done} of them completed{never}: {_count(len(names), 'name')}, "
        f"{_count(len(seeds), 'seed')} ({', '.join(map(str, seeds[:12]))}{', …' if len(seeds) > 12 else ''})."
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _section(section: Section, root: Path) -> list[Block]:
    """One part: its data, the questions answered, then all that they rest on, and how to make it again."""
    asked = answers(section)
    blocks: list[Block | None] = [
        *asked,
        *_part("What limits these answers", [_limits(section)]),
        *_part("Ranking", _ranking(section)),
        *_part("What collapsed", [absence_table(section)] if section.included and not asked else []),
        *_part("Controls: what real data and junk would score", [controls_table(section), samples_table(section)]),
        *_part("Samples", galleries(section, section.family.grids)),
        *dynamics_section(section),
        *why_section(section),
        *music_section(section),
        *_part("Cost", [cost_table(section), compute_table(section)]),
        *_part("All runs", _runs(section)),
        *_part("What was run", _reproduce(section, root)),
    ]
    links, body = _linked(section, [block for block in blocks if block])
    head = [Heading(title(section)), *_data(section), Paragraph(f"Compared: {_names(section)}.", "note")]
    return [*head, Contents(links), *body]


def _part(heading: str, blocks: Sequence[Block | None]) -> list[Block]:
    """Nothing at all where there is nothing to show."""
    found = [block for block in blocks if block]
    return [Heading(heading, 3), *found] if found else []


def _linked(section: Section, blocks: Sequence[Block]) -> tuple[list[tuple[str, str]], list[Block]]:
    """Every heading with an anchor, and the list of them."""
    links, body = [], []
    for block in blocks:
        if isinstance(block, Heading):
            links.append((block.text, f"{section.slug}-{len(links) + 1}"))
            block = replace(block, anchor=links[-1][1])
        body.append(block)
    return links, body


def _limits(section: Section) -> Block | None:
    found = cautions(section)
    return Bullets([(text, "caution") for text in found]) if found else None


def _ranking(section: Section) -> list[Block | None]:
    if not section.included:
        return []
    other = other_table(section)
    return [main_table(section), Details("More quantities", [other]) if other else None]


def _runs(section: Section) -> list[Block]:
    """In one table; where it would be long, what is not averaged first, and the rest on a click."""
    if len(section.runs) <= MOST_ROWS:
        return [runs_table(section, section.runs)]
    kept = {run.folder for run in section.included}
    left_out = [run for run in section.runs if run.folder not in kept]
    rest = Details(f"The {_count(len(kept), 'run')} that are averaged", [runs_table(section, section.included)])
    return [*([runs_table(section, left_out)] if left_out else []), rest]


def _names(section: Section) -> str:
    first, *others = [f"`{summary.label}`" for summary in section.summaries]
    compared = ", ".join([f"{first} (the baseline)", *others])
    if section.baseline_label == section.baseline:
        return compared
    return f"{compared}; {first} is short for `{section.baseline}`, the others likewise"


def _data(section: Section) -> list[Block]:
    """What was really used, and a banner if it is not what was asked for."""
    dataset = section.dataset
    if dataset is None:
        return [Paragraph("These runs ended before they recorded their data. Nothing here is averaged.", "warning")]
    sizes = ", ".join(f"{size:,} {split}" for split, size in dataset.sizes.items())
    oracle = sorted({f"{a:.3f}" for run in section.included if (a := run.facts.get("oracle_accuracy"))})
    facts = [f"Data: **{dataset.source}**", f"digest `{dataset.digest[:12]}`"]
    facts += [f"{len(dataset.classes)} {dataset.noun}"] if dataset.classes else []
    facts += [sizes] if sizes else []
    if dataset.entropy is not None:
        facts.append(f"entropy {dataset.entropy:.2f} nats per {dataset.unit[:-1]}, exactly known")
    facts += [f"measured by {section.oracle}"] if section.oracle_differs and section.oracle else []
    facts += [f"oracle accuracy {' to '.join(dict.fromkeys((oracle[0], oracle[-1])))}"] if oracle else []
    text = Paragraph(" · ".join(facts) + ".", "note")
    if not dataset.is_fallback:
        return [text]
    warning = (
        f"**Not {dataset.name}.** These runs asked for `{dataset.name}` and got `{dataset.source}` instead, "
        f"a fallback. Nothing below is about {dataset.name}."
    )
    return [Paragraph(warning, "warning"), text]


def _reproduce(section: Section, root: Path) -> list[Block]:
    commands = _commands(section)
    blocks: list[Block] = []
    if commands:
        told = Paragraph("The recorded commands, seeds gathered:")
        listed = Details(f"{len(commands)} commands", [Code(commands)])
        blocks += [told, Code(commands) if len(commands) <= MOST_COMMANDS else listed]
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
    listing = Details(f"Folders of the {_count(len(folders), 'run')}", [Code(folders)])
    return [*blocks, listing]


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
