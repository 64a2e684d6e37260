"""Posteriors that keep a distance from the prior.

L latent dims.
"""

import math

from scipy.special import lambertw
from torch import Tensor, nn

from src.core.validation import POSITIVE
from src.vae.anneal.annealer import Annealer, PerLevel
from src.vae.interfaces import VAEInterface
from src.vae.networks import BottomUp, TopDown

EPSILON = 1e-6  # keeps the gradient of the square root finite


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
