"""The oracle of characters: a small convolutional network that has seen them warped.

B batch, H height, W width, K classes, F features.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from src.oracles import outliers
from src.oracles.oracle import Oracle


class CharacterOracle(Oracle):
    """Tells characters apart, and from pictures that are none."""

    def __init__(
        self, num_classes: int, levels: int = 255, dark_ink: bool = False, width: int = 32, num_features: int = 128
    ):
        body = nn.Sequential(
            *_convolution(1, width, kernel=5, stride=2),
            *_convolution(width, width),
            *_convolution(width, 2 * width, stride=2),
            *_convolution(2 * width, 2 * width),
            nn.AdaptiveAvgPool2d(3),
            nn.Flatten(),
            nn.Dropout(0.2),
            nn.Linear(18 * width, num_features),
            nn.BatchNorm1d(num_features),
            nn.ReLU(),
        )
        super().__init__(body, num_features, num_classes, levels, dark_ink)

    def varied(self, images_B1HW: Tensor) -> Tensor:
        return warped(images_B1HW)

    def nonsense(self, images_B1HW: Tensor) -> Tensor:
        return outliers.mixture(images_B1HW)


def warped(images_B1HW: Tensor) -> Tensor:
    """Slightly rotated, scaled, slanted and shifted, each image in its own way."""
    batch = len(images_B1HW)

    def uniform(bound: float) -> Tensor:
        return (torch.rand(batch, device=images_B1HW.device) * 2 - 1) * bound

    angle = uniform(0.2)
    row_x = [(1 + uniform(0.12)) * angle.cos(), uniform(0.2) - angle.sin(), uniform(0.12)]
    row_y = [angle.sin(), (1 + uniform(0.12)) * angle.cos(), uniform(0.12)]
    affine_B23 = torch.stack([torch.stack(row_x, 1), torch.stack(row_y, 1)], 1)
    grid = F.affine_grid(affine_B23, list(images_B1HW.shape), align_corners=False)
    return F.grid_sample(images_B1HW, grid, align_corners=False)


def _convolution(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]
