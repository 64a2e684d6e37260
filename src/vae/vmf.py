"""Top-down inference with von Mises–Fisher posteriors of the top level, on the unit sphere.

B batch, F features, L latent dims, G grid points. Any further leading axes (importance samples) are allowed everywhere.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from scipy.special import gammaln, ive
from torch import Tensor, nn
from torch.distributions import Distribution, register_kl
from torch.nn.functional import normalize

from src.core.validation import POSITIVE
from src.vae.latents import Gaussian
from src.vae.networks import TopDown

NUM_ANGLES = 8193  # of the table of quantiles


class Concentration(nn.Module):
    """What von Mises–Fisher laws of one κ in L dimensions have in common, whatever their direction.

    Attributes:
        kappa: κ.
        ln_area: ln of the area of the unit sphere.
        log_normaliser: ln of C(κ) in the density C(κ) e^{κ μ·z}.
        kl: KL to the uniform law in nats, κ A(κ) + ln C(κ) + ln area (Xu & Durrett 2018), where A(κ) is the
            expectation of μ·z.
    """

    angle_G: Tensor
    cdf_G: Tensor

    def __init__(self, kappa: float, num_latents: int):
        super().__init__()
        order = num_latents / 2 - 1
        self.kappa, self.num_latents = kappa, num_latents
        self.ln_area = math.log(2) + num_latents / 2 * math.log(math.pi) - float(gammaln(num_latents / 2))
        log_bessel = math.log(ive(order, kappa)) + kappa
        self.log_normaliser = order * math.log(kappa) - num_latents / 2 * math.log(2 * math.pi) - log_bessel
        self.expected_cosine = float(ive(order + 1, kappa) / ive(order, kappa))
        self.kl = kappa * self.expected_cosine + self.log_normaliser + self.ln_area
        # The angle θ to μ has the density e^{κ cos θ} sin^{L−2} θ.
        angle_G = np.linspace(0, math.pi, NUM_ANGLES)
        density_G = np.exp(kappa * (np.cos(angle_G) - 1)) * np.sin(angle_G) ** (num_latents - 2)
        cdf_G = np.concatenate([[0], np.cumsum((density_G[1:] + density_G[:-1]) / 2)])
        self.register_buffer("angle_G", torch.from_numpy(angle_G), persistent=False)
        self.register_buffer("cdf_G", torch.from_numpy(cdf_G / cdf_G[-1]), persistent=False)

    def angle(self, share_B: Tensor) -> Tensor:
        """The quantile of the angle for each share in [0, 1]."""
        right_B = torch.searchsorted(self.cdf_G, share_B).clamp(1, NUM_ANGLES - 1)
        low_B, high_B = self.cdf_G[right_B - 1], self.cdf_G[right_B]
        part_B = ((share_B - low_B) / (high_B - low_B).clamp(min=1e-300)).clamp(0, 1)
        return torch.lerp(self.angle_G[right_B - 1], self.angle_G[right_B], part_B)


class VonMisesFisher(Distribution):
    """The law on the unit sphere with the density C(κ) e^{κ μ·z}; its log-density is split evenly among dimensions.

    The angle to μ is drawn by the quantiles of its law, which is the same for all directions, instead of by rejection
    (Ulrich 1984, Wood 1994).

    Args:
        direction_BL: μ, of length 1.
        concentration: κ.
    """

    has_rsample = True

    def __init__(self, direction_BL: Tensor, concentration: Concentration):
        super().__init__(direction_BL.shape, validate_args=False)
        self.direction_BL, self.concentration = direction_BL, concentration

    def __getitem__(self, index: Any) -> "VonMisesFisher":
        return VonMisesFisher(self.direction_BL[index], self.concentration)

    @property
    def mean(self) -> Tensor:
        """The mean direction, on the sphere; the expectation lies inside."""
        return self.direction_BL

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        shape = self._extended_shape(torch.Size(sample_shape))
        noise_BL = torch.randn(shape, device=self.direction_BL.device)
        return self._turned(noise_BL, torch.rand_like(noise_BL[..., :1], dtype=torch.double))

    def from_noise(self, noise_BL: Tensor) -> Tensor:
        """A sample, from standard normal noise: its part along μ gives the angle, the rest the direction around μ."""
        along_B1 = (noise_BL * self.direction_BL).sum(-1, keepdim=True)
        return self._turned(noise_BL, torch.special.ndtr(along_B1.double()))

    def _turned(self, noise_BL: Tensor, share_B1: Tensor) -> Tensor:
        """μ turned towards the noise by that quantile of the angle."""
        along_B1 = (noise_BL * self.direction_BL).sum(-1, keepdim=True)
        around_BL = normalize(noise_BL - along_B1 * self.direction_BL, dim=-1)
        angle_B1 = self.concentration.angle(share_B1).to(noise_BL.dtype)
        return angle_B1.cos() * self.direction_BL + angle_B1.sin() * around_BL

    def log_prob(self, value_BL: Tensor) -> Tensor:
        law = self.concentration
        cosine_B1 = (value_BL * self.direction_BL).sum(-1, keepdim=True)
        log_density_B1 = law.log_normaliser + law.kappa * cosine_B1
        return (log_density_B1 / law.num_latents).expand(*cosine_B1.shape[:-1], law.num_latents)

    def frame(self, other: "UniformOnSphere") -> "UniformOnSphere":
        """Coordinates in which a mixture of these is about N(0, I)."""
        return other


class UniformOnSphere(Distribution):
    """The uniform law on the unit sphere, as a `LevelPrior`.

    A code is a value times √L, and any vector but 0 is the code of the point below it.
    """

    def __init__(self, like_BL: Tensor, ln_area: float):
        super().__init__(like_BL.shape, validate_args=False)
        self.ln_area = ln_area

    def log_prob(self, value: Tensor) -> Tensor:
        return torch.full_like(value, -self.ln_area / value.shape[-1])

    def from_noise(self, noise_BL: Tensor) -> Tensor:
        return normalize(noise_BL, dim=-1)

    def code(self, value_BL: Tensor) -> Tensor:
        return value_BL * math.sqrt(value_BL.shape[-1])

    from_code = from_noise


@register_kl(VonMisesFisher, UniformOnSphere)
def _kl_to_uniform(posterior: VonMisesFisher, prior: UniformOnSphere) -> Tensor:
    law = posterior.concentration
    return torch.full_like(posterior.direction_BL, law.kl / law.num_latents)


class VMF(TopDown):
    """`TopDown` inference with z_high on the unit sphere: von Mises–Fisher posteriors of one κ, a uniform prior.

    Xu & Durrett 2018, arXiv:1808.10805. The KL of the top level is a constant that κ and the dimensions set, so it
    cannot collapse to the prior. Levels below the top are as under `TopDown`.

    Args:
        kappa: κ.

    Raises:
        ValueError: κ is not above 0, or the top level has one dimension.
    """

    family = "sphere"

    def __init__(self, features: int, levels: Mapping[str, int], kappa: float = 20.0, **options: Any):
        super().__init__(features, levels, **options)
        self.number("kappa", kappa, POSITIVE)
        self.top, *_ = levels
        if levels[self.top] < 2:
            raise ValueError(f"vae.inference=vmf: a sphere needs 2 dimensions; z_{self.top} has {levels[self.top]}")
        self[self.top] = nn.Linear(features, levels[self.top])
        self.law = Concentration(kappa, levels[self.top])

    def top_prior(self, like_BL: Tensor) -> UniformOnSphere:
        return UniformOnSphere(like_BL, self.law.ln_area)

    def posterior(
        self, features: Sequence[Tensor], above: Sequence[Tensor], prior: Gaussian | None
    ) -> VonMisesFisher | Gaussian:
        if above:
            return super().posterior(features, above, prior)
        return VonMisesFisher(normalize(self[self.top](features[0]).float(), dim=-1), self.law)
