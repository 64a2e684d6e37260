"""Samples of both latent levels, their posteriors, priors and KL.

B batch, L latent dims. Any further leading axes (importance samples) are allowed everywhere.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence
from torch.nn.functional import softplus

LEVELS = ("high", "low")
SMALLEST_STD = 1e-3  # keeps log-densities finite when a posterior narrows
UNIT = 0.5413  # softplus(UNIT) = 1: fresh networks start at unit standard deviation


@dataclass(frozen=True)
class KLs:
    """KL from posterior to prior of each sample and dimension, in nats, neither weighted nor clamped."""

    high_BL: Tensor
    low_BL: Tensor

    @property
    def levels_B(self) -> tuple[Tensor, Tensor]:
        """KL of each level and sample."""
        return self.high_BL.sum(-1), self.low_BL.sum(-1)

    def detach(self) -> "KLs":
        return KLs(self.high_BL.detach(), self.low_BL.detach())

    def over_draws(self) -> "KLs":
        """Averaged over all axes before the last two: the draws of each sample, where there are several."""
        return KLs(
            *(kl_BL if kl_BL.ndim == 2 else kl_BL.flatten(0, -3).mean(0) for kl_BL in (self.high_BL, self.low_BL))
        )


@dataclass(frozen=True)
class Latents:
    """A sample of both levels, its posteriors and its priors.

    Under bottom-up inference with a conditional prior, z_high depends on the z_low that p(z_low|z_high) scores. The
    analytic KL of the low level would treat them as independent, so with `low_is_sampled` its KL is estimated as
    log q(z_low|x) − log p(z_low|z_high) on the same sample.
    """

    high_BL: Tensor
    low_BL: Tensor
    posterior_high: Normal
    posterior_low: Normal
    prior_low: Normal
    low_is_sampled: bool = False

    @property
    def prior_high(self) -> Normal:
        return standard_normal(self.high_BL)

    def kls(self) -> KLs:
        if self.low_is_sampled:
            low_BL = self.posterior_low.log_prob(self.low_BL) - self.prior_low.log_prob(self.low_BL)
        else:
            low_BL = kl_divergence(self.posterior_low, self.prior_low)
        return KLs(kl_divergence(self.posterior_high, self.prior_high), low_BL)

    def log_ratios_B(self) -> tuple[Tensor, Tensor]:
        """log q − log p of each level on the sample, given the level that it is drawn after."""
        high_BL = self.posterior_high.log_prob(self.high_BL) - self.prior_high.log_prob(self.high_BL)
        low_BL = self.posterior_low.log_prob(self.low_BL) - self.prior_low.log_prob(self.low_BL)
        return high_BL.sum(-1), low_BL.sum(-1)

    def log_ratio_B(self) -> Tensor:
        """log q(z_high, z_low|x) − log p(z_high, z_low) on the sample, for importance weights."""
        high_B, low_B = self.log_ratios_B()
        return high_B + low_B


def mean_and_std(parameters: Tensor) -> tuple[Tensor, Tensor]:
    """Splits a network's output [..., 2L] into mean and standard deviation [..., L], float32."""
    mean, raw = parameters.float().chunk(2, -1)
    return mean, softplus(raw + UNIT) + SMALLEST_STD


def normal(mean: Tensor, std: Tensor) -> Normal:
    return Normal(mean, std, validate_args=False)


def standard_normal(like: Tensor) -> Normal:
    return normal(torch.zeros_like(like), torch.ones_like(like))
