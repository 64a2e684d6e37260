"""Samples of all names side by side, from the same noise where it is fixed and from the same seed where it can be."""

import io
import math
import re
from collections import Counter
from collections.abc import Collection, Sequence

from PIL import Image

from src.report.document import Gallery, Picture
from src.report.figures.style import packed
from src.report.section import Section
from src.report.templating import say

# Of so many names at most: how large a picture is on the page, and its width in the file in pixels.
SIZES = {2: ("large", 960), 9: ("medium", 528), math.inf: ("small", 315)}
COLOURS = 128


def galleries(
    section: Section, grids: Sequence[tuple[str, str]], names: Collection[str] | None = None
) -> list[Gallery]:
    """One per kind of picture, of all names or those given; every name shows the seed that most have, or its lowest."""
    made = (_gallery(section, grid, what, names) for grid, what in grids)
    return [gallery for gallery in made if gallery]


def _gallery(section: Section, grid: str, what: str, names: Collection[str] | None) -> Gallery | None:
    shown = []
    for summary in section.summaries:
        runs = [*summary.included, *sorted(summary.excluded, key=lambda run: run.order)]
        shown.append([run for run in runs if run.picture(grid)] if names is None or summary.name in names else [])
    if not any(shown):
        return None
    seeds = Counter(run.seed for runs in shown for run in runs if run.completed)
    common = min(seeds, key=lambda seed: (-seeds[seed], seed is None, seed or 0), default=None)
    size, width = next(size for most, size in SIZES.items() if len(shown) <= most)
    pictures = []
    for number, (summary, runs) in enumerate(zip(section.summaries, shown, strict=True)):
        if not runs:
            continue
        run = next((run for run in runs if run.seed == common), runs[0])
        seed = "unknown" if run.seed is None else run.seed
        safe = re.sub(r"[^A-Za-z0-9_-]", "_", summary.name)[:60]
        caption = say("picture", section, run, summary.label, "" if run.seed == common else seed)
        content = thumbnail(run.picture(grid), width)
        file = f"samples_{section.slug}_{number:02d}_{safe}_{grid}.png"
        pictures.append(Picture(file, content, caption, f"{what}: {summary.label}, seed {seed}", name=summary.label))
    return Gallery(what, say("note_gallery", common), pictures, size)


def thumbnail(content: bytes, width: int) -> bytes:
    """The picture no wider than that, with few colours; never larger than it was."""
    with Image.open(io.BytesIO(content)) as picture:
        image = picture.convert("RGB")
    if image.width > width:
        image = image.resize((width, round(image.height * width / image.width)), Image.Resampling.LANCZOS)
    return min(packed(image, COLOURS), content, key=len)
