"""Samples of all latent levels, their posteriors, priors and KL, from the top level down.

B batch, L latent dims. Any further leading axes (importance samples) are allowed everywhere.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import reduce
from operator import add

import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence
from torch.nn.functional import softplus

SMALLEST_STD = 1e-3  # keeps log-densities finite when a posterior narrows
UNIT = 0.5413  # softplus(UNIT) = 1: fresh networks start at unit standard deviation


@dataclass(frozen=True)
class KLs:
    """KL from posterior to prior of each level, sample and dimension, in nats, neither weighted nor clamped."""

    levels_BL: tuple[Tensor, ...]

    @property
    def levels_B(self) -> tuple[Tensor, ...]:
        """KL of each level and sample."""
        return tuple(kl_BL.sum(-1) for kl_BL in self.levels_BL)

    def detach(self) -> "KLs":
        return KLs(tuple(kl_BL.detach() for kl_BL in self.levels_BL))


@dataclass(frozen=True)
class Latents:
    """A sample of each level, its posterior and its prior.

    Under bottom-up inference with a conditional prior a level depends on the sample of the level below, which its prior
    scores. The analytic KL would treat them as independent, so that of the levels in `estimated`, indices from the top,
    is log q − log p on the sample.
    """

    z: tuple[Tensor, ...]
    posteriors: tuple[Normal, ...]
    priors: tuple[Normal, ...]
    estimated: Collection[int] = ()

    def kls(self) -> KLs:
        parts = zip(self.z, self.posteriors, self.priors, strict=True)
        return KLs(
            tuple(
                posterior.log_prob(z_BL) - prior.log_prob(z_BL)
                if index in self.estimated
                else kl_divergence(posterior, prior)
                for index, (z_BL, posterior, prior) in enumerate(parts)
            )
        )

    def log_ratio_B(self) -> Tensor:
        """log q(z|x) − log p(z) on the sample, for importance weights."""
        parts = zip(self.z, self.posteriors, self.priors, strict=True)
        return total((posterior.log_prob(z_BL) - prior.log_prob(z_BL)).sum(-1) for z_BL, posterior, prior in parts)

    def codes(self) -> tuple[Tensor, ...]:
        """The top level as it is, of each other level its distance from the prior's mean in standard deviations."""
        below = zip(self.z[1:], self.priors[1:], strict=True)
        return self.z[0], *((z_BL - prior.mean) / prior.stddev for z_BL, prior in below)


def total(terms: Iterable[Tensor]) -> Tensor:
    """The sum of at least one tensor."""
    return reduce(add, terms)


def mean_and_std(parameters: Tensor) -> tuple[Tensor, Tensor]:
    """Splits a network's output [..., 2L] into mean and standard deviation [..., L], float32."""
    mean, raw = parameters.float().chunk(2, -1)
    return mean, softplus(raw + UNIT) + SMALLEST_STD


def normal(mean: Tensor, std: Tensor) -> Normal:
    return Normal(mean, std, validate_args=False)


def standard_normal(like: Tensor) -> Normal:
    return normal(torch.zeros_like(like), torch.ones_like(like))
