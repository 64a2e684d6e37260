"""The oracle of drum bars: a perceptron that classifies their styles.

B bars, T steps, V voices, F features, K styles.
"""

from hashlib import sha256

import torch
from torch import Tensor, nn

from src.data.drums.features import STANDARD, Features
from src.data.voices import VOICES, Kit, roles_of
from src.evaluation.oracles import drum_outliers
from src.evaluation.oracles.augmentation import per_image
from src.evaluation.oracles.base import Oracle

USUAL = (VOICES.steps_per_beat, 16, {role: role for role in range(len(VOICES))})  # what version 2 assumes
RARE = 0.05  # added to the standard deviations of inputs, so that those of rare hits do not become large
MAX_SLIPS = 0.02  # share of the cells


class StyleOracle(Oracle):
    """Classifies bars by style from their cells and musical features, and rejects outliers."""

    name = "styles"
    version = 2

    def __init__(self, num_classes: int, kit: Kit = VOICES, num_steps: int = 16, num_features: int = 256):
        if (kit.steps_per_beat, num_steps, roles_of(kit)) != USUAL:
            self.version = 3
            parts = repr((kit.steps_per_beat, sorted(roles_of(kit).items())))
            self.variant = f"-{sha256(parts.encode()).hexdigest()[:6]}"
        description = Description(Features(kit, num_steps))
        num_inputs = num_steps * len(kit) + len(description.measure.names)
        body = nn.Sequential(
            description,
            nn.BatchNorm1d(num_inputs, eps=RARE**2, affine=False),
            nn.Dropout(0.1),
            nn.Linear(num_inputs, num_features),
            nn.ReLU(),
        )
        super().__init__(body, num_features, num_classes, levels=1)

    def augment(self, images_B1HW: Tensor) -> Tensor:
        return with_slips(images_B1HW)

    def outliers(self, images_B1HW: Tensor, labels_B: Tensor) -> Tensor:
        return drum_outliers.mixture(images_B1HW)


class Description(nn.Module):
    """A bar [B, 1, T, V] as its cells and its musical features, [B, T · V + F]."""

    def __init__(self, measure: Features = STANDARD):
        super().__init__()
        self.measure = measure

    def forward(self, grids_B1TV: Tensor) -> Tensor:
        return torch.cat([grids_B1TV.flatten(1), self.measure(grids_B1TV[:, 0])], 1)


def with_slips(grids_B1TV: Tensor) -> Tensor:
    """Flips up to 2 % of the cells, a random share per bar, too few to change the style."""
    chance_B111 = MAX_SLIPS * per_image(grids_B1TV)
    return torch.where(torch.rand_like(grids_B1TV) < chance_B111, 1 - grids_B1TV, grids_B1TV)
