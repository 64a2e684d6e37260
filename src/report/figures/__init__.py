"""The report's figures: each module draws PNGs, captions are in templates/captions.j2."""

from src.report.document import Picture
from src.report.grouping import Section
from src.report.templating import say

KINDS = ("plane", "levels", "dimensions", "curves", "differences", "shares", "survival", "signals", "why", "samples")


def picture(kind: str, section: Section, content: bytes | None, *facts: object, suffix: object = "") -> Picture | None:
    """A figure with its caption, which may need further facts; None where there is nothing to draw."""
    if content is None:
        return None
    end = f"_{suffix}" if suffix else ""
    texts = [say(f"{part}_{kind}", section, *facts) for part in ("caption", "alt")]
    return Picture(f"{kind}_{section.slug}{end}.png", content, *texts)
