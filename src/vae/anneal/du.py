"""Diverse posterior means and little certain variances.

L latent dims.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

from src.core.validation import PART
from src.vae.anneal.annealer import PerLevel
from src.vae.anneal.batch_norm_mean import BatchNormMean

SMALLEST_VARIANCE = 1 / (2 * math.pi * math.e)  # of entropy 0


class DU(BatchNormMean):
    """Batch normalisation of posterior means, dropout of variances (DU-VAE, Shen et al. 2021, arXiv:2110.12381).

    The normalisation spreads the means over the data (diverse); dropping a variance to its least value, 1/(2πe), makes
    the decoder meet certain codes (less uncertain). Unlike in `BatchNormMean` the spread of each dimension is learnt
    and only its mean square is γ². With L dimensions E[KL] ≥ L γ²/2 over a batch where that of `BatchNormMean` holds.

    Args:
        rate: share of the variances that are dropped in training.
    """

    def __init__(self, gamma: PerLevel = 0.5, rate: float = 0.2):
        super().__init__(gamma)
        self.rate = self.number("rate", rate, PART)

    def normalised(self, num_latents: int, gamma: float) -> nn.Module:
        return DiverseAndCertain(num_latents, gamma, self.rate)


class DiverseAndCertain(nn.Module):
    """Batch-normalised means of a learnt spread with a fixed mean square, and variances under dropout.

    Args:
        num_latents: L.
        spread: root mean square of the dimensions' spreads.
        rate: share of the variances that are dropped in training.
    """

    def __init__(self, num_latents: int, spread: float, rate: float):
        super().__init__()
        self.spread, self.rate = spread, rate
        self.norm = nn.BatchNorm1d(num_latents, eps=1e-8, affine=False)
        self.weight_L = nn.Parameter(torch.ones(num_latents))
        self.bias_L = nn.Parameter(torch.zeros(num_latents))

    def forward(self, mean_BL: Tensor, std_BL: Tensor) -> tuple[Tensor, Tensor]:
        spread_L = self.spread * self.weight_L / self.weight_L.square().mean().sqrt()
        normalised_BL = self.norm(mean_BL.flatten(0, -2)).view_as(mean_BL)
        variance_BL = SMALLEST_VARIANCE + dropout(std_BL.square(), self.rate, self.training)
        return spread_L * normalised_BL + self.bias_L, variance_BL.sqrt()
