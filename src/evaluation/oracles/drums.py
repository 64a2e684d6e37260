"""The oracle of drum bars: a perceptron that hears their styles.

B bars, T steps, V voices, F features, K styles.
"""

import math

import torch
from torch import Tensor, nn

from src.data.drums.features import FEATURES, features
from src.data.spec import BAR
from src.evaluation.oracles import drum_outliers
from src.evaluation.oracles.base import Oracle

NUM_INPUTS = math.prod(BAR) + len(FEATURES)
RARE = 0.05  # added to the deviation of an input, so that a cell that is hardly ever hit stays of the order of 1
MOST_SLIPS = 0.02  # of the cells


class StyleOracle(Oracle):
    """Classifies bars by style, from their cells and their musical features, and rejects grids that are no bars."""

    name = "styles"
    version = 2

    def __init__(self, num_classes: int, num_features: int = 256):
        body = nn.Sequential(
            Description(),
            nn.BatchNorm1d(NUM_INPUTS, eps=RARE**2, affine=False),
            nn.Dropout(0.1),
            nn.Linear(NUM_INPUTS, num_features),
            nn.ReLU(),
        )
        super().__init__(body, num_features, num_classes, levels=1)

    def augmented(self, images_B1HW: Tensor) -> Tensor:
        return with_slips(images_B1HW)

    def nonsense(self, images_B1HW: Tensor, labels_B: Tensor) -> Tensor:
        return drum_outliers.mixture(images_B1HW)


class Description(nn.Module):
    """A bar [B, 1, T, V] as its cells and its musical features, [B, T · V + F]."""

    def forward(self, grids_B1TV: Tensor) -> Tensor:
        return torch.cat([grids_B1TV.flatten(1), features(grids_B1TV[:, 0])], 1)


def with_slips(grids_B1TV: Tensor) -> Tensor:
    """A few cells of each bar wrong, how many differs: too few to turn one style into another."""
    chance_B111 = MOST_SLIPS * torch.rand(len(grids_B1TV), 1, 1, 1, device=grids_B1TV.device)
    return torch.where(torch.rand_like(grids_B1TV) < chance_B111, 1 - grids_B1TV, grids_B1TV)
