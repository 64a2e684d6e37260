"""Outliers: images of no class, on which the oracle learns to predict "none of them" (outlier exposure).

Hendrycks, Mazeika & Dietterich 2019, arXiv:1812.04606. A softmax alone is confident on noise; one trained on some kinds
of outliers rejects most others. All images are floats in [0, 1], shape [B, 1, H, W].
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

CANDIDATES = 16  # random partners per image, of which one of another class is taken


def uniform_noise(real_B1HW: Tensor) -> Tensor:
    """Every pixel independent and uniform, scaled by a contrast that is drawn per picture."""
    return torch.rand_like(real_B1HW) * _per_image(real_B1HW)


def sparse_noise(real_B1HW: Tensor) -> Tensor:
    """White specks on black, as dense on average as a density drawn per picture."""
    return (torch.rand_like(real_B1HW) < _per_image(real_B1HW)).float()


def flat_grey(real_B1HW: Tensor) -> Tensor:
    """One grey level over the whole picture, black and white included."""
    return _per_image(real_B1HW).expand_as(real_B1HW)


def clouds(real_B1HW: Tensor) -> Tensor:
    """Smooth random blobs, half of them with hard edges."""
    batch, _, height, width = real_B1HW.shape
    coarse = torch.randn(batch, 1, max(2, height // 5), max(2, width // 5), device=real_B1HW.device)
    smooth = F.interpolate(coarse, size=(height, width), mode="bicubic", align_corners=False)
    hardness = torch.where(_per_image(real_B1HW) < 0.5, 1.0, 12.0)
    return torch.sigmoid(hardness * (smooth - 1.2 * _per_image(real_B1HW)))


def gratings(real_B1HW: Tensor) -> Tensor:
    """Stripes in any direction, half of them crossed into a checkerboard, half of them with hard edges."""
    height, width = real_B1HW.shape[-2:]
    y = torch.arange(height, device=real_B1HW.device).view(-1, 1)
    x = torch.arange(width, device=real_B1HW.device)
    angle, period = math.pi * _per_image(real_B1HW), 2 + 10 * _per_image(real_B1HW)
    along, across = x * angle.cos() + y * angle.sin(), y * angle.cos() - x * angle.sin()
    phase = 2 * math.pi * _per_image(real_B1HW)
    stripes, crossing = ((2 * math.pi / period * place + phase).sin() for place in (along, across))
    pattern = stripes * torch.where(_per_image(real_B1HW) < 0.5, crossing, 1)
    hardness = torch.where(_per_image(real_B1HW) < 0.5, 2.0, 20.0)
    return _per_image(real_B1HW) * torch.sigmoid(hardness * pattern)


def shuffled_pixels(real_B1HW: Tensor) -> Tensor:
    """The pixels of a character, permuted."""
    flat = real_B1HW.flatten(1)
    return flat[:, torch.randperm(flat.shape[1], device=flat.device)].view_as(real_B1HW)


def cut_up(real_B1HW: Tensor) -> Tensor:
    """Quarters of four different images put together."""
    height, width = real_B1HW.shape[-2] // 2, real_B1HW.shape[-1] // 2
    mixed = real_B1HW.clone()
    mixed[..., :height, width:] = real_B1HW.roll(1, 0)[..., :height, :-width]
    mixed[..., height:, :width] = real_B1HW.roll(2, 0)[..., :-height, -width:]
    mixed[..., height:, width:] = real_B1HW.roll(3, 0)[..., :-height, :-width]
    return mixed


def superposed(real_B1HW: Tensor, labels_B: Tensor) -> Tensor:
    """Maximum of two characters of different classes."""
    return torch.maximum(real_B1HW, real_B1HW[of_other_classes(labels_B)])


def blended(real_B1HW: Tensor, labels_B: Tensor) -> Tensor:
    """Weighted mean of two characters of different classes, with weights of at least ⅓, as between two modes."""
    weight = (1 + _per_image(real_B1HW)) / 3
    return real_B1HW.lerp(real_B1HW[of_other_classes(labels_B)], weight)


def of_other_classes(labels_B: Tensor) -> Tensor:
    """Per image the index of a random image of another class, if there is one."""
    candidates = torch.randint(len(labels_B), (CANDIDATES, len(labels_B)), device=labels_B.device)
    chosen_B = (labels_B[candidates] != labels_B).byte().argmax(0)
    return candidates.gather(0, chosen_B[None])[0]


def inverted(real_B1HW: Tensor) -> Tensor:
    """Black ink on white."""
    return 1 - real_B1HW


PLAIN = (uniform_noise, sparse_noise, flat_grey, clouds, gratings, shuffled_pixels, inverted)  # easy to reject
MIXED = 0.75  # share of outliers made of real strokes, which are harder


def mixture(real_B1HW: Tensor, labels_B: Tensor) -> Tensor:
    """All kinds, as many as characters: `MIXED` of them superposed, blended or cut up, the others in equal shares."""
    mixed = round(MIXED * len(labels_B))
    over, between, quarters = real_B1HW[:mixed].tensor_split(3)
    over_labels, between_labels, _ = labels_B[:mixed].tensor_split(3)
    parts = [superposed(over, over_labels), blended(between, between_labels), cut_up(quarters)]
    plain = real_B1HW[mixed:].tensor_split(len(PLAIN))
    return torch.cat(parts + [make(part) for make, part in zip(PLAIN, plain, strict=True)])


def _per_image(real_B1HW: Tensor) -> Tensor:
    """One uniform number per picture, [B, 1, 1, 1]."""
    return torch.rand(len(real_B1HW), 1, 1, 1, device=real_B1HW.device)
