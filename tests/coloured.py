"""Coloured shapes: five hues, each as discs and as crosses, of random size and place on a dark ground.

N images, H height, W width.
"""

from typing import Any

import torch

from src.data.module import Loaded, ResidentData
from src.data.spec import Split

HUES = {"red": (1, 0.1, 0.1), "yellow": (0.9, 0.8, 0), "green": (0.1, 0.8, 0.2), "blue": (0.1, 0.3, 1)}
HUES |= {"white": (0.95, 0.95, 0.95)}
CLASSES = tuple(f"{hue} {shape}" for hue in HUES for shape in ("disc", "cross"))


def shapes(num: int, size: int, seed: int) -> Split:
    """Images uint8 [N, 3, H, W] and labels."""
    random = torch.Generator().manual_seed(seed)
    label_N = torch.arange(num) % len(CLASSES)
    radius_N11 = size * (0.2 + 0.15 * torch.rand(num, 1, 1, generator=random))
    centre_N2 = size * (0.5 + 0.2 * (torch.rand(num, 2, generator=random) - 0.5))
    place = torch.arange(size) + 0.5
    x_NHW, y_NHW = torch.broadcast_tensors(
        (place - centre_N2[:, :1]).view(num, 1, size), (place - centre_N2[:, 1:]).view(num, size, 1)
    )
    nearer, farther = torch.minimum(x_NHW.abs(), y_NHW.abs()), torch.maximum(x_NHW.abs(), y_NHW.abs())
    disc_NHW = radius_N11 - torch.hypot(x_NHW, y_NHW)
    cross_NHW = torch.minimum(radius_N11 - farther, radius_N11 / 3 - nearer)
    inside_NHW = torch.where((label_N % 2 == 0).view(-1, 1, 1), disc_NHW, cross_NHW)
    share_N1HW = (inside_NHW + 0.5).clamp(0, 1).unsqueeze(1)
    colour_N311 = torch.tensor(list(HUES.values()))[label_N // 2].view(num, 3, 1, 1)
    colour_N311 = colour_N311 * (0.8 + 0.2 * torch.rand(num, 1, 1, 1, generator=random))
    ground_N111 = 0.25 * torch.rand(num, 1, 1, 1, generator=random)
    images_N3HW = ground_N111.lerp(colour_N311, share_N1HW)
    return Split((255 * images_N3HW).round().to(torch.uint8), label_N)


class Shapes(ResidentData):
    """Args:
    size: H and W.
    sizes: of the splits.
    """

    name = "shapes"

    def __init__(self, size: int = 32, sizes: tuple[int, ...] = (300, 100, 100), **common: Any):
        super().__init__(**common)
        self.size = size
        self.sizes = sizes

    def load(self) -> Loaded:
        splits = (shapes(num, self.size, seed) for seed, num in enumerate(self.sizes))
        return Loaded(*splits, CLASSES, self.name)
