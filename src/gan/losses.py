"""Losses of the discriminator and the generator.

B batch, F features. Means are over the batch axis only, so that leading axes stay free.
"""

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

from src.core.validation import POSITIVE
from src.gan.interfaces import Loss, Step


class Standard(Loss):
    """The non-saturating loss (Goodfellow et al. 2014, arXiv:1406.2661, section 3)."""

    is_cross_entropy = True

    def discriminator(self, step: Step) -> Tensor:
        return softplus(-step.real.logits_B).mean(-1) + softplus(step.fake.logits_B).mean(-1)

    def generator(self, step: Step) -> Tensor:
        return softplus(-step.fake.logits_B).mean(-1)


class RawLogit(Standard):
    """The generator minimises the logit, not its cross-entropy (Srivastava et al. 2017, arXiv:1705.07761, algorithm 1).

    The discriminator keeps the cross-entropy, at whose optimum the logit is the log of the densities' ratio.
    """

    def generator(self, step: Step) -> Tensor:
        return -step.fake.logits_B.mean(-1)


class FeatureMatching(Standard):
    """The generator matches the mean discriminator features of real data.

    Salimans et al. 2016, arXiv:1606.03498, section 3.1. The discriminator keeps the non-saturating loss.
    """

    generator_needs_real = True
    needs_features = True

    def generator(self, step: Step) -> Tensor:
        real_F, fake_F = (side.features_BF.float().mean(-2) for side in (step.real, step.fake))
        return (fake_F - real_F.detach()).square().sum(-1)


class Minimax(Standard):
    """The original game (Goodfellow et al. 2014, arXiv:1406.2661, eq. 1): a zero-sum game of one value function.

    Its gradient vanishes where the discriminator is confident.
    """

    is_zero_sum = True

    def generator(self, step: Step) -> Tensor:
        return -softplus(step.fake.logits_B).mean(-1)


class LeastSquares(Loss):
    """Squared distances to the targets 1 and 0 (Mao et al. 2017, arXiv:1611.04076)."""

    has_zero_threshold = False

    def discriminator(self, step: Step) -> Tensor:
        return ((step.real.logits_B - 1).square() + step.fake.logits_B.square()).mean(-1) / 2

    def generator(self, step: Step) -> Tensor:
        return (step.fake.logits_B - 1).square().mean(-1) / 2


class Hinge(Loss):
    """No gradient for the discriminator beyond a margin of 1 (Lim & Ye 2017, arXiv:1705.02894; Miyato et al. 2018)."""

    def discriminator(self, step: Step) -> Tensor:
        return relu(1 - step.real.logits_B).mean(-1) + relu(1 + step.fake.logits_B).mean(-1)

    def generator(self, step: Step) -> Tensor:
        return -step.fake.logits_B.mean(-1)


class Wasserstein(Loss):
    """The Wasserstein-1 distance, if the critic's slope is at most 1 (Arjovsky et al. 2017, arXiv:1701.07875)."""

    needs_bounded_slope = True
    has_zero_threshold = False
    is_zero_sum = True

    def discriminator(self, step: Step) -> Tensor:
        return step.fake.logits_B.mean(-1) - step.real.logits_B.mean(-1)

    def generator(self, step: Step) -> Tensor:
        return -step.fake.logits_B.mean(-1)


class Relativistic(Loss):
    """Each fake image against one real image: RpGAN (Jolicoeur-Martineau 2019, arXiv:1807.00734).

    With it no local optimum leaves out modes (Sun et al. 2020, arXiv:2011.04926).
    """

    generator_needs_real = True
    pairs_samples = True
    has_zero_threshold = False

    def discriminator(self, step: Step) -> Tensor:
        return softplus(step.fake.logits_B - step.real.logits_B).mean(-1)

    def generator(self, step: Step) -> Tensor:
        return softplus(step.real.logits_B - step.fake.logits_B).mean(-1)


class RelativisticAverage(Loss):
    """Each image against the average of the other kind (Jolicoeur-Martineau 2019, arXiv:1807.00734)."""

    generator_needs_real = True
    has_zero_threshold = False

    def discriminator(self, step: Step) -> Tensor:
        real_B, fake_B = self._relative(step)
        return (softplus(-real_B).mean(-1) + softplus(fake_B).mean(-1)) / 2

    def generator(self, step: Step) -> Tensor:
        real_B, fake_B = self._relative(step)
        return (softplus(real_B).mean(-1) + softplus(-fake_B).mean(-1)) / 2

    def _relative(self, step: Step) -> tuple[Tensor, Tensor]:
        real_B, fake_B = step.real.logits_B, step.fake.logits_B
        return real_B - fake_B.mean(-1, keepdim=True), fake_B - real_B.mean(-1, keepdim=True)


class KL(Loss):
    """The Kullback–Leibler divergence of the generated distribution from the data's, which punishes missing modes.

    Nguyen et al. 2017, arXiv:1709.03831, with β 0: D = softplus(logit) minimises E D(G(z)) − α E log D(x), whose
    optimum is α times the densities' ratio; the generator minimises −E D(G(z)). gan.tricks=d2gan adds their other half.

    Args:
        alpha: α, the divergence's weight; 1 in the authors' code for points.
    """

    has_zero_threshold = False
    is_zero_sum = True

    def __init__(self, alpha: float = 1.0):
        self.alpha = self.number("alpha", alpha, POSITIVE)

    def discriminator(self, step: Step) -> Tensor:
        real_B, fake_B = log_softplus(step.real.logits_B), softplus(step.fake.logits_B)
        return fake_B.mean(-1) - self.alpha * real_B.mean(-1)

    def generator(self, step: Step) -> Tensor:
        return -softplus(step.fake.logits_B).mean(-1)


def log_softplus(x: Tensor) -> Tensor:
    """log(log(1 + exp x)), which is x where exp x vanishes."""
    return torch.where(x < -15, x, softplus(x.clamp_min(-15)).log())
