"""What a model may know of a data set: shape, classes and scale, never its files."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from src.data.streaming import Rows
from src.data.voices import Voice, kit_of

Shape = tuple[int, int, int]  # channels, height, width
BAR = (16, 9)  # steps and voices of a drum grid
POINT = (1, 2)  # a point in the plane is a row of two coordinates


@dataclass(frozen=True)
class Split:
    """Part of a data set: `images` [N, H, W] in whole levels and `labels` int64 [N].

    A drum grid is an image too: 16 steps high, 9 voices wide, 1 where a voice is hit; its label is its style. So is a
    point in the plane: one row of two coordinates. Images are uint8, points int32: 256 levels are too coarse for them.
    They are in memory, but for training images that are read as they are needed.
    """

    images: Tensor | Rows
    labels: Tensor

    @classmethod
    def of(cls, images: np.ndarray, labels: np.ndarray) -> "Split":
        """The same arrays as tensors, without a copy."""
        return cls(torch.from_numpy(images), torch.from_numpy(labels))

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device | str) -> "Split":
        return Split(self.images.to(device), self.labels.to(device))


def ink(images: Tensor, levels: int, dark_ink: bool) -> Tensor:
    """How much ink stored pixels from 0 to `levels` hold, floats from 0 to 1."""
    share = images / levels
    return 1 - share if dark_ink else share


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
    levels: int = 255  # the highest stored value, full ink unless `dark_ink`: 255 for images, 1 for drum grids
    dark_ink: bool = False  # 0 stands for full ink and `levels` for paper, as in print
    entropy: float | None = None  # nats per sample of the test split under the true distribution, where it is known
    voices: tuple[str, ...] = ()  # names of a drum grid's columns; none where they are the standard ones

    @property
    def kit(self) -> tuple[Voice, ...]:
        """The voices of a drum grid's columns."""
        return kit_of(self.voices)

    @property
    def kind(self) -> Literal["drums", "images", "points"]:
        """What a person makes of a sample: bars to be heard, images to be looked at, or points on a map."""
        if tuple(self.shape[1:]) == POINT:
            return "points"
        return "drums" if self.levels == 1 and tuple(self.shape[1:]) == BAR else "images"

    @property
    def dtype(self) -> torch.dtype:
        """Of stored samples: the smallest that holds all levels."""
        return torch.uint8 if self.levels <= 255 else torch.int32

    def ink(self, images: Tensor) -> Tensor:
        """How much ink stored pixels hold, floats from 0 to 1."""
        return ink(images, self.levels, self.dark_ink)

    def from_ink(self, inks: Tensor) -> Tensor:
        """The inverse of `ink`, rounded to stored levels."""
        shares = 1 - inks if self.dark_ink else inks
        return (shares * self.levels).round().to(self.dtype)

    def to_float(self, images_BCHW: Tensor) -> Tensor:
        """Pixels as networks see them: stored levels in [0, `levels`] to floats in [-1, 1]."""
        return images_BCHW.float().mul_(2 / self.levels).sub_(1)

    def to_stored(self, images_BCHW: Tensor) -> Tensor:
        """The inverse of `to_float`, rounded; what lies outside [-1, 1] ends up at its edge."""
        return images_BCHW.float().add(1).mul(self.levels / 2).round_().clamp_(0, self.levels).to(self.dtype)
