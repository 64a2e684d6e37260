"""Typeset capitals, A to Z of the DejaVu fonts that come with matplotlib, small, black on white.

Each image has its own size, width, slant and position. The style (face, weight, width) is a known factor, and all
styles of a letter are equally frequent.

The same seed gives the same bytes on every machine: outlines are read in the fonts' own integer units, random numbers
are raw PCG64 bits, and the arithmetic is elementwise + - * / with integer sums, which IEEE 754 rounds in one way. A
font renderer is not used, because hinting and antialiasing differ between its versions.

N images, B images of one glyph, P points of its outline, U random numbers, X crossings, H height, W width.
"""

import string
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import matplotlib as mpl
import numpy as np

from src.core.console import progress

VERSION = 1  # to be raised whenever the images change
SIDE = 28  # pixels
CLASSES = tuple(string.ascii_uppercase)
NUM_UNIFORMS = 5
STEPS = 4  # line segments per curve
SUBROWS = 8  # scanlines per pixel row
FINE = 256  # horizontal positions per pixel

Point = tuple[float, float]


class Style(NamedTuple):
    """A font file and an affine change of it: letters times `width` wide, slanted by the tangent `slant`."""

    font: str
    width: float = 1.0
    slant: float = 0.0


STYLES = {
    "sans": Style("DejaVuSans"),
    "sans_bold": Style("DejaVuSans-Bold"),
    "sans_oblique": Style("DejaVuSans-Oblique"),
    "sans_narrow": Style("DejaVuSans-Bold", width=0.65),
    "sans_wide": Style("DejaVuSans", width=1.3),
    "serif": Style("DejaVuSerif"),
    "serif_bold": Style("DejaVuSerif-Bold"),
    "serif_italic": Style("DejaVuSerif-Italic"),
    "mono": Style("DejaVuSansMono"),
    "mono_slanted": Style("DejaVuSansMono-Bold", slant=0.35),
}


class Variant(NamedTuple):
    """Which styles letters have, and how far each letter is changed at random.

    `height` of a capital and `shift` are in pixels; letters that would leave the image are shifted less. `wider` is the
    largest relative change of the width, `slant` of the slant's tangent. All ink lies within the middle `inked` pixels
    of a side.
    """

    styles: tuple[str, ...]
    height: tuple[float, float]
    wider: float
    slant: float
    shift: float
    inked: int


VARIANTS = {
    "small": Variant(tuple(STYLES), height=(7.5, 9.0), wider=0.05, slant=0.08, shift=1.5, inked=18),
    "large": Variant(
        ("sans", "sans_bold", "serif", "mono"), height=(10.5, 11.5), wider=0.03, slant=0.03, shift=0.6, inked=20
    ),
}


class Letters(NamedTuple):
    """Images uint8 [N, 28, 28], black (0) on white (255), classes, and indices into the variant's styles, int64 [N]."""

    images_NHW: np.ndarray
    labels_N: np.ndarray
    styles_N: np.ndarray


def draw(per_class: int, seed: int, letters: str = "small") -> Letters:
    """`per_class` images of each capital in a variant, in shuffled order, styles in turn."""
    variant = VARIANTS[letters]
    bits = np.random.PCG64(seed)
    labels_N, styles_N = assign(per_class, bits, len(variant.styles))
    num_images = len(labels_N)
    raw_NU = bits.random_raw(num_images * NUM_UNIFORMS).reshape(num_images, NUM_UNIFORMS)
    uniform_NU = (raw_NU >> np.uint64(40)).astype(np.float64) * 2.0**-24
    images_NHW = np.empty((num_images, SIDE, SIDE), np.uint8)
    for style, name in progress([*enumerate(variant.styles)], f"Drawing {num_images:,} letters"):
        for label, glyph in enumerate(outlines(STYLES[name].font)):
            mine = (labels_N == label) & (styles_N == style)
            places = positioned(glyph, STYLES[name], variant, uniform_NU[mine])
            images_NHW[mine] = 255 - rasterise(*places, glyph.following_P)
    return Letters(images_NHW, labels_N, styles_N)


def assign(per_class: int, bits: np.random.PCG64, num_styles: int) -> tuple[np.ndarray, np.ndarray]:
    """Classes and styles of shuffled images, int64 [N] each."""
    order_N = np.argsort(bits.random_raw(len(CLASSES) * per_class), kind="stable")
    return order_N // per_class, order_N % per_class % num_styles


class Outline(NamedTuple):
    """A glyph as closed polygons, in units of the height of a capital, y downwards as in images.

    `following_P` is the index of the point that follows each one on its contour.
    """

    x_P: np.ndarray
    y_P: np.ndarray
    following_P: np.ndarray


