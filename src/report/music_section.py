"""What drum bars are examined for: what the latents control, transfer, control, and whether it is music."""

from collections.abc import Sequence

from src.core.metric_families import Chapter
from src.core.metric_specs import metric_spec
from src.report.document import Audio, Block, Bullets, Details, Heading, Paragraph
from src.report.figures.gallery import galleries
from src.report.grouping import Section
from src.report.records import Run
from src.report.tables import estimates_table
from src.report.verdicts import Verdict, interval, judge

MOST_SOUNDS = 4  # names that are heard
MOST_PICTURED, CHOSEN = 9, 5  # beyond so many names a chapter shows pictures of the chosen ones only
SHARPNESS = {
    Verdict.LOWERS: "sharper",
    Verdict.RAISES: "softer",
    Verdict.UNCLEAR: "no difference shown",
    Verdict.WITHHELD: "no verdict",
}
SILENT = "inactive"  # what is said of a dimension that carries nothing


def music_section(section: Section) -> list[Block]:
    """The family's chapters, as far as any run examined them."""
    return [block for chapter in section.family.chapters for block in _chapter(section, chapter)]


def _chapter(section: Section, chapter: Chapter) -> list[Block]:
    keys = [key for key in chapter.metrics if key in section.metric_keys]
    own = [key for key in keys if key not in section.family.samples]
    if not own:
        return []
    blocks: list[Block] = [Heading(chapter.heading, 3), Paragraph(chapter.note, "note")]
    blocks += [estimates_table(section, keys)]
    if "named_high" in keys:
        blocks += _dimensions(section)
    if "told_apart" in keys:
        blocks += [*_sharpness(section), *_verdicts(section), *_heard(section)]
    title, names = _pictured(section, keys[0])
    shown = galleries(section, chapter.grids, names)
    heard = _chapter_heard(section, chapter, names)
    return [*blocks, *([Details(title, shown)] if shown else []), *([Details("To hear", heard)] if heard else [])]


def _pictured(section: Section, key: str) -> tuple[str, list[str]]:
    """Whose pictures stand on the page, in words and by name; those of all would make it heavy."""
    names = [summary.name for summary in section.summaries]
    if len(names) <= MOST_PICTURED:
        return "Pictures", names
    most = sorted((s for s in section.remedies if s.mean(key) is not None), key=lambda s: -s.mean(key))
    title = (
        f"Pictures of {section.baseline_label} and the {CHOSEN - 1} names with the highest “{metric_spec(key).label}”; "
        "the others' lie in samples/ of their runs"
    )
    return title, [section.baseline, *(summary.name for summary in most[: CHOSEN - 1])]


def _dimensions(section: Section) -> list[Block]:
    """Every active dimension of each name's first seed in words."""
    blocks: list[Block] = []
    for summary in section.summaries:
        run = next((run for run in summary.included if run.latents), None)
        if run:
            blocks.append(Details(f"The dimensions of `{summary.label}`, seed {run.seed}", [_told(run)]))
    return blocks


def _told(run: Run) -> Block:
    active = [entry["text"] for entry in run.latents if SILENT not in entry["text"]]
    silent = len(run.latents) - len(active)
    rest = [f"{silent} of {len(run.latents)} dimensions are {SILENT}."] if silent else []
    return Bullets([(text, "finding") for text in [*active, *rest]])


def _sharpness(section: Section) -> list[Block]:
    """Whose samples are sharper than the baseline's, all drawn at temperature 1, as one sentence."""
    groups: dict[str, list[str]] = {}
    for summary in section.ranked if "cell_entropy" in section.metric_keys else ():
        judgement = judge(section, summary, "cell_entropy")
        difference = interval(judgement.difference, metric_spec("cell_entropy"), signed=True)
        shown = f"`{summary.label}` {difference}" if judgement.difference.n else f"`{summary.label}`"
        groups.setdefault(SHARPNESS[judgement.verdict], []).append(shown)
    if not groups:
        return []
    told = "; ".join(f"{word}: {', '.join(groups[word])}" for word in SHARPNESS.values() if word in groups)
    heading = f"Sharper samples than `{section.baseline_label}`'s at the same temperature, by cell entropy?"
    return [Bullets([(f"{heading} {told[0].upper()}{told[1:]}.", "finding")])]


def _verdicts(section: Section) -> list[Block]:
    """The paragraph on each name's first seed."""
    found = [
        (summary.label, run)
        for summary in section.summaries
        if (run := next((run for run in summary.included if run.verdict), None))
    ]
    items = [(f"`{label}`, seed {run.seed}: {run.verdict}", "finding") for label, run in found]
    return [Bullets(items)] if items else []


def _chapter_heard(section: Section, chapter: Chapter, names: Sequence[str]) -> list[Block]:
    """The chapter's sounds of the best of these names, which on a heavy page give way before its samples."""
    best = [summary for summary in section.best_first if summary.name in names][:MOST_SOUNDS]
    return [
        Audio(sound, f"`{summary.label}`, seed {run.seed}: {what}.", rank)
        for rank, summary in enumerate(best, 2)
        for run in summary.included[:1]
        for stem, what, bars in chapter.sounds
        if (sound := run.sound(stem, bars))
    ]


def _heard(section: Section) -> list[Block]:
    """Samples of the best names, to listen to; all of them would make the page heavy."""
    blocks: list[Block] = []
    for rank, summary in enumerate(section.best_first[:MOST_SOUNDS], 1):
        for run in summary.included[:1]:
            if sound := run.sound("prior_bars"):
                caption = f"`{summary.label}`, seed {run.seed}: two bars drawn from the prior."
                blocks.append(Audio(sound, caption, rank))
    return blocks
