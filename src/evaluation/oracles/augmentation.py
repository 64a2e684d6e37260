"""Augmentations of the oracle's training images, the same for real images and outliers.

Otherwise the oracle would learn sharpness or noise instead of shapes. Each augmentation changes a random share of the
images and leaves the others unchanged. All images are floats in [0, 1], [B, C, H, W]: one channel of ink, or three of
colour, which change alike.

B batch, C channels, H height, W width.
"""

from collections.abc import Callable
from functools import wraps

import torch
from torch import Tensor
from torch.nn import functional as F

WARPED, BLURRED, NOISY, RESHADED, THICKENED = 0.6, 0.4, 0.3, 0.4, 0.4  # shares of the images
BLUR = 1.5  # largest standard deviation, in pixels
NOISE = 0.25  # largest standard deviation, of the full range
TURN, SCALE, SLANT, SHIFT = 0.2, 0.12, 0.2, 0.12  # largest change: radians, factors, and half widths


def augment(images_BCHW: Tensor) -> Tensor:
    """Randomly warps, thickens or thins ink, blurs, changes contrast and adds noise, per image."""
    images_BCHW = warped(images_BCHW, WARPED)
    images_BCHW = thickened(images_BCHW, THICKENED) if images_BCHW.shape[1] == 1 else images_BCHW
    images_BCHW = reshaded(blurred(images_BCHW, BLURRED), RESHADED)
    return noisy(images_BCHW, NOISY)


def on_a_share(change: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    """Lets an augmentation change a random `share` of the images, at least one, in random order."""

    @wraps(change)
    def changed(images_BCHW: Tensor, share: float = 1) -> Tensor:
        order_B = torch.randperm(len(images_BCHW), device=images_BCHW.device)
        chosen_M = order_B[: max(1, round(share * len(images_BCHW)))]
        return images_BCHW.index_copy(0, chosen_M, change(images_BCHW[chosen_M]))

    return changed


@on_a_share
def warped(part: Tensor) -> Tensor:
    """Slightly rotated, scaled, slanted and shifted, resampled bilinearly."""
    angle = _symmetric(part, TURN)
    row_x = [
        (1 + _symmetric(part, SCALE)) * angle.cos(),
        _symmetric(part, SLANT) - angle.sin(),
        _symmetric(part, SHIFT),
    ]
    row_y = [angle.sin(), (1 + _symmetric(part, SCALE)) * angle.cos(), _symmetric(part, SHIFT)]
    affine_M23 = torch.stack([torch.stack(row_x, 1), torch.stack(row_y, 1)], 1)
    grid = F.affine_grid(affine_M23, list(part.shape), align_corners=False)
    return F.grid_sample(part, grid, padding_mode="border", align_corners=False)


@on_a_share
def thickened(part: Tensor) -> Tensor:
    """Strokes partly dilated or eroded: a mixture of the image with its local maximum or minimum (3×3)."""
    thick, thin = part.split([(len(part) + 1) // 2, len(part) // 2])
    return torch.cat([dilated(thick, per_image(thick)), -dilated(-thin, 0.6 * per_image(thin))])


def dilated(images_BCHW: Tensor, amount: Tensor | float = 1) -> Tensor:
    """Strokes thicker by up to a pixel on each side."""
    return images_BCHW.lerp(F.max_pool2d(images_BCHW, 3, stride=1, padding=1), torch.as_tensor(amount).to(images_BCHW))


@on_a_share
def blurred(part: Tensor) -> Tensor:
    """Blurred by a Gaussian, with up to `BLUR` pixels of standard deviation."""
    return gaussian_blur(part, 0.2 + (BLUR - 0.2) * per_image(part))


def gaussian_blur(images_BCHW: Tensor, sigma: Tensor | float) -> Tensor:
    """Blurred by a Gaussian with standard deviation `sigma` in pixels, one for all images or [B, 1, 1, 1]."""
    rows, columns = (_blur_matrix(images_BCHW, length, sigma) for length in images_BCHW.shape[-2:])
    return rows @ images_BCHW @ columns.mT


def _blur_matrix(images_BCHW: Tensor, length: int, sigma: Tensor | float) -> Tensor:
    """Row i holds the weights of all pixels in the blurred pixel i; they sum to 1, at the edges too."""
    place = torch.arange(length, device=images_BCHW.device, dtype=images_BCHW.dtype)
    weights = torch.exp(-((place[:, None] - place) ** 2) / (2 * sigma**2))
    return weights / weights.sum(-1, keepdim=True)


@on_a_share
def reshaded(part: Tensor) -> Tensor:
    """Ink and ground less extreme, or the edge between them harder."""
    gain = 1 + 2 * per_image(part).square()
    part = ((part - 0.5) * gain + 0.5).clamp(0, 1)
    ground, ink = 0.2 * per_image(part).square(), 1 - 0.4 * per_image(part)
    return ground + (ink - ground) * part


@on_a_share
def noisy(part: Tensor) -> Tensor:
    """With Gaussian noise of up to `NOISE` standard deviation, clipped to [0, 1]."""
    return with_noise(part, NOISE * per_image(part))


def with_noise(images_BCHW: Tensor, sigma: Tensor | float) -> Tensor:
    """With Gaussian noise of standard deviation `sigma`, clipped to [0, 1]."""
    return (images_BCHW + sigma * torch.randn_like(images_BCHW)).clamp(0, 1)


def per_image(images_BCHW: Tensor) -> Tensor:
    """One uniform number in [0, 1] per image, [B, 1, 1, 1]."""
    return torch.rand(len(images_BCHW), 1, 1, 1, device=images_BCHW.device)


def _symmetric(images_BCHW: Tensor, bound: float) -> Tensor:
    """One uniform number in [-bound, bound] per image, [B]."""
    return (torch.rand(len(images_BCHW), device=images_BCHW.device) * 2 - 1) * bound
