"""What changes in a bar as one latent dimension after the other is turned, as pictures uint8 [H, W, 3].

N bars, S steps of a traversal, T steps of a bar, V voices, L latent dims.
"""

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image, ImageColor
from PIL.ImageDraw import ImageDraw
from torch import Tensor

from src.core.plotting import fitted, lettering
from src.data.drums.drawing import BEAT_RULE, HIT, INVENTED, MISSED, PAPER, RULE
from src.data.drums.timing import STEPS_PER_BEAT
from src.data.voices import VOICES, Voice
from src.evaluation.latents.associations import Dimension
from src.evaluation.latents.codec import Codes, likeliest
from src.evaluation.latents.codes import joined
from src.vae.latents import LEVELS
from src.vae.module import VAE

STEPS = tuple(half / 2 for half in range(-4, 5))  # in standard deviations of the prior
MIDDLE = len(STEPS) // 2
MOST_ROWS = 24  # in a picture
HEARD = (0, MIDDLE, -1)  # steps of each row
CELL = (9, 7)  # pixels high and wide
TOP, TITLE, GAP, NAMES, FOOT = 26, 24, 9, 62, 46  # pixels above all, above a row, between bars, beside and under them
GREY = "#4a4a4a"
LARGE, SMALL = lettering(13), lettering(9)
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


def pages(dimensions: Sequence[Dimension]) -> list[Sequence[Dimension]]:
    """All of a level's dimensions, the most active first, as many together as a picture has room for."""
    rows = sorted(dimensions, key=lambda each: -each.kl)
    return [rows[start : start + MOST_ROWS] for start in range(0, len(rows), MOST_ROWS)]


def heard(rows: Sequence[Dimension], grids_RSTV: Tensor) -> Tensor:
    """Bars to hear of a picture's rows [N, T, V], of each the lowest step, the typical bar and the highest step.

    Rows of inactive dimensions, which sound alike, are left out, unless there are no others: then one stands for all.
    """
    active = [row for row, each in enumerate(rows) if each.active] or [0]
    return grids_RSTV[active][:, HEARD].flatten(0, 1)


def traversal_picture(rows: Sequence[Dimension], grids_RSTV: Tensor, voices: Sequence[Voice] = VOICES) -> np.ndarray:
    """A row for each dimension with its bars; what differs from the middle stands out."""
    grids_RSTV = grids_RSTV.bool().cpu().numpy()
    high, wide = grids_RSTV.shape[3] * CELL[0] + 1, grids_RSTV.shape[2] * CELL[1] + 1
    tops = [TOP + row * (TITLE + high) + TITLE for row in range(len(rows))]
    lefts = [NAMES + column * (wide + GAP) for column in range(len(STEPS))]
    sheet = np.ones((tops[-1] + high + FOOT, lefts[-1] + wide + GAP, 3))
    for top, grids_STV in zip(tops, grids_RSTV, strict=True):
        for left, grid_TV in zip(lefts, grids_STV, strict=True):
            sheet[top : top + high, left : left + wide] = _panel(grid_TV, grids_STV[MIDDLE])
    picture = Image.fromarray((255 * sheet).round().astype(np.uint8))
    pen = ImageDraw(picture)
    for left, step in zip(lefts, STEPS, strict=True):
        heading = f"{step:+g} σ".replace("-", "−") if step else "typical bar"
        pen.text((left + wide / 2, TOP - 8), heading, "black", LARGE, anchor="ms")
    for top, each in zip(tops, rows, strict=True):
        pen.text((NAMES, top - 5), each.text, "black", LARGE, anchor="ls")
        for index, voice in enumerate(voices):
            name = fitted(voice.name, SMALL, NAMES - 6)
            pen.text((NAMES - 4, top + high - (index + 0.5) * CELL[0]), name, GREY, SMALL, anchor="rm")
    _explain(pen, picture.height - FOOT / 2)
    note = "σ: standard deviation of the dimension's prior."
    pen.text((picture.width - GAP, picture.height - FOOT / 2), note, GREY, LARGE, anchor="rm")
    return np.array(picture)


def _explain(pen: ImageDraw, middle: float) -> None:
    """The colours and what they mean, in one line."""
    left = GAP
    for name, colour in COLOURS.items():
        pen.rectangle((left, middle - 5, left + 20, middle + 5), colour)
        pen.text((left + 27, middle), name, "black", LARGE, anchor="lm")
        left += 50 + pen.textlength(name, LARGE)


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
        cells_TV3[where_TV] = np.array(ImageColor.getrgb(colour)) / 255
    pixels = cells_TV3.swapaxes(0, 1)[::-1].repeat(CELL[0], 0).repeat(CELL[1], 1)
    pixels = np.pad(pixels, [(0, 1), (0, 1), (0, 0)])
    pixels[:: CELL[0]] = pixels[:, :: CELL[1]] = RULE
    pixels[:, :: CELL[1] * STEPS_PER_BEAT] = pixels[[0, -1]] = BEAT_RULE
    return pixels
