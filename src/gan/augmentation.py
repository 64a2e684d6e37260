"""Augmentations of batches: every image by an amount of its own, and gradients pass through.

B batch, C channels, H height, W width, S size along one of the two axes. Images are in [-1, 1]; what an augmentation
uncovers or hides is 0, which is neither ink nor paper, as in the code of Zhao et al. 2020 (arXiv:2006.10738).
"""

import torch
from torch import Tensor

ROWS, COLUMNS = -2, -1


def share_of_size(key: str, value: float) -> float:
    """A parameter that a user gave, checked."""
    if not 0 <= value <= 1:
        raise ValueError(f"{key}={value}: choose a share of the image's size, from 0 to 1")
    return value


def translate(images_BCHW: Tensor, share: float, axes: tuple[int, ...] = (ROWS, COLUMNS)) -> Tensor:
    """Moves each image by whole pixels, along each of these axes by up to `share` of its size there."""
    for axis in axes:
        pixel_S, furthest = _pixels(images_BCHW, axis, share)
        shift_B = torch.randint(-furthest, furthest + 1, (len(images_BCHW),), device=images_BCHW.device)
        source_BS = pixel_S - shift_B[:, None]
        inside_BS = (source_BS >= 0) & (source_BS < len(pixel_S))
        index_BS = source_BS.clamp(0, len(pixel_S) - 1)
        images_BCHW = images_BCHW.gather(axis, _along(axis, index_BS).expand_as(images_BCHW))
        images_BCHW = images_BCHW * _along(axis, inside_BS)
    return images_BCHW


def cutout(images_BCHW: Tensor, share: float) -> Tensor:
    """Hides a window of each image, `share` of its size along both axes and centred anywhere in it."""
    hidden_BCHW = torch.ones((), dtype=torch.bool, device=images_BCHW.device)
    for axis in (ROWS, COLUMNS):
        pixel_S, size = _pixels(images_BCHW, axis, share)
        num_centres = len(pixel_S) + (size + 1) % 2  # a window of an even size is centred between pixels
        first_B = torch.randint(num_centres, (len(images_BCHW),), device=images_BCHW.device) - size // 2
        from_first_BS = pixel_S - first_B[:, None]
        hidden_BCHW = hidden_BCHW & _along(axis, (from_first_BS >= 0) & (from_first_BS < size))
    return images_BCHW * ~hidden_BCHW


def _pixels(images_BCHW: Tensor, axis: int, share: float) -> tuple[Tensor, int]:
    """The pixels along an axis, and how many of them are `share`, to the nearest number."""
    size = images_BCHW.shape[axis]
    return torch.arange(size, device=images_BCHW.device), int(share * size + 0.5)


def _along(axis: int, values_BS: Tensor) -> Tensor:
    """The same values for all channels and across the other axis: [B, 1, S, 1] or [B, 1, 1, S]."""
    return values_BS[:, None].unsqueeze(COLUMNS if axis == ROWS else ROWS)
