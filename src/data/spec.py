"""What a model may know of a data set: shape, classes and scale, never its files."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

Shape = tuple[int, int, int]  # channels, height, width
BAR = (16, 9)  # steps and voices of a drum grid


@dataclass(frozen=True)
class Split:
    """Part of a data set held in memory: `images` uint8 [N, H, W] and `labels` int64 [N].

    A drum grid is an image too: 16 steps high, 9 voices wide, 1 where a voice is hit; its label is its style.
    """

    images: Tensor
    labels: Tensor

    @classmethod
    def of(cls, images: np.ndarray, labels: np.ndarray) -> "Split":
        """The same arrays as tensors, without a copy."""
        return cls(torch.from_numpy(images), torch.from_numpy(labels))

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
    entropy: float | None = None  # nats per sample of the test split under the true distribution, where it is known

    @property
    def kind(self) -> Literal["drums", "images"]:
        """What a person makes of a sample: bars to be heard, or images to be looked at."""
        return "drums" if self.levels == 1 and tuple(self.shape[1:]) == BAR else "images"

    def to_float(self, images_BCHW: Tensor) -> Tensor:
        """Pixels as networks see them: uint8 in [0, `levels`] to floats in [-1, 1]."""
        return images_BCHW.float().mul_(2 / self.levels).sub_(1)

    def to_uint8(self, images_BCHW: Tensor) -> Tensor:
        """The inverse of `to_float`, rounded."""
        return images_BCHW.float().add(1).mul(self.levels / 2).round_().clamp_(0, self.levels).to(torch.uint8)
