"""Rows of small bars, to be compared at a glance, as uint8 arrays [H, W, 3].

K bars in a row, T steps, V voices.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor

from src.data.drums.drawing import BEAT_RULE, INK, PAPER
from src.data.drums.timing import STEPS_PER_BEAT
from src.evaluation.image_grids import rendered

DPI = 100
CELL = 6  # pixels, both ways
CAPTION, GAP, HEAD, FOOT = 15, 9, 26, 22  # pixels under and between bars, above a section, under all
PER_LETTER = 7  # pixels, in a row's label
FOOTNOTE = "Each bar: 16 steps from left to right, the kick at the bottom, cymbals at the top."


@dataclass(frozen=True)
class Row:
    """Bars [K, T, V] with what stands beside them and, if anything, under each."""

    label: str
    grids_KTV: Tensor
    captions: Sequence[str]


def strips(sections: Mapping[str, Sequence[Row]]) -> np.ndarray:
    """The rows of each section under its title; the longest row sets the width."""
    rows = [row for section in sections.values() for row in section]
    steps, voices = rows[0].grids_KTV.shape[1:]
    high, wide = voices * CELL, steps * CELL
    left = 14 + PER_LETTER * max(len(row.label) for row in rows)
    columns = max(len(row.grids_KTV) for row in rows)
    height = len(sections) * HEAD + len(rows) * (high + CAPTION) + FOOT
    sheet = np.ones((height, left + columns * (wide + GAP), 3))
    figure = Figure(figsize=(sheet.shape[1] / DPI, height / DPI), dpi=DPI)
    canvas = FigureCanvasAgg(figure)
    axis = figure.add_axes((0, 0, 1, 1))
    axis.set_axis_off()
    top = 0
    for title, section in sections.items():
        axis.text(6, top + HEAD - 8, title, ha="left", va="baseline", fontsize=9.5, fontweight="bold")
        top += HEAD
        for row in section:
            axis.text(left - 7, top + high / 2, row.label, ha="right", va="center", fontsize=8.5)
            for column, grid_TV in enumerate(row.grids_KTV.cpu().numpy()):
                start = left + column * (wide + GAP)
                sheet[top : top + high, start : start + wide] = _inked(grid_TV)
            for column, caption in enumerate(row.captions):
                middle = left + column * (wide + GAP) + wide / 2
                axis.text(middle, top + high + 2, caption, ha="center", va="top", fontsize=7.5, color="#4a4a4a")
            top += high + CAPTION
    axis.text(6, height - 6, FOOTNOTE, ha="left", va="bottom", fontsize=7.5, color="#6b6b6b")
    axis.imshow(sheet, interpolation="nearest", aspect="auto")
    return rendered(canvas)


def _inked(grid_TV: np.ndarray) -> np.ndarray:
    """A bar's cells as pixels, the first voice at the bottom, every other beat shaded, in a thin frame."""
    steps, voices = grid_TV.shape
    ink_TV1 = grid_TV.astype(float)[..., None]
    paper_TV3 = PAPER[np.arange(steps) // STEPS_PER_BEAT % 2][:, None].repeat(voices, 1)
    cells_VT3 = (paper_TV3 * (1 - ink_TV1) + ink_TV1 * INK).swapaxes(0, 1)[::-1]
    pixels = cells_VT3.repeat(CELL, 0).repeat(CELL, 1)
    pixels[[0, -1]] = pixels[:, [0, -1]] = BEAT_RULE
    return pixels
