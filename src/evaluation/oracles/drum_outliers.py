"""Outliers: grids that are bars of no style, on which the oracle learns to predict "none" (outlier exposure).

Hendrycks, Mazeika & Dietterich 2019, arXiv:1812.04606. None of them is playable music: combinations of halves or voices
of two bars, reversed and rotated bars are left out. All grids are floats, 0 or 1.

B bars, T steps, V voices.
"""

import torch
from torch import Tensor

from src.evaluation.oracles.augmentation import per_image
from src.evaluation.oracles.outliers import inverted


def independent_hits(real_B1TV: Tensor) -> Tensor:
    """Independent cells with a random density per bar; low densities, which are closest to music, are more frequent."""
    return (torch.rand_like(real_B1TV) < per_image(real_B1TV).square()).float()


def shuffled_cells(real_B1TV: Tensor) -> Tensor:
    """The cells of a bar, permuted."""
    flat_BD = real_B1TV.flatten(1)
    return flat_BD.gather(1, torch.rand_like(flat_BD).argsort(1)).view_as(real_B1TV)


def shuffled_steps(real_B1TV: Tensor) -> Tensor:
    """The steps of a bar, permuted: simultaneous hits stay together, without the rhythm."""
    order_BT = torch.rand(real_B1TV.shape[0], real_B1TV.shape[2], device=real_B1TV.device).argsort(1)
    return real_B1TV.gather(2, order_BT[:, None, :, None].expand_as(real_B1TV))


def wrong_voices(real_B1TV: Tensor) -> Tensor:
    """The rhythm of a bar, with every voice replaced by another one."""
    batch, _, _, voices = real_B1TV.shape
    shift_B1 = torch.randint(1, voices, (batch, 1), device=real_B1TV.device)
    order_BV = (torch.arange(voices, device=real_B1TV.device) + shift_B1) % voices
    return real_B1TV.gather(3, order_BV[:, None, None].expand_as(real_B1TV))


def mingled(real_B1TV: Tensor) -> Tensor:
    """Every cell from another bar: independent cells with their usual rates."""
    return real_B1TV.gather(0, torch.randint_like(real_B1TV, len(real_B1TV)).long())


def held_voices(real_B1TV: Tensor) -> Tensor:
    """Each voice on every step or on none, the empty and the full bar among them."""
    batch, _, _, voices = real_B1TV.shape
    share_B111 = per_image(real_B1TV) * 1.2 - 0.1  # beyond 0 and 1: no voice, or all
    return (torch.rand(batch, 1, 1, voices, device=real_B1TV.device) < share_B111).float().expand_as(real_B1TV)


def crowds(real_B1TV: Tensor) -> Tensor:
    """Four bars superposed."""
    return torch.stack([real_B1TV.roll(turn, 0) for turn in range(4)]).amax(0)


def scrambled(real_B1TV: Tensor) -> Tensor:
    """15 to 50 % of the cells flipped."""
    wrong_B1TV = torch.rand_like(real_B1TV) < 0.15 + 0.35 * per_image(real_B1TV)
    return torch.where(wrong_B1TV, 1 - real_B1TV, real_B1TV)


KINDS = (
    independent_hits,
    shuffled_cells,
    shuffled_steps,
    wrong_voices,
    mingled,
    held_voices,
    crowds,
    scrambled,
    inverted,
)


def mixture(real_B1TV: Tensor) -> Tensor:
    """All kinds in equal shares, as many as bars: [B, 1, T, V] to [B, 1, T, V]."""
    kinds = real_B1TV.tensor_split(len(KINDS))
    return torch.cat([make(part) for make, part in zip(KINDS, kinds, strict=True)])
