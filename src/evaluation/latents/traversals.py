"""Latent traversals: how a bar changes as one dimension after the other is moved.

N bars, S steps of a traversal, R rows of a picture, T steps of a bar, V voices, L latent dims.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from src.data.voices import VOICES, Kit
from src.evaluation.latents.associations import Dimension
from src.evaluation.latents.encode import Codes, decode_mode, side_by_side
from src.evaluation.latents.figures import Row, strips
from src.vae.module import VAE

STEPS = tuple(half / 2 for half in range(-4, 5))  # in standard deviations of the prior
MIDDLE = len(STEPS) // 2
MAX_ROWS = 24  # in a picture
AUDIBLE = (0, MIDDLE, -1)  # steps of each row that become sound
CAPTIONS = [f"{step:+g} σ".replace("-", "−") if step else "typical bar" for step in STEPS]


def traverse(vae: VAE, fit: Codes, dimensions: Sequence[Dimension]) -> Tensor:
    """The most typical bar with one dimension moved by each of `STEPS`, uint8 [R, S, T, V].

    Its standardised code is closest to the mean of `fit`. Steps are standard deviations of the prior; as a level moves,
    the codes of those below, which are relative to their priors, stay. The middle step is the typical bar.
    """
    codes_NL = side_by_side(fit)
    offsets_NL = (codes_NL - codes_NL.mean(0)) / codes_NL.std(0, correction=0)
    place = int(offsets_NL.nan_to_num(0).square().sum(1).argmin())
    codes = {level: codes_NL[place].repeat(len(dimensions), len(STEPS), 1) for level, codes_NL in fit.items()}
    for row, each in enumerate(dimensions):
        codes[each.level][row, :, each.index] += torch.tensor(STEPS, device=codes[each.level].device)
    return decode_mode(vae, codes)


def pages(dimensions: Sequence[Dimension]) -> list[Sequence[Dimension]]:
    """A level's dimensions, the most active first, divided into pictures of at most `MAX_ROWS`."""
    rows = sorted(dimensions, key=lambda each: -each.kl)
    return [rows[start : start + MAX_ROWS] for start in range(0, len(rows), MAX_ROWS)]


def audible_bars(rows: Sequence[Dimension], grids_RSTV: Tensor) -> Tensor:
    """Bars of a picture's rows as sound [N, T, V]: per row the lowest step, the typical bar and the highest step.

    Rows of inactive dimensions are left out; if there are no others, the first one remains.
    """
    active = [row for row, each in enumerate(rows) if each.active] or [0]
    return grids_RSTV[active][:, AUDIBLE].flatten(0, 1)


def traversal_picture(rows: Sequence[Dimension], grids_RSTV: Tensor, voices: Kit = VOICES) -> np.ndarray:
    """A row of bars per dimension, uint8 [H, W, 3]; differences from the typical bar are coloured."""
    sections = {
        each.text: [Row("", grids_STV, CAPTIONS, grids_STV[MIDDLE])]
        for each, grids_STV in zip(rows, grids_RSTV, strict=True)
    }
    return strips(sections, voices)
