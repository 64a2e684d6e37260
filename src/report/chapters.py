"""What runs are examined for at their end, mostly on drum bars: a part of the page per chapter of their family."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from src.core.levels import levels_in
from src.core.metric_families import Chapter
from src.report.document import Audio, Block, Details, Paragraph, Part, Table
from src.report.figures.gallery import galleries
from src.report.records import Run
from src.report.section import Section, Summary
from src.report.statistics import MIN_SEEDS, estimate
from src.report.tables import controlled_table, estimates_table, table
from src.report.templating import say

MOST_SOUNDS = 4  # names that can be played
MOST_PICTURED, CHOSEN = 9, 5  # beyond so many names a chapter shows pictures of the chosen ones only
INACTIVE = "inactive"  # in the text of a dimension without information


def chapters(section: Section) -> list[Part]:
    """The family's chapters, as far as any run examined them."""
    return [one for chapter in section.family.chapters for one in _chapter(section, chapter)]


def _chapter(section: Section, chapter: Chapter) -> list[Part]:
    keys = section.measured(chapter.metrics)
    if not set(keys) - set(section.family.samples):
        return []
    levels = {s.name: levels_in(key for run in s.included for key in run.scalars) for s in section.summaries}
    about = {*chapter.levels}  # models with these; a name without runs may have them
    own = [s for s in section.summaries if not about or not levels[s.name] or about & {*levels[s.name]}]
    numbers = controlled_table if chapter.control else estimates_table
    blocks: list[Block] = [Paragraph(chapter.note, "note"), numbers(section, keys, own)]
    if chapter.key.startswith("named_") and (dimensions := _dimensions(own)):
        blocks.append(Details("What each active dimension does", [dimensions]))
    if "told_apart" in keys:
        blocks += _sounds(section.best_first, "prior_bars", "two bars drawn from the prior", 2, first_rank=1)
    title, pictured = _pictured(section, keys[0])
    names = [name for name in pictured if name in {summary.name for summary in own}]
    shown = galleries(section, chapter.grids, names)
    best = [summary for summary in section.best_first if summary.name in names]
    sounds = [audio for sound in chapter.sounds for audio in _sounds(best, *sound, first_rank=2)]
    sounds.sort(key=lambda audio: audio.rank)  # stable: name by name
    blocks += [*([Details(title, shown)] if shown else []), *([Details("To hear", sounds)] if sounds else [])]
    return [Part(chapter.heading, say("chapter", chapter, contrasts(section, chapter)), chapter.decides, blocks)]


@dataclass(frozen=True)
class Contrast:
    """A chapter's deciding metric under one name, beside the best of what it must exceed: means over seeds."""

    label: str
    value: float
    against: float


def contrasts(section: Section, chapter: Chapter) -> dict[str, list[Contrast]]:
    """By "yes", "no" or "unclear": whether the metric exceeds the others by the 95 % interval of the difference.

    The names of a kind with the largest excess first; fewer than MIN_SEEDS seeds settle nothing.
    """
    groups: dict[str, list[Contrast]] = {}
    for summary in section.summaries:
        known = [(_deciding(run, chapter), _against(run, chapter)) for run in summary.included]
        pairs = [(value, other) for value, other in known if value is not None and other is not None]
        excess = estimate(value - other for value, other in pairs)
        if excess.mean is None:
            continue
        low, high = (excess.mean if end is None else end for end in (excess.low, excess.high))
        kind = "unclear" if excess.n < MIN_SEEDS else "yes" if low > 0 else "no" if high <= 0 else "unclear"
        contrast = Contrast(summary.label, *map(fmean, zip(*pairs, strict=True)))
        groups.setdefault(kind, []).append(contrast)
    return {kind: sorted(group, key=lambda one: one.against - one.value) for kind, group in groups.items()}


def _deciding(run: Run, chapter: Chapter) -> float | None:
    """The deciding metric; 0 where it was examined and has no value, if it has only to exceed 0."""
    only_zero = chapter.key in run.metrics and not (chapter.control or chapter.against)
    return run.scalars.get(chapter.key, 0.0 if only_zero else None)


def _against(run: Run, chapter: Chapter) -> float | None:
    """What the deciding metric must exceed in this run; None where the control was not measured."""
    if chapter.control:
        return run.controls.get(chapter.control, {}).get(chapter.key)
    return max((run.scalars[key] for key in chapter.against if key in run.scalars), default=0.0)


def _dimensions(summaries: Sequence[Summary]) -> Table | None:
    """Active dimensions of the first run of each name, with what is said of them."""
    firsts = [(s.label, next((run for run in s.included if run.latents), None)) for s in summaries]
    rows = [
        (label, run.seed, entry["text"])
        for label, run in firsts
        for entry in (run.latents if run else ())
        if INACTIVE not in entry["text"]
    ]
    columns = [("name", lambda row: f"`{row[0]}`"), ("seed", lambda row: row[1]), ("dimension", lambda row: row[2])]
    return table(rows, columns, say("dimensions"), wide=(2,)) if rows else None


def _pictured(section: Section, key: str) -> tuple[str, list[str]]:
    """Whose pictures are on the page, in words and by name; those of all would make it large."""
    names = [summary.name for summary in section.summaries]
    if len(names) <= MOST_PICTURED:
        return "Pictures", names
    most = sorted((s for s in section.remedies if s.mean(key) is not None), key=lambda s: -s.mean(key))
    return say("pictured", section, key, CHOSEN - 1), [
        section.baseline,
        *(summary.name for summary in most[: CHOSEN - 1]),
    ]


def _sounds(summaries: Sequence[Summary], stem: str, what: str, bars: int, first_rank: int) -> list[Audio]:
    """The first bars of a sound of the best names' first seeds; the worse the name, the sooner it is left out."""
    return [
        Audio(sound, f"`{summary.label}`, seed {run.seed}: {what}.", rank, summary.label)
        for rank, summary in enumerate(summaries[:MOST_SOUNDS], first_rank)
        for run in summary.included[:1]
        if (sound := run.sound(stem, bars))
    ]
