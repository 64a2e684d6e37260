"""What a model may know of a data set: shape, classes and scale, never its files."""

from dataclasses import dataclass

import torch
from torch import Tensor

Shape = tuple[int, int, int]  # channels, height, width


@dataclass(frozen=True)
class Split:
    """Part of a data set held in memory: `images` uint8 [N, H, W] and `labels` int64 [N]."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device | str) -> "Split":
        return Split(self.images.to(device), self.labels.to(device))


@dataclass(frozen=True)
class DataSpec:
    """The facts about the data that models, metrics and results rely on.

    `classes` are those of one channel; `shape` counts the channels, so `shape[0]` independent characters make
    `len(classes) ** shape[0]` modes. `digest` is a SHA-256 over the pixels and labels of all three splits.
    """

    name: str
    source: str
    digest: str
    classes: tuple[str, ...]
    shape: Shape
    sizes: dict[str, int]
    levels: int = 255  # the uint8 value that stands for full ink: 255 for images, 1 for drum grids

    def to_float(self, images_BCHW: Tensor) -> Tensor:
        """Pixels as networks see them: uint8 in [0, `levels`] to floats in [-1, 1]."""
        return images_BCHW.float().mul_(2 / self.levels).sub_(1)

    def to_uint8(self, images_BCHW: Tensor) -> Tensor:
        """The inverse of `to_float`, rounded."""
        return images_BCHW.float().add(1).mul(self.levels / 2).round_().clamp_(0, self.levels).to(torch.uint8)
