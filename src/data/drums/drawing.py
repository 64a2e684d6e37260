"""Pictures of drum grids, as uint8 arrays [H, W, 3].

N bars, T steps, V voices.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from PIL import Image, ImageColor
from PIL.ImageDraw import ImageDraw
from torch import Tensor

from src.core.plotting import fitted, lettering, warn_of_missing_glyphs
from src.data.spec import BAR
from src.data.voices import VOICES, Kit

CELL = (13, 14)  # pixels high and wide
TITLE, BEATS, NAMES, GAP, LEGEND = 24, 18, 85, 14, 36  # pixels above, below, beside and between panels, and under all
RULE, BEAT_RULE = 0.8, 0.45  # greys of the lines between cells and between beats
PAPER = np.array([[1.0, 1.0, 1.0], [0.93, 0.93, 0.93]])  # background of odd and even beats
BLANK = 0.86  # grey of a missing bar
HIT, MISSED, INVENTED = "#1b3a5c", "#e69f00", "#cc79a7"  # distinguishable with every kind of colour vision
INK = np.array(ImageColor.getrgb(HIT)) / 255
LARGE, SMALL = lettering(12), lettering(11)


def bars(grids_NTV: Tensor, titles: Sequence[str] | None = None, columns: int = 4, voices: Kit = VOICES) -> np.ndarray:
    """Bars as a drum editor shows them, the kick at the bottom; probabilities are shades.

    Args:
        grids_NTV: hits or probabilities in [0, 1].
        titles: one per bar (default: numbers from 1).
        columns: bars side by side.
        voices: of the grids' columns.
    """
    titles = [str(number + 1) for number in range(len(grids_NTV))] if titles is None else titles
    return _picture(shaded(grids_NTV, voices.steps_per_beat), titles, columns, voices)


def sorted_bars(rows: Mapping[str, Tensor | None], columns: int = 4, voices: Kit = VOICES) -> np.ndarray:
    """One row per style of its first `columns` bars [N, T, V]; the row of a missing style (None) is blank."""
    shape = next((grids_NTV.shape[1:] for grids_NTV in rows.values() if grids_NTV is not None), (BAR[0], len(voices)))
    cells, titles = [], []
    for name, grids_NTV in rows.items():
        drawn = torch.zeros(0, *shape) if grids_NTV is None else grids_NTV[:columns]
        cells += [shaded(drawn, voices.steps_per_beat), np.full((columns - len(drawn), *shape, 3), BLANK)]
        titles += [name if len(drawn) else f"{name}: missing"] + [""] * (columns - 1)
    return _picture(np.concatenate(cells), titles, columns, voices)


def side_by_side(images_NCTV: Tensor) -> Tensor:
    """Stacked bars [N, T, C · V], the first channel at the bottom."""
    return images_NCTV.transpose(1, 2).flatten(2)


def reconstructions(real_NTV: Tensor, rebuilt_NTV: Tensor, columns: int = 4, voices: Kit = VOICES) -> np.ndarray:
    """Bars with a model's reconstructions (hits or probabilities): right, missed and invented hits in colours."""
    hit_NTV = real_NTV.bool().cpu().numpy()
    drawn_NTV = rebuilt_NTV.detach().cpu().numpy() > 0.5
    kinds = {"rebuilt": hit_NTV & drawn_NTV, "missed": hit_NTV & ~drawn_NTV, "invented": ~hit_NTV & drawn_NTV}
    colours = dict(zip(kinds, (HIT, MISSED, INVENTED), strict=True))
    cells_NTV3 = np.broadcast_to(_paper(hit_NTV.shape[1:], voices.steps_per_beat), (*hit_NTV.shape, 3)).copy()
    for kind, where_NTV in kinds.items():
        cells_NTV3[where_NTV] = np.array(ImageColor.getrgb(colours[kind])) / 255
    titles = [
        f"{right} of {hits} hits, {more} invented"
        for right, hits, more in zip(
            kinds["rebuilt"].sum((1, 2)), hit_NTV.sum((1, 2)), kinds["invented"].sum((1, 2)), strict=True
        )
    ]
    return _picture(cells_NTV3, titles, columns, voices, colours)


