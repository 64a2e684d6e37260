"""The report's figures: each module draws PNGs, captions are in templates/captions.j2."""

from collections.abc import Mapping
from typing import Any

from src.report.document import Picture
from src.report.figures.chart import Chart
from src.report.section import Section
from src.report.templating import say

KINDS = (  # how the names of files begin, in this version or an earlier one
    *("plane", "transition", "levels", "schedules", "dimensions", "curves", "differences"),
    *("shares", "survival", "signals", "why", "samples"),
)


def picture(
    kind: str,
    section: Section,
    content: bytes | None,
    *facts: object,
    suffix: object = "",
    data: Mapping[str, Any] | None = None,
) -> Picture | None:
    """A figure with its caption, which may need further facts; None where there is nothing to draw."""
    if content is None:
        return None
    end = f"_{suffix}" if suffix else ""
    texts = [say(f"{part}_{kind}", section, *facts) for part in ("caption", "alt")]
    return Picture(f"{kind}_{section.slug}{end}.png", content, *texts, data)


def charted(kind: str, section: Section, chart: Chart | None, suffix: str = "") -> Picture | None:
    return picture(kind, section, chart.png(), chart, suffix=suffix, data=chart.data) if chart else None
