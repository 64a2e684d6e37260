"""Posteriors that keep a distance from the prior: batch-normalised means, committed rates.

L latent dims.
"""

import math

import torch
from scipy.special import lambertw
from torch import Tensor, nn
from torch.nn.functional import dropout

from src.core.validation import PART, POSITIVE
from src.vae.anneal.annealer import Annealer, PerLevel
from src.vae.interfaces import VAEInterface
from src.vae.networks import BottomUp, Ladder, TopDown

SMALLEST_VARIANCE = 1 / (2 * math.pi * math.e)  # of entropy 0
EPSILON = 1e-6  # keeps the gradient of the square root finite


class BatchNormMean(Annealer):
    """Posterior means are batch-normalised to the standard deviation γ (Zhu et al. 2020, arXiv:2004.12585).

    With L dimensions E[KL] ≥ L γ²/2 over a batch, so the level cannot collapse. γ is fixed, the shift is learnt. Under
    top-down inference the mean of a level below the top is relative to its prior's; under bottom-up inference with a
    conditional prior it is not, and the bound does not hold. Nor does it under `iaf`, which can move the means back, or
    on a level whose prior is `flow` or `ar1`, which can follow them.

    Args:
        gamma: γ of each level.
    """

    def __init__(self, gamma: PerLevel = 0.7):
        super().__init__()
        self.gamma = self.levels("gamma", gamma, POSITIVE)

    def attach(self, vae: VAEInterface) -> None:
        super().attach(vae)
        if isinstance(vae.inference, Ladder):
            raise ValueError(f"{self.key}: a prior pulls at the means of vae.inference=ladder; choose top_down")
        if vae.inference.family == "sphere":
            raise ValueError(f"{self.key}: vae.inference=vmf keeps its means on a sphere; choose top_down")
        if vae.prior.of_posteriors:
            raise ValueError(
                f"{self.key}: over a batch of pseudo-inputs the posteriors of vae.prior=vamp would be others than over "
                "one of samples; choose vae.prior=conditional"
            )
        for (level, size), gamma in zip(vae.levels.items(), self.of_levels(self.gamma), strict=True):
            vae.inference[f"scale_{level}"] = self.normalised(size, gamma)

    def normalised(self, num_latents: int, gamma: float) -> nn.Module:
        """Normalises the means of a level with so many dimensions."""
        return FixedSpread(num_latents, gamma)


class FixedSpread(nn.BatchNorm1d):
    """Batch normalisation of means [..., L] to one fixed standard deviation and a learnt mean.

    Args:
        num_latents: L.
        spread: the standard deviation.
    """

    def __init__(self, num_latents: int, spread: float):
        super().__init__(num_latents, eps=1e-8)  # the usual 1e-5 would void the bound as the means' spread shrinks
        self.weight.requires_grad_(False).fill_(spread)

    def forward(self, mean: Tensor, std: Tensor) -> tuple[Tensor, Tensor]:
        return super().forward(mean.flatten(0, -2)).view_as(mean), std


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


class Delta(Annealer):
    """Each dimension's KL is at least δ, whatever the encoder says (δ-VAE, Razavi et al. 2019, arXiv:1901.03416).

    The family for independent dimensions: σ lies between the roots σ_l, σ_u of ln σ² − σ² + 2δ + 1 = 0,
    and μ² = 2δ + 1 + ln σ² − σ² + max(0, m), so that KL = δ + max(0, m)/2 for the network's output m. All means are
    positive. The rate is committed, not information: posteriors may all have the same mean. Under bottom-up inference
    with a conditional prior, and on the top level under a learnt one, there is no such family.

    Args:
        nats: δ of each dimension, of each level.
    """

    def __init__(self, nats: PerLevel = 0.15):
        super().__init__()
        self.nats = self.levels("nats", nats, POSITIVE)

    def attach(self, vae: VAEInterface) -> None:
        super().attach(vae)
        if not vae.prior.independent:
            raise ValueError(
                f"{self.key}: a distance from independent normal dimensions is none from this prior; choose "
                "vae.prior=conditional or standard"
            )
        top_down = type(vae.inference) is TopDown
        if not (top_down or (isinstance(vae.inference, BottomUp) and not vae.prior.conditional)):
            raise ValueError(
                f"{self.key}: it needs normal posteriors relative to their priors; choose "
                "vae.inference=top_down, or bottom_up with vae.prior=standard"
            )
        for level, nats in zip(vae.levels, self.of_levels(self.nats), strict=True):
            vae.inference[f"scale_{level}"] = CommittedRate(nats)


class CommittedRate(nn.Module):
    """Mean and standard deviation [..., L] of which KL(N(μ, σ²) ‖ N(0, 1)) = δ + max(0, m)/2.

    Args:
        nats: δ.
    """

    def __init__(self, nats: float):
        super().__init__()
        self.nats = nats
        self.smallest, self.largest = (
            math.sqrt(-lambertw(-math.exp(-2 * nats - 1), branch).real) for branch in (0, -1)
        )

    def forward(self, mean_BL: Tensor, std_BL: Tensor) -> tuple[Tensor, Tensor]:
        # The sigmoid of ln std: in the middle for a fresh network.
        std_BL = self.smallest + (self.largest - self.smallest) * std_BL / (1 + std_BL)
        offset_BL = 2 * self.nats + 1 + 2 * std_BL.log() - std_BL.square()
        return (offset_BL.clamp(min=0) + mean_BL.relu() + EPSILON).sqrt(), std_BL
