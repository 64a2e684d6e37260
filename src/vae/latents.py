"""Samples of all latent levels, their posteriors, priors and KL, from the top level down.

B batch, L latent dims. Any further leading axes (importance samples) are allowed everywhere.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.distributions import Distribution, Normal, kl_divergence
from torch.nn.functional import softplus

SMALLEST_STD = 1e-3  # keeps log-densities finite when a posterior narrows
UNIT = 0.5413  # softplus(UNIT) = 1: fresh networks start at unit standard deviation


class LevelPrior(Protocol):
    """The prior of one level. A value's code is its place in coordinates in which the prior is about N(0, I)."""

    def log_prob(self, value: Tensor) -> Tensor:
        """Terms [..., L] whose sum is the log-density, one for each dimension given the preceding ones."""
        ...

    def from_noise(self, noise_BL: Tensor) -> Tensor:
        """A sample, from standard normal noise."""
        ...

    def code(self, value_BL: Tensor) -> Tensor: ...

    def from_code(self, code_BL: Tensor) -> Tensor: ...


class Gaussian(Normal):
    """Independent normal dimensions, as a posterior and as a `LevelPrior`."""

    def __getitem__(self, index: Any) -> "Gaussian":
        return normal(self.loc[index], self.scale[index])

    def from_noise(self, noise_BL: Tensor) -> Tensor:
        return self.loc + self.scale * noise_BL

    def code(self, value_BL: Tensor) -> Tensor:
        return (value_BL - self.loc) / self.scale

    from_code = from_noise

    def frame(self, other: LevelPrior) -> LevelPrior:
        """Coordinates in which the mixture of these [K, L] is about N(0, I), in place of those of another prior."""
        variance_L = self.variance.mean(0) + self.loc.var(0, correction=0)
        return normal(self.loc.mean(0), variance_L.sqrt())


def kl(posterior: Distribution, prior: Any, sample_BL: Tensor) -> Tensor:
    """KL(posterior ‖ prior) of each dimension: in closed form where there is one, else log q − log p on the sample."""
    try:
        return kl_divergence(posterior, prior)
    except NotImplementedError:
        return log_ratio(posterior, prior, sample_BL)


def log_ratio(posterior: Distribution, prior: LevelPrior, sample_BL: Tensor) -> Tensor:
    """log q − log p of each dimension."""
    return posterior.log_prob(sample_BL) - prior.log_prob(sample_BL)


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

    def over_draws(self) -> "KLs":
        """Averaged over all axes before the last two: the draws of each sample, where there are several."""
        return KLs(tuple(kl_BL if kl_BL.ndim == 2 else kl_BL.flatten(0, -3).mean(0) for kl_BL in self.levels_BL))


@dataclass(frozen=True)
class Latents:
    """A sample of each level, its posterior and its prior.

    Under bottom-up inference with a conditional prior a level depends on the sample of the level below, which its prior
    scores. The analytic KL would treat them as independent, so that of the levels in `estimated`, indices from the top,
    is log q − log p on the sample.
    """

    z: tuple[Tensor, ...]
    posteriors: tuple[Distribution, ...]
    priors: tuple[LevelPrior, ...]
    estimated: Collection[int] = ()

    def kls(self) -> KLs:
        parts = enumerate(zip(self.posteriors, self.priors, self.z, strict=True))
        return KLs(tuple((log_ratio if index in self.estimated else kl)(*part) for index, part in parts))

    def log_ratios_B(self) -> tuple[Tensor, ...]:
        """log q − log p of each level on the sample, given the levels that it is drawn after."""
        return tuple(log_ratio(*part).sum(-1) for part in zip(self.posteriors, self.priors, self.z, strict=True))

    def log_ratio_B(self) -> Tensor:
        """log q(z|x) − log p(z) on the sample, for importance weights."""
        return total(self.log_ratios_B())

    def codes(self) -> tuple[Tensor, ...]:
        """Each level in coordinates of its prior: for a Gaussian the distance from its mean in standard deviations."""
        return tuple(prior.code(z_BL) for z_BL, prior in zip(self.z, self.priors, strict=True))


def total(terms: Iterable[Tensor]) -> Tensor:
    """The sum of at least one tensor."""
    return reduce(add, terms)


def mean_and_std(parameters: Tensor) -> tuple[Tensor, Tensor]:
    """Splits a network's output [..., 2L] into mean and standard deviation [..., L], float32."""
    mean, raw = parameters.float().chunk(2, -1)
    return mean, softplus(raw + UNIT) + SMALLEST_STD


def normal(mean: Tensor, std: Tensor) -> Gaussian:
    return Gaussian(mean, std, validate_args=False)


def standard_normal(like: Tensor) -> Gaussian:
    return normal(torch.zeros_like(like), torch.ones_like(like))
