"""All pictures of a section: curves, differences, shares, and samples."""

import re

from src.comparison.collapse import listed
from src.comparison.curves import curves
from src.comparison.differences import forest
from src.comparison.document import Gallery, Picture
from src.comparison.measures import measure
from src.comparison.records import Run
from src.comparison.sections import Section, Summary
from src.comparison.shares import share_map

KINDS = ("curves", "differences", "shares", "samples")
GRIDS = {"sorted": "sorted by class", "random": "at fixed noise"}


def difference_picture(section: Section) -> Picture | None:
    return _picture(
        f"differences_{section.slug}.png",
        forest(section),
        f"Difference from `{section.baseline}`, paired by seed: circles are seeds, diamond and bar the mean "
        "and its 95 % interval (blue: better, orange: worse, black: no difference shown). Grey: no verdict.",
        "Paired differences from the baseline per name",
    )


def curve_pictures(section: Section) -> list[Picture]:
    """One figure per headline metric that any history holds."""
    found = [
        _picture(
            f"curves_{section.slug}_{key}.png",
            curves(section, key),
            f"{_capital(measure(key).label)} while training. Thick: mean over completed seeds; "
            "thin: each seed; dotted: a run that did not complete or is not averaged.",
            f"{measure(key).label} against samples seen, per name",
        )
        for key in section.family.headline
    ]
    return [picture for picture in found if picture]


def share_picture(section: Section) -> Picture | None:
    return _picture(
        f"shares_{section.slug}.png",
        share_map(section),
        "Share of each class among recognisable samples, against an even share, mean over seeds. "
        "A number: in how many seeds the class is missing.",
        "Heat map of class shares per name",
    )


def sample_galleries(section: Section) -> list[Gallery]:
    """Per name the grids of seed 0, or of the lowest seed that has any."""
    found = [_gallery(section, summary, position) for position, summary in enumerate(section.summaries)]
    return [gallery for gallery in found if gallery]


def _gallery(section: Section, summary: Summary, position: int) -> Gallery | None:
    runs = [*summary.counted, *sorted(summary.others, key=lambda run: (run.seed is None, run.seed or 0))]
    for run in runs:
        stem = _stem(section, summary, position)
        pictures = [
            Picture(f"{stem}_{grid}.png", content, caption, f"Samples of {summary.name}, {caption}")
            for grid, caption in GRIDS.items()
            if (content := run.picture(grid))
        ]
        if pictures:
            return Gallery(_caption(section, run), pictures)
    return None


def timeline_gallery(section: Section) -> Gallery | None:
    """Class shares while training, a picture per name, of the first seed that left one."""
    pictures = []
    for position, summary in enumerate(section.summaries):
        drawn = ((run, run.picture("shares")) for run in (*summary.counted, *summary.others))
        run, content = next(((run, content) for run, content in drawn if content), (None, None))
        if content:
            caption = f"`{summary.name}`, seed {_seed(run)}"
            file = f"{_stem(section, summary, position)}_timeline.png"
            pictures.append(Picture(file, content, caption, f"Class shares of {summary.name} while training"))
    return Gallery("Share of each class while training.", pictures) if pictures else None


def _stem(section: Section, summary: Summary, position: int) -> str:
    safe = re.sub(r"[^A-Za-z0-9_-]", "_", summary.name)[:60]
    return f"samples_{section.slug}_{position:02d}_{safe}"


def _seed(run: Run) -> str:
    return "unknown" if run.seed is None else str(run.seed)


def _caption(section: Section, run: Run) -> str:
    absent = run.names(section.family.absent)
    state = f" {_capital(section.family.absent)}: {listed(absent)}." if absent else ""
    if not run.completed:
        state = f" {run.status}."
    return f"`{run.name}`, seed {_seed(run)}.{state}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _picture(file: str, content: bytes | None, caption: str, alt: str) -> Picture | None:
    return Picture(file, content, caption, alt) if content else None
