"""The properties of a data set that models, metrics and results depend on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from src.core.dataset import Dataset
from src.data.streaming import Rows
from src.data.voices import Kit, kit_of

Shape = tuple[int, ...]  # channels, height, width
BAR = (16, 9)  # steps and voices of the usual drum grid
POINT = (1, 2)  # a point in the plane, a row of two coordinates


@dataclass(frozen=True)
class Split:
    """Part of a data set: `images` [N, H, W] in integer levels, in colour [N, 3, H, W], and `labels` int64 [N].

    A drum grid is stored as an image of steps × voices, 1 for a hit, its style as the label; a point in the plane
    as one row of two coordinates, int32 instead of uint8. `factors` of variation apart from the class, where any are
    known, are int64 [N] by name.
    """

    images: Tensor | Rows
    labels: Tensor
    factors: Mapping[str, Tensor] = field(default_factory=dict)

    @classmethod
    def of(cls, images: np.ndarray, labels: np.ndarray, /, **factors: np.ndarray) -> "Split":
        """The same arrays as tensors, without a copy."""
        known = {name: torch.from_numpy(values) for name, values in factors.items()}
        return cls(torch.from_numpy(images), torch.from_numpy(labels), known)

    def __len__(self) -> int:
        return len(self.labels)

    def in_memory(self) -> "Split":
        """With images that no longer depend on where they were stored."""
        return Split(self.images[:], self.labels)

    def to(self, device: torch.device | str) -> "Split":
        return Split(self.images.to(device), self.labels.to(device))


@dataclass(frozen=True)
class Batch:
    """Stored images [B, C, H, W] with labels [B, S] of S stacked samples; parts of a tensor's interface."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.images)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> "Batch":
        return Batch(*(each.to(device, non_blocking=non_blocking) for each in (self.images, self.labels)))

    def pin_memory(self) -> "Batch":
        return Batch(self.images.pin_memory(), self.labels.pin_memory())


def images_of(batch: Tensor | Batch) -> Tensor:
    """The stored images of a batch with labels or without."""
    return batch.images if isinstance(batch, Batch) else batch


def with_channels(images: Tensor) -> Tensor:
    """Stored images [N, H, W] or [N, 3, H, W] as [N, C, H, W]."""
    return images.unsqueeze(1) if images.ndim == 3 else images


def ink(images: Tensor, levels: int, dark_ink: bool) -> Tensor:
    """Ink of stored pixels in [0, `levels`], floats from 0 to 1."""
    share = images / levels
    return 1 - share if dark_ink else share


@dataclass(frozen=True)
class DataSpec(Dataset):
    """The properties of a data set that models, metrics and results depend on."""

    dark_ink: bool = False  # 0 is full ink and `levels` is paper
    voices: tuple[str, ...] = ()  # names of a drum grid's columns; empty for the standard ones

    @property
    def channels(self) -> int:
        """Channels of each sample: 3 in colour, else 1."""
        return self.shape[0] // self.stack

    @property
    def kit(self) -> Kit:
        return kit_of(self.voices, self.steps_per_beat)

    @property
    def kind(self) -> Literal["drums", "images", "points"]:
        """The kind of samples, which decides how they are shown and evaluated."""
        if tuple(self.shape[1:]) == POINT:
            return "points"
        return "drums" if self.levels == 1 else "images"

    @property
    def dtype(self) -> torch.dtype:
        return torch.uint8 if self.levels <= 255 else torch.int32

    def apart(self, images_NCHW: Tensor) -> Tensor:
        """The samples of stacked images one by one, [N · stack, channels, H, W]."""
        return images_NCHW.unflatten(1, (self.stack, self.channels)).flatten(0, 1)

    def ink(self, images: Tensor) -> Tensor:
        """Ink of stored pixels, floats from 0 to 1."""
        return ink(images, self.levels, self.dark_ink)

    def from_ink(self, inks: Tensor) -> Tensor:
        """The inverse of `ink`, rounded to stored levels."""
        shares = 1 - inks if self.dark_ink else inks
        return (shares * self.levels).round().to(self.dtype)

    def to_float(self, images_BCHW: Tensor) -> Tensor:
        """From stored levels in [0, `levels`] to the networks' floats in [-1, 1]."""
        return images_BCHW.float().mul_(2 / self.levels).sub_(1)

    def to_stored(self, images_BCHW: Tensor) -> Tensor:
        """The inverse of `to_float`, rounded and clamped."""
        return images_BCHW.float().add(1).mul(self.levels / 2).round_().clamp_(0, self.levels).to(self.dtype)
