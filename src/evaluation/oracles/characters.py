"""The oracle of images: a small convolutional network.

B batch, C channels, H height, W width, K classes, F features.
"""

import torch
from torch import nn

from src.evaluation.oracles.augmentation import augment
from src.evaluation.oracles.base import Oracle
from src.evaluation.oracles.outliers import mixture

POOLED = 7  # rows and columns at most before the linear layer, for 28×28 without any pooling
NUM_FEATURES = 128
LARGE = 48  # pixels a side, from which on the first layer has twice the stride


class CharacterOracle(Oracle):
    """Classifies images of characters, or colour images, which it takes as they are: nothing in them is ink.

    Strided, since on a CPU the two layers at half resolution take most of the time.

    Args:
        large: whether images have `LARGE` or more pixels a side.
    """

    augment = staticmethod(augment)
    outliers = staticmethod(mixture)

    def __init__(
        self,
        num_classes: int,
        levels: int = 255,
        dark_ink: bool = False,
        colour: bool = False,
        large: bool = False,
    ):
        self.name, self.version = ("colours", 2) if colour else ("characters", 3)
        width, channels = (24, 3) if colour else (16, 1)
        body = nn.Sequential(
            *_convolution(channels, width, kernel=5, stride=4 if large else 2),
            *_convolution(width, width),
            *_convolution(width, 2 * width, stride=2),
            *_convolution(2 * width, 2 * width),
            nn.AdaptiveAvgPool2d(POOLED),
            nn.Flatten(),
            nn.Dropout(0.2),
            nn.Linear(2 * width * POOLED**2, NUM_FEATURES),
            nn.BatchNorm1d(NUM_FEATURES),
            nn.ReLU(),
        )
        super().__init__(body, NUM_FEATURES, num_classes, levels, dark_ink, channels)
        self.to(memory_format=torch.channels_last)  # a quarter faster on a processor


def _convolution(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]
