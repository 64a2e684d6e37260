"""Pictures that are no characters, on which the oracle learns to say so (outlier exposure, Hendrycks 2019).

Hendrycks, Mazeika & Dietterich 2019, arXiv:1812.04606. A softmax alone is confident on noise; one that has seen a few
kinds of nonsense rejects most others. All images are floats in [0, 1], shape [B, 1, H, W].
"""

import torch
from torch import Tensor
from torch.nn import functional as F


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
    """Smooth random blobs, half of them hardened to ink-like edges."""
    batch, _, height, width = real_B1HW.shape
    coarse = torch.randn(batch, 1, max(2, height // 5), max(2, width // 5), device=real_B1HW.device)
    smooth = F.interpolate(coarse, size=(height, width), mode="bicubic", align_corners=False)
    hardness = torch.where(_per_image(real_B1HW) < 0.5, 1.0, 12.0)
    return torch.sigmoid(hardness * (smooth - 1.2 * _per_image(real_B1HW)))


def shuffled_pixels(real_B1HW: Tensor) -> Tensor:
    """The ink of a character, every pixel in a wrong place."""
    flat = real_B1HW.flatten(1)
    return flat[:, torch.randperm(flat.shape[1], device=flat.device)].view_as(real_B1HW)


def wrong_quarters(real_B1HW: Tensor) -> Tensor:
    """Quarters of four characters that do not belong together."""
    height, width = real_B1HW.shape[-2] // 2, real_B1HW.shape[-1] // 2
    mixed = real_B1HW.clone()
    mixed[..., :height, width:] = real_B1HW.roll(1, 0)[..., :height, :-width]
    mixed[..., height:, :width] = real_B1HW.roll(2, 0)[..., :-height, -width:]
    mixed[..., height:, width:] = real_B1HW.roll(3, 0)[..., :-height, :-width]
    return mixed


def overlaid(real_B1HW: Tensor) -> Tensor:
    """Two characters on top of each other."""
    return torch.maximum(real_B1HW, real_B1HW.roll(1, 0))


def blended(real_B1HW: Tensor) -> Tensor:
    """The mean of two characters: what a generator that hedges between modes draws."""
    return (real_B1HW + real_B1HW.roll(1, 0)) / 2


def inverted(real_B1HW: Tensor) -> Tensor:
    """Black ink on white."""
    return 1 - real_B1HW


OUTLIERS = (
    uniform_noise,
    sparse_noise,
    flat_grey,
    clouds,
    shuffled_pixels,
    wrong_quarters,
    overlaid,
    blended,
    inverted,
)


def mixture(real_B1HW: Tensor) -> Tensor:
    """An equal share of every kind, made from as many characters: [B, 1, H, W] to [B, 1, H, W]."""
    kinds = real_B1HW.tensor_split(len(OUTLIERS))
    return torch.cat([make(part) for make, part in zip(OUTLIERS, kinds, strict=True)])


def _per_image(real_B1HW: Tensor) -> Tensor:
    """One uniform number per picture, [B, 1, 1, 1]."""
    return torch.rand(len(real_B1HW), 1, 1, 1, device=real_B1HW.device)