@cache
def outlines(font: str) -> list[Outline]:
    """The glyphs of `CLASSES` in one of matplotlib's font files."""
    # Take half a second to import, and the images are drawn once per machine.
    from fontTools.pens.recordingPen import RecordingPen
    from fontTools.ttLib import TTFont

    with TTFont(f"{mpl.get_data_path()}/fonts/ttf/{font}.ttf", lazy=True) as file:
        glyphs, names = file["glyf"], file.getBestCmap()
        height = glyphs[names[ord("H")]].yMax
        drawn = []
        for letter in CLASSES:
            pen = RecordingPen()
            glyphs[names[ord(letter)]].draw(pen, glyphs)
            contours = polygons(pen.value)
            starts = np.cumsum([0, *map(len, contours)])
            following_P = np.concatenate([np.roll(np.arange(*span), -1) for span in pairwise(starts)])
            x_P, y_P = np.concatenate(contours).T / height
            drawn.append(Outline(x_P, -y_P, following_P))
    return drawn


def polygons(recorded: Iterable[tuple[str, Sequence[Point]]]) -> list[list[np.ndarray]]:
    """The contours that a pen of fontTools recorded; a quadratic curve becomes `STEPS` line segments."""
    from fontTools.pens.basePen import decomposeQuadraticSegment

    contours: list[list[np.ndarray]] = []
    for operation, points in recorded:
        if operation == "moveTo":
            contours.append([np.array(points[0], float)])
        elif operation == "lineTo":
            contours[-1].append(np.array(points[0], float))
        elif operation == "qCurveTo":
            for control, end in np.array(decomposeQuadraticSegment(points)):
                start = contours[-1][-1]
                for t in np.arange(1, STEPS + 1) / STEPS:
                    contours[-1].append((1 - t) * (1 - t) * start + 2 * t * (1 - t) * control + t * t * end)
    return contours


def positioned(glyph: Outline, style: Style, variant: Variant, uniform_BU: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pixel coordinates [B, P] of a glyph in B images, each changed by its own row of random numbers."""
    low, high = variant.height
    height_B1, width_B1, slant_B1, right_B1, down_B1 = np.split(uniform_BU, NUM_UNIFORMS, axis=1)
    height_B1 = low + (high - low) * height_B1
    width_B1 = style.width * (1 + variant.wider * (2 * width_B1 - 1))
    slant_B1 = style.slant + variant.slant * (2 * slant_B1 - 1)
    x_BP = height_B1 * (width_B1 * glyph.x_P - slant_B1 * glyph.y_P)
    y_BP = height_B1 * glyph.y_P
    shift = variant.shift
    return centred(x_BP, shift * (2 * right_B1 - 1)), centred(y_BP, shift * (2 * down_B1 - 1))


def centred(places_BP: np.ndarray, shift_B1: np.ndarray) -> np.ndarray:
    """Coordinates along one axis with the letter in the middle, then shifted by pixels but within the image."""
    low_B1, high_B1 = places_BP.min(1, keepdims=True), places_BP.max(1, keepdims=True)
    room_B1 = np.maximum((SIDE - (high_B1 - low_B1)) / 2, 0)
    return places_BP - (low_B1 + high_B1) / 2 + SIDE / 2 + np.clip(shift_B1, -room_B1, room_B1)


def rasterise(x_BP: np.ndarray, y_BP: np.ndarray, following_P: np.ndarray) -> np.ndarray:
    """Share of each pixel that lies inside the polygons, uint8 [B, H, W] from 0 to 255, by the winding number.

    Contours must not overlap, and those of holes must turn the other way, as in well-made fonts.
    """
    x_to_BP, y_to_BP = x_BP[:, following_P], y_BP[:, following_P]
    # Scanline s lies at (s + 1/2) / SUBROWS; an edge crosses those from `first` until `last`.
    first_BP, last_BP = (
        np.clip(np.ceil(end(y_BP, y_to_BP) * SUBROWS - 0.5), 0, SIDE * SUBROWS).astype(np.int64)
        for end in (np.minimum, np.maximum)
    )
    num_E = (last_BP - first_BP).ravel()
    edge_X = np.repeat(np.arange(num_E.size), num_E)
    scanline_X = np.arange(edge_X.size) + np.repeat(first_BP.ravel() - (num_E.cumsum() - num_E), num_E)
    x_X, y_X, x_to_X, y_to_X = (values.ravel()[edge_X] for values in (x_BP, y_BP, x_to_BP, y_to_BP))
    crossing_X = x_X + ((scanline_X + 0.5) / SUBROWS - y_X) * (x_to_X - x_X) / (y_to_X - y_X)
    fine_X = np.clip(np.rint(crossing_X * FINE), 0, SIDE * FINE).astype(np.int64)
    column_X, part_X = fine_X // FINE, fine_X % FINE
    direction_X = np.where(y_to_X > y_X, 1, -1)
    # A crossing adds to its own column and to all columns to the right.
    columns = SIDE + 2
    cell_X = (edge_X // len(following_P) * SIDE + scanline_X // SUBROWS) * columns + column_X
    size = len(x_BP) * SIDE * columns
    steps = np.bincount(cell_X, direction_X * (FINE - part_X), size)
    steps += np.bincount(cell_X + 1, direction_X * part_X, size)  # whole numbers: exact in any order
    covered_BHW = np.abs(steps.reshape(len(x_BP), SIDE, columns).cumsum(2)[..., :SIDE])
    return np.rint(covered_BHW * 255 / (FINE * SUBROWS)).astype(np.uint8)
