"""What changes in a bar as one latent dimension after the other is turned, as pictures uint8 [H, W, 3].

N bars, S steps of a traversal, T steps of a bar, V voices, L latent dims.
"""

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib import colors
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from torch import Tensor

from src.interpretation.associations import Dimension
from src.interpretation.codec import Codes, likeliest
from src.interpretation.reading import joined
from src.music.drawing import BEAT_RULE, HIT, INVENTED, MISSED, PAPER, RULE
from src.music.timing import STEPS_PER_BEAT
from src.music.voices import VOICES
from src.pictures import rendered
from src.vae.latents import LEVELS
from src.vae.module import VAE

STEPS = tuple(half / 2 for half in range(-4, 5))  # in standard deviations of the prior
MIDDLE = len(STEPS) // 2
MOST_ROWS = 12
DPI = 100
CELL = (9, 7)  # pixels high and wide
TOP, TITLE, GAP, NAMES, FOOT = 26, 24, 9, 62, 46  # pixels above all, above a row, between bars, beside and under them
COLOURS = {"as in the typical bar": HIT, "added": INVENTED, "taken away": MISSED}


def traversed(vae: VAE, fit: Codes, dimensions: Sequence[Dimension]) -> Tensor:
    """The most typical bar with one dimension moved by each of `STEPS`, uint8 [dimensions, S, T, V].

    The typical bar is the one whose code lies closest to the mean of `fit`. Steps are standard deviations of the prior,
    that of z_low given z_high: as z_high moves, z_low keeps its place relative to its prior. Each cell is the likelier
    choice, and in the middle, where nothing has moved, all bars are the same.
    """
    place = _typical(fit)
    codes = {level: fit[level][place].repeat(len(dimensions) * len(STEPS), 1) for level in LEVELS}
    for row, each in enumerate(dimensions):
        moved = slice(row * len(STEPS), (row + 1) * len(STEPS))
        codes[each.level][moved, each.index] += torch.tensor(STEPS, device=codes[each.level].device)
    return likeliest(vae, codes["high"], codes["low"]).unflatten(0, (len(dimensions), len(STEPS)))


def traversal_picture(vae: VAE, fit: Codes, dimensions: Sequence[Dimension]) -> np.ndarray:
    """A row for each of a level's active dimensions, the most active first; what differs from the middle stands out.

    Of more than `MOST_ROWS` the most active ones; how many others there are stands below.
    """
    rows = sorted(dimensions, key=lambda each: -each.kl)[:MOST_ROWS]
    grids_RSTV = traversed(vae, fit, rows).bool().cpu().numpy()
    _, _, num_steps, num_voices = grids_RSTV.shape
    high, wide = num_voices * CELL[0] + 1, num_steps * CELL[1] + 1
    sheet = np.ones((TOP + len(rows) * (TITLE + high) + FOOT, NAMES + len(STEPS) * (wide + GAP), 3))
    figure = Figure(figsize=(sheet.shape[1] / DPI, sheet.shape[0] / DPI), dpi=DPI)
    canvas = FigureCanvasAgg(figure)
    axis = figure.add_axes((0, 0, 1, 1))
    axis.set_axis_off()
    for column, step in enumerate(STEPS):
        middle = NAMES + column * (wide + GAP) + wide / 2
        heading = f"{step:+g} σ".replace("-", "−") if step else "typical bar"
        axis.text(middle, TOP - 8, heading, ha="center", fontsize=9)
    for row, (each, grids_STV) in enumerate(zip(rows, grids_RSTV, strict=True)):
        top = TOP + row * (TITLE + high) + TITLE
        axis.text(NAMES, top - 5, each.text, ha="left", va="baseline", fontsize=9.5, fontweight="bold")
        for index, voice in enumerate(VOICES):
            centre = top + high - (index + 0.5) * CELL[0]
            axis.text(NAMES - 4, centre, voice.name, ha="right", va="center", fontsize=6.2, color="#4a4a4a")
        for column, grid_TV in enumerate(grids_STV):
            left = NAMES + column * (wide + GAP)
            sheet[top : top + high, left : left + wide] = _panel(grid_TV, grids_STV[MIDDLE])
    axis.imshow(sheet, interpolation="nearest", aspect="auto")
    patches = [Patch(color=colour, label=name) for name, colour in COLOURS.items()]
    figure.legend(handles=patches, loc="lower left", ncols=len(patches), frameon=False, fontsize=8.5)
    note = "σ: standard deviation of the dimension's prior."
    if len(dimensions) > len(rows):
        note += f" {len(dimensions) - len(rows)} less active dimensions are not shown."
    figure.text(1 - GAP / sheet.shape[1], 14 / sheet.shape[0], note, ha="right", fontsize=8.5, color="#4a4a4a")
    return rendered(canvas)


def _typical(fit: Codes) -> int:
    """Index of the bar whose code lies closest to the mean, each dimension in its own standard deviations."""
    codes_NL = joined(fit)
    offsets_NL = (codes_NL - codes_NL.mean(0)) / codes_NL.std(0, correction=0)
    return int(offsets_NL.nan_to_num(0).square().sum(1).argmin())


def _panel(grid_TV: np.ndarray, middle_TV: np.ndarray) -> np.ndarray:
    """A bar's cells as pixels, the first voice at the bottom; hits by whether the middle bar has them."""
    steps, voices = grid_TV.shape
    cells_TV3 = PAPER[np.arange(steps) // STEPS_PER_BEAT % 2][:, None].repeat(voices, 1)
    kinds = (grid_TV & middle_TV, grid_TV & ~middle_TV, ~grid_TV & middle_TV)
    for where_TV, colour in zip(kinds, COLOURS.values(), strict=True):
        cells_TV3[where_TV] = colors.to_rgb(colour)
    pixels = cells_TV3.swapaxes(0, 1)[::-1].repeat(CELL[0], 0).repeat(CELL[1], 1)
    pixels = np.pad(pixels, [(0, 1), (0, 1), (0, 0)])
    pixels[:: CELL[0]] = pixels[:, :: CELL[1]] = RULE
    pixels[:, :: CELL[1] * STEPS_PER_BEAT] = pixels[[0, -1]] = BEAT_RULE
    return pixels
