"""Outliers: images of no class, on which the oracle learns to predict "none of them" (outlier exposure).

Hendrycks, Mazeika & Dietterich 2019, arXiv:1812.04606. A softmax alone is confident on noise; one trained on some kinds
of outliers rejects most others. All images are floats in [0, 1], shape [B, C, H, W]: one channel of ink, or three of
colour.

B batch, C channels, H height, W width.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from src.evaluation.oracles.augmentation import per_image

CANDIDATES = 16  # random partners per image, of which one of another class is taken


def uniform_noise(real_BCHW: Tensor) -> Tensor:
    """Every pixel independent and uniform, scaled by a contrast that is drawn per picture."""
    return torch.rand_like(real_BCHW) * per_image(real_BCHW)


def sparse_noise(real_BCHW: Tensor) -> Tensor:
    """White specks on black, in colour coloured ones, as dense on average as a density drawn per picture."""
    return (torch.rand_like(real_BCHW) < per_image(real_BCHW)).float()


def flat(real_BCHW: Tensor) -> Tensor:
    """One grey level or colour over the whole picture, black and white included."""
    return _per_channel(real_BCHW).expand_as(real_BCHW)


def clouds(real_BCHW: Tensor) -> Tensor:
    """Smooth random blobs, half of them with hard edges."""
    *batch_and_channels, height, width = real_BCHW.shape
    coarse = torch.randn(*batch_and_channels, max(2, height // 5), max(2, width // 5), device=real_BCHW.device)
    smooth = F.interpolate(coarse, size=(height, width), mode="bicubic", align_corners=False)
    hardness = torch.where(per_image(real_BCHW) < 0.5, 1.0, 12.0)
    return torch.sigmoid(hardness * (smooth - 1.2 * per_image(real_BCHW)))


def gratings(real_BCHW: Tensor) -> Tensor:
    """Stripes in any direction, half of them crossed into a checkerboard, half of them with hard edges."""
    height, width = real_BCHW.shape[-2:]
    y = torch.arange(height, device=real_BCHW.device).view(-1, 1)
    x = torch.arange(width, device=real_BCHW.device)
    angle, period = math.pi * per_image(real_BCHW), 2 + 10 * per_image(real_BCHW)
    along, across = x * angle.cos() + y * angle.sin(), y * angle.cos() - x * angle.sin()
    phase = 2 * math.pi * per_image(real_BCHW)
    stripes, crossing = ((2 * math.pi / period * place + phase).sin() for place in (along, across))
    pattern = stripes * torch.where(per_image(real_BCHW) < 0.5, crossing, 1)
    hardness = torch.where(per_image(real_BCHW) < 0.5, 2.0, 20.0)
    return _per_channel(real_BCHW) * torch.sigmoid(hardness * pattern)


def shuffled_pixels(real_BCHW: Tensor) -> Tensor:
    """The pixels of an image, permuted."""
    pixels = real_BCHW.flatten(2)
    return pixels[..., torch.randperm(pixels.shape[-1], device=pixels.device)].view_as(real_BCHW)


def cut_up(real_BCHW: Tensor) -> Tensor:
    """Quarters of four different images put together."""
    height, width = real_BCHW.shape[-2] // 2, real_BCHW.shape[-1] // 2
    mixed = real_BCHW.clone()
    mixed[..., :height, width:] = real_BCHW.roll(1, 0)[..., :height, :-width]
    mixed[..., height:, :width] = real_BCHW.roll(2, 0)[..., :-height, -width:]
    mixed[..., height:, width:] = real_BCHW.roll(3, 0)[..., :-height, :-width]
    return mixed


def superposed(real_BCHW: Tensor, labels_B: Tensor) -> Tensor:
    """Two images of different classes over each other: the maximum of their ink, the mean of colours."""
    other_BCHW = real_BCHW[of_other_classes(labels_B)]
    return torch.maximum(real_BCHW, other_BCHW) if real_BCHW.shape[1] == 1 else (real_BCHW + other_BCHW) / 2


def blended(real_BCHW: Tensor, labels_B: Tensor) -> Tensor:
    """Weighted mean of two images of different classes, with weights of at least ⅓, as between two modes."""
    weight = (1 + per_image(real_BCHW)) / 3
    return real_BCHW.lerp(real_BCHW[of_other_classes(labels_B)], weight)


def of_other_classes(labels_B: Tensor) -> Tensor:
    """Per image the index of a random image of another class, if there is one."""
    candidates = torch.randint(len(labels_B), (CANDIDATES, len(labels_B)), device=labels_B.device)
    chosen_B = (labels_B[candidates] != labels_B).byte().argmax(0)
    return candidates.gather(0, chosen_B[None])[0]


def inverted(real_BCHW: Tensor) -> Tensor:
    """Ink and ground exchanged, of bars hits and silence."""
    return 1 - real_BCHW


PLAIN_IN_COLOUR = (uniform_noise, sparse_noise, flat, clouds, gratings, shuffled_pixels)  # easy to reject
PLAIN = (*PLAIN_IN_COLOUR, inverted)  # the negative of a colour image may well be one of its class
MIXED = 0.75  # share of outliers made of real images, which are harder


def mixture(real_BCHW: Tensor, labels_B: Tensor) -> Tensor:
    """All kinds, as many as images: `MIXED` of them superposed, blended or cut up, the others in equal shares."""
    mixed = round(MIXED * len(labels_B))
    over, between, quarters = real_BCHW[:mixed].tensor_split(3)
    over_labels, between_labels, _ = labels_B[:mixed].tensor_split(3)
    parts = [superposed(over, over_labels), blended(between, between_labels), cut_up(quarters)]
    kinds = PLAIN if real_BCHW.shape[1] == 1 else PLAIN_IN_COLOUR
    plain = real_BCHW[mixed:].tensor_split(len(kinds))
    return torch.cat(parts + [make(part) for make, part in zip(kinds, plain, strict=True)])


def _per_channel(real_BCHW: Tensor) -> Tensor:
    """One uniform number per picture and channel, [B, C, 1, 1]."""
    return torch.rand(*real_BCHW.shape[:2], 1, 1, device=real_BCHW.device)
