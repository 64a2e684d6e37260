"""What drum bars are examined for, and the learning rates that a sweep chose beforehand."""

import csv
from collections.abc import Sequence
from pathlib import Path

from src.core.metric_families import Chapter
from src.core.metric_specs import metric_spec
from src.report.document import Audio, Block, Bullets, Cell, Details, Heading, Paragraph
from src.report.figures.gallery import galleries
from src.report.grouping import Section, Summary
from src.report.records import Run
from src.report.statistics import Estimate
from src.report.tables import estimates_table, table
from src.report.templating import say
from src.report.verdicts import judge

MOST_SOUNDS = 4  # names that can be played
MOST_PICTURED, CHOSEN = 9, 5  # beyond so many names a chapter shows pictures of the chosen ones only
INACTIVE = "inactive"  # in the text of a dimension without information
TUNED = ("recipe", "rate", "beta1", "metric", "mean", "values")  # columns of tuning.csv


def chapters(section: Section) -> list[Block]:
    """The family's chapters, as far as any run examined them."""
    return [block for chapter in section.family.chapters for block in _chapter(section, chapter)]


def _chapter(section: Section, chapter: Chapter) -> list[Block]:
    keys = [key for key in chapter.metrics if key in section.metric_keys]
    if not set(keys) - set(section.family.samples):
        return []
    blocks = [Heading(chapter.heading, 3), Paragraph(chapter.note, "note"), estimates_table(section, keys)]
    if "named_high" in keys:
        blocks += [Details(f"The dimensions of {who}", [_dimensions(run)]) for who, run in _firsts(section, "latents")]
    if "told_apart" in keys:
        sentence = say("sharpness", section, groups) if (groups := sharpness(section)) else ""
        verdicts = [(f"{who}: {run.verdict}", "finding") for who, run in _firsts(section, "verdict")]
        blocks += [Bullets([(sentence, "finding")])] if sentence else []
        blocks += [Bullets(verdicts)] if verdicts else []
        blocks += _sounds(section.best_first, "prior_bars", "two bars drawn from the prior", 2, first_rank=1)
    title, names = _pictured(section, keys[0])
    shown = galleries(section, chapter.grids, names)
    best = [summary for summary in section.best_first if summary.name in names]
    sounds = [audio for sound in chapter.sounds for audio in _sounds(best, *sound, first_rank=2)]
    sounds.sort(key=lambda audio: audio.rank)  # stable: name by name
    return [*blocks, *([Details(title, shown)] if shown else []), *([Details("To hear", sounds)] if sounds else [])]


def _firsts(section: Section, part: str) -> list[tuple[str, Run]]:
    """Of each name the first run that has something, as code and seed."""
    firsts = [(s, next((run for run in s.included if getattr(run, part)), None)) for s in section.summaries]
    return [(f"`{summary.label}`, seed {run.seed}", run) for summary, run in firsts if run]


def _dimensions(run: Run) -> Block:
    """Every active dimension in words."""
    active = [entry["text"] for entry in run.latents if INACTIVE not in entry["text"]]
    silent = len(run.latents) - len(active)
    rest = [f"{silent} of {len(run.latents)} dimensions are {INACTIVE}."] if silent else []
    return Bullets([(text, "finding") for text in [*active, *rest]])


def sharpness(section: Section) -> dict[str, list[tuple[str, Estimate]]]:
    """By the verdict on their cell entropy: names and their difference from the baseline, all at temperature 1."""
    groups: dict[str, list[tuple[str, Estimate]]] = {}
    for summary in section.ranked if "cell_entropy" in section.metric_keys else ():
        comparison = judge(section, summary, "cell_entropy")
        groups.setdefault(comparison.verdict.name, []).append((summary.label, comparison.difference))
    return groups


def _pictured(section: Section, key: str) -> tuple[str, list[str]]:
    """Whose pictures are on the page, in words and by name; those of all would make it large."""
    names = [summary.name for summary in section.summaries]
    if len(names) <= MOST_PICTURED:
        return "Pictures", names
    most = sorted((s for s in section.remedies if s.mean(key) is not None), key=lambda s: -s.mean(key))
    title = (
        f"Pictures of {section.baseline_label} and the {CHOSEN - 1} names with the highest “{metric_spec(key).label}”; "
        "the others' are in samples/ of their runs"
    )
    return title, [section.baseline, *(summary.name for summary in most[: CHOSEN - 1])]


def _sounds(summaries: Sequence[Summary], stem: str, what: str, bars: int, first_rank: int) -> list[Audio]:
    """The first bars of a sound of the best names' first seeds; the worse the name, the sooner it is left out."""
    return [
        Audio(sound, f"`{summary.label}`, seed {run.seed}: {what}.", rank)
        for rank, summary in enumerate(summaries[:MOST_SOUNDS], first_rank)
        for run in summary.included[:1]
        if (sound := run.sound(stem, bars))
    ]


def tuning(root: Path) -> list[Block]:
    """The settings chosen in tuning.csv, every trial on a click; nothing for a sweep without it, or a damaged table."""
    try:
        with (root / "tuning.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, ValueError, csv.Error):
        return []
    rows = [row for row in rows if all(isinstance(row.get(key), str) for key in (*TUNED, "chosen", "default"))]
    chosen = [row for row in rows if row["chosen"] == "yes"]
    if not chosen:
        return []

    def recipe(row: dict[str, str]) -> Cell:
        own = "its own" if row["default"] == "yes" else ""
        return Cell(f"`{row['recipe'] or '–'}`", own, "helps" if row["chosen"] == "yes" else "")

    headers = zip(("rate", "β1", "metric", "mean", "each seed"), TUNED[1:], strict=True)
    columns = [("name", recipe), *((header, lambda row, key=key: row[key] or "–") for header, key in headers)]
    return [
        Heading("Learning rates"),
        Paragraph(say("tuned")),
        table(chosen, columns),
        Details(f"All {len(rows)} settings tried", [table(rows, columns)]),
    ]
