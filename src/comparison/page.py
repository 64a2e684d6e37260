"""The report's contents, from top to bottom."""

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from src.comparison.compute import compute_table
from src.comparison.conclusions import conclude
from src.comparison.document import (
    Block,
    Bullets,
    Code,
    Document,
    Folded,
    Heading,
    Paragraph,
)
from src.comparison.dynamics_section import dynamics_section
from src.comparison.figures import (
    curve_pictures,
    difference_picture,
    latent_pictures,
    sample_galleries,
    share_picture,
)
from src.comparison.sections import Section
from src.comparison.spreadsheets import relative
from src.comparison.tables import (
    absence_table,
    controls_table,
    difference_table,
    main_table,
    other_table,
    runs_table,
    samples_table,
)
from src.comparison.why_section import why_section


def compose(sections: Sequence[Section], root: Path) -> Document:
    """The whole report; `root` is the folder that holds it."""
    families = list(dict.fromkeys(section.family.title for section in sections))
    blocks: list[Block] = [Paragraph(_compared(sections), "lede")]
    if len(sections) > 1:
        blocks.append(
            Paragraph(
                f"{len(sections)} parts follow, because runs on different data or of different families are "
                "never averaged or compared.",
                "note",
            )
        )
    for section in sections:
        blocks += _section(section, root)
    return Document(f"Collapse Lab: {' and '.join(families)} compared", blocks)


def _compared(sections: Sequence[Section]) -> str:
    runs = [run for section in sections for run in section.runs]
    done = sum(run.completed for run in runs)
    names = {(section.slug, run.name) for section in sections for run in section.runs}
    seeds = sorted({run.seed for run in runs if run.seed is not None})
    return (
        f"{_count(len(runs), 'run')}, {done} of them completed: {_count(len(names), 'name')}, "
        f"{_count(len(seeds), 'seed')} ({', '.join(map(str, seeds[:12]))}{', …' if len(seeds) > 12 else ''})."
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _section(section: Section, root: Path) -> list[Block]:
    """One part: data, the short answer, tables, figures, every run, and how to make it again."""
    blocks: list[Block | None] = [
        Heading(_title(section)),
        *_data(section),
        Paragraph(f"Compared: {_names(section)}.", "note"),
        Heading("In short", 3),
        Bullets([(sentence.text, sentence.kind) for sentence in conclude(section)]),
        Paragraph("Brackets hold 95 % intervals over seeds.", "note"),
    ]
    if section.counted:
        blocks += [
            Heading("Results", 3),
            main_table(section),
            absence_table(section),
            *([Folded("More quantities", [other])] if (other := other_table(section)) else []),
        ]
    differences = [difference_table(section), difference_picture(section)]
    blocks += [Heading("Against the baseline", 3), *differences] if any(differences) else []
    costs = compute_table(section)
    blocks += [Heading("At equal discriminator passes", 3), costs] if costs else []
    drawn = samples_table(section)
    blocks += [Heading("Samples and what junk would score", 3), drawn] if drawn else []
    controls = controls_table(section)
    blocks += [Heading("Controls", 3), controls] if controls else []
    pictures = [*latent_pictures(section), *curve_pictures(section), share_picture(section)]
    blocks += [Heading("Figures", 3), *pictures] if any(pictures) else []
    blocks += dynamics_section(section)
    blocks += why_section(section)
    galleries = sample_galleries(section)
    blocks += [Heading("Samples", 3), *galleries] if galleries else []
    blocks += [Heading("All runs", 3), runs_table(section), Heading("Again", 3), *_reproduce(section, root)]
    return [block for block in blocks if block]


def _names(section: Section) -> str:
    first, *others = [f"`{summary.label}`" for summary in section.summaries]
    compared = ", ".join([f"{first} (the baseline)", *others])
    if section.baseline_label == section.baseline:
        return compared
    return f"{compared}; {first} is short for `{section.baseline}`, the others likewise"


def _title(section: Section) -> str:
    if section.dataset is None:
        return f"{section.family.title}: data not recorded"
    return f"{section.family.title} on {section.dataset.source}"


def _data(section: Section) -> list[Block]:
    """What was really used, and a banner if it is not what was asked for."""
    dataset = section.dataset
    if dataset is None:
        return [Paragraph("These runs ended before they recorded their data. Nothing here is averaged.", "warning")]
    sizes = ", ".join(f"{size:,} {split}" for split, size in dataset.sizes.items())
    oracle = sorted({f"{a:.3f}" for run in section.counted if (a := run.facts.get("oracle_accuracy"))})
    facts = [f"Data: **{dataset.source}**", f"digest `{dataset.digest[:12]}`"]
    facts += [f"{len(dataset.classes)} {dataset.noun}"] if dataset.classes else []
    facts += [sizes] if sizes else []
    if dataset.entropy is not None:
        facts.append(f"entropy {dataset.entropy:.2f} nats per {dataset.unit[:-1]}, exactly known")
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
        blocks += [Paragraph("The recorded commands, seeds gathered:"), Code(commands)]
    facts = []
    for label, key in (("Code", "git"), ("device", "device"), ("precision", "precision")):
        values = sorted({str(run.facts[key]) for run in section.runs if run.facts.get(key)})
        facts += [f"{label} {', '.join(f'`{value}`' for value in values)}"] if values else []
    versions = {}
    for run in section.runs:
        versions |= run.facts.get("versions") or {}
    facts += [", ".join(f"{name} {version}" for name, version in sorted(versions.items()))] if versions else []
    if facts:
        blocks.append(Paragraph(" · ".join(facts) + ".", "note"))
    folders = sorted({relative(run.folder, root) for run in section.runs})
    listing = Folded(f"Folders of the {_count(len(folders), 'run')}", [Code(folders)])
    return [*blocks, listing]


def _study_choice(override: str) -> str:
    key, _, value = override.partition("=")
    quoted = value if re.fullmatch(r"\w+", value) else f'"{value}"'  # a sweep as one string, not as a sweep of this
    return f"hydra.sweeper.params.{key}={quoted}"


def _commands(section: Section) -> list[str]:
    """One command per name: overrides without the seed, then all its seeds."""
    seeds: dict[tuple[str, ...], set[str]] = {}
    for run in section.runs:
        if run.overrides:
            rest = tuple(text for text in run.overrides if not re.match(r"seed=", text))
            seeds.setdefault(rest, set()).update({str(run.seed)} - {"None"})
    commands = []
    for rest, values in sorted(seeds.items()):
        chosen = [*rest, *([f"seed={','.join(sorted(values, key=int))}"] if values else [])]
        if any(text.startswith("study=") for text in rest):  # a study's own choices are changed where it keeps them
            chosen = [text if text.startswith("study=") else _study_choice(text) for text in chosen]
        swept = "-m " if len(values) > 1 else ""
        commands.append(f"python -m src.train {swept}{shlex.join(chosen)}".rstrip())
    return commands