def shaded(grids_NTV: Tensor, steps_per_beat: int) -> np.ndarray:
    """Cells [N, T, V, 3], darker for more probable hits."""
    shade_NTV1 = grids_NTV.detach().float().cpu().numpy()[..., None]
    return _paper(grids_NTV.shape[1:], steps_per_beat) * (1 - shade_NTV1) + shade_NTV1 * INK


def _paper(shape: Sequence[int], steps_per_beat: int) -> np.ndarray:
    """Cells [T, V, 3] without ink, every other beat shaded."""
    steps, voices = shape
    return PAPER[np.arange(steps) // steps_per_beat % 2][:, None].repeat(voices, 1)


def _picture(
    cells_NTV3: np.ndarray, titles: Sequence[str], columns: int, voices: Kit, legend: Mapping[str, str] | None = None
) -> np.ndarray:
    """Bars as panels with titles and names of beats and voices, drawn in pixels, far faster than Matplotlib's axes."""
    warn_of_missing_glyphs([*titles, *(voice.name for voice in voices)])
    panels = [_panel(cells_TV3, voices.steps_per_beat) for cells_TV3 in cells_NTV3]
    panel_height, panel_width, _ = panels[0].shape
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    row_height = TITLE + panel_height + BEATS
    sheet = np.ones((rows * row_height + (LEGEND if legend else GAP), NAMES + columns * (panel_width + GAP), 3))
    places = [divmod(index, columns) for index in range(len(panels))]
    corners = [(row * row_height + TITLE, NAMES + column * (panel_width + GAP)) for row, column in places]
    for panel, (top, left) in zip(panels, corners, strict=True):
        sheet[top : top + panel_height, left : left + panel_width] = panel
    picture = Image.fromarray((255 * sheet).round().astype(np.uint8))
    pen = ImageDraw(picture)
    for title, (top, left) in zip(titles, corners, strict=True):
        _label(pen, cells_NTV3.shape[1:3], top, left, title, voices)
    if legend:
        _draw_legend(pen, legend, picture.width / 2, picture.height - LEGEND / 2)
    return np.array(picture)


def _panel(cells_TV3: np.ndarray, steps_per_beat: int) -> np.ndarray:
    """A bar's cells as pixels, the first voice at the bottom, with lines between cells and between beats."""
    cells_VT3 = cells_TV3.swapaxes(0, 1)[::-1]
    pixels = np.pad(cells_VT3.repeat(CELL[0], 0).repeat(CELL[1], 1), [(0, 1), (0, 1), (0, 0)])
    pixels[:: CELL[0]] = pixels[:, :: CELL[1]] = RULE
    pixels[:, :: CELL[1] * steps_per_beat] = pixels[[0, -1]] = BEAT_RULE
    return pixels


def _label(pen: ImageDraw, shape: tuple[int, int], top: int, left: int, title: str, voices: Kit) -> None:
    """Writes the title above a panel, the beats' numbers below it, and beside the first of a row the voices' names."""
    steps, num_voices = shape
    bottom = top + num_voices * CELL[0]
    pen.text((left + steps * CELL[1] / 2, top - 6), title, "black", LARGE, anchor="ms")
    for beat, step in enumerate(range(0, steps, voices.steps_per_beat)):
        pen.text((left + (step + 0.5) * CELL[1], bottom + 5), str(beat + 1), "black", SMALL, anchor="mt")
    for index, voice in enumerate(voices if left == NAMES else ()):
        shown = fitted(voice.name, SMALL, NAMES - 8)
        pen.text((left - 5, bottom - (index + 0.5) * CELL[0]), shown, "black", SMALL, anchor="rm")


def _draw_legend(pen: ImageDraw, legend: Mapping[str, str], middle: float, height: float) -> None:
    """Draws the legend of colours in one line."""
    widths = [2 * CELL[1] + pen.textlength(name, LARGE) + 2 * GAP for name in legend]
    left = middle - sum(widths) / 2 + GAP
    for (name, colour), width in zip(legend.items(), widths, strict=True):
        pen.rectangle((left, height - CELL[0] / 2, left + 1.5 * CELL[1], height + CELL[0] / 2), colour)
        pen.text((left + 2 * CELL[1], height), name, "black", LARGE, anchor="lm")
        left += width
