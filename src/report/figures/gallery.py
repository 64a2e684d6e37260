"""Samples of all names side by side, from the same noise where it is fixed and from the same seed where it can be."""

import io
import re
from collections import Counter
from collections.abc import Collection, Sequence

from PIL import Image

from src.core.metric_specs import listed
from src.report.document import Gallery, Picture
from src.report.figures.style import packed
from src.report.grouping import Section, Summary
from src.report.records import Run

FEW, SOME = 2, 9  # names up to which the pictures may be large, or of middling size
WIDTHS = (480, 330, 210)  # of a picture on the page, in pixels
SHARPNESS = (2.0, 1.6, 1.5)  # pixels of the file for one on the page
COLOURS = 64
MOST_ABSENT = 12  # names of what is absent beside a picture


def galleries(
    section: Section, grids: Sequence[tuple[str, str]], names: Collection[str] | None = None
) -> list[Gallery]:
    """One per kind of picture, of all names or those given; every name shows the seed that most have, or its lowest."""
    found = [_gallery(section, grid, what, names) for grid, what in grids]
    return [gallery for gallery in found if gallery]


def _gallery(section: Section, grid: str, what: str, names: Collection[str] | None) -> Gallery | None:
    shown = {
        summary.name: _with_picture(summary, grid) if names is None or summary.name in names else []
        for summary in section.summaries
    }
    seeds = Counter(run.seed for runs in shown.values() for run in runs if run.completed)
    if not any(shown.values()):
        return None
    common = min(seeds, key=lambda seed: (-seeds[seed], seed is None, seed or 0), default=None)
    size = sum(len(shown) > limit for limit in (FEW, SOME))
    pictures = [
        _picture(section, summary, number, grid, common, size, runs)
        for number, summary in enumerate(section.summaries)
        if (runs := shown[summary.name])
    ]
    seed = f"seed {common} of each name, unless another is given" if common is not None else "the seed as given"
    return Gallery(f"**{what}**; {seed}.", pictures, WIDTHS[size])


def _with_picture(summary: Summary, grid: str) -> list[Run]:
    """Its runs that have the picture, the averaged ones first, each by seed."""
    others = sorted(summary.excluded, key=lambda run: (run.seed is None, run.seed or 0))
    return [run for run in (*summary.included, *others) if run.picture(grid)]


def _picture(
    section: Section, summary: Summary, number: int, grid: str, common: int | None, size: int, runs: Sequence[Run]
) -> Picture:
    run = next((run for run in runs if run.seed == common), runs[0])
    safe = re.sub(r"[^A-Za-z0-9_-]", "_", summary.name)[:60]
    return Picture(
        f"samples_{section.slug}_{number:02d}_{safe}_{grid}.png",
        thumbnail(run.picture(grid), round(WIDTHS[size] * SHARPNESS[size])),
        _caption(section, summary, run, common),
        f"Samples of {summary.label}, seed {_seed(run)}",
    )


def thumbnail(content: bytes, width: int) -> bytes:
    """The picture no wider than that, with few colours; never larger than it was."""
    with Image.open(io.BytesIO(content)) as picture:
        image = picture.convert("RGB")
    if image.width > width:
        image = image.resize((width, round(image.height * width / image.width)), Image.Resampling.LANCZOS)
    smaller = packed(image, COLOURS)
    return min(smaller, content, key=len)


def _caption(section: Section, summary: Summary, run: Run, common: int | None) -> str:
    seed = "" if run.seed == common else f", seed {_seed(run)}"
    absent = run.names(section.family.absent)
    many = f"{len(absent)} {section.family.absent}"
    state = f": {many if len(absent) > MOST_ABSENT else f'{section.family.absent} {listed(absent)}'}" if absent else ""
    return f"`{summary.label}`{seed}{state if run.completed else f': {run.status}'}"


def _seed(run: Run) -> str:
    return "unknown" if run.seed is None else str(run.seed)
