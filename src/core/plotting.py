"""Text in figures: one typeface, no mathtext, whatever this machine's Matplotlib settings.

Names of classes, runs and files come from data: `$`, `_`, `^` and `\\` in them are no mathematics.
"""

import logging
import warnings
from collections.abc import Iterable
from functools import cache

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text
from PIL import ImageFont

mpl.rcdefaults()  # a user's matplotlibrc may ask for LaTeX, or for fonts that are not here
mpl.rcParams["text.parse_math"] = False

SHOWN = 10  # signs in a warning

log = logging.getLogger(__name__)
lacking: set[str] = set()  # signs that a warning has named


def lettering(pixels: int, weight: str = "") -> ImageFont.FreeTypeFont:
    """The typeface of all figures in a size."""
    return ImageFont.truetype(typeface(weight), pixels)


def fitted(text: str, letters: ImageFont.FreeTypeFont, width: float) -> str:
    """The text, shortened to a width in pixels."""
    if letters.getlength(text) <= width:
        return text
    while text and letters.getlength(f"{text}…") > width:
        text = text[:-1]
    return f"{text}…"


def typeface(weight: str = "") -> str:
    return f"{mpl.get_data_path()}/fonts/ttf/DejaVuSans{weight}.ttf"


def draw(canvas: FigureCanvasAgg) -> None:
    """Draws a figure, with one warning per process for all characters that the typeface lacks."""
    warn_of_missing_glyphs(text.get_text() for text in canvas.figure.findobj(Text))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        canvas.draw()


def warn_of_missing_glyphs(texts: Iterable[str]) -> None:
    """Warns once per process of printable characters that the typeface lacks."""
    missing = sorted({sign for text in texts for sign in text if sign.isprintable()} - glyphs())
    if missing and not lacking:
        lacking.update(missing)
        more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
        log.warning("The typeface of pictures lacks %s%s: boxes stand for them.", " ".join(missing[:SHOWN]), more)


@cache
def glyphs() -> frozenset[str]:
    return frozenset(map(chr, FT2Font(typeface()).get_charmap()))
