"""The two sides of the game: what the discriminator and the generator minimise.

B batch, F features. Means are over the batch axis only, so that leading axes stay free.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor
from torch.nn.functional import relu, softplus

from src.gan.step import Step


class Loss(ABC):
    """Both sides see real and fake, because relativistic losses and feature matching need both."""

    pairs_samples: ClassVar[bool] = False
    """Each fake image is compared with one real image."""

    needs_bounded_slope: ClassVar[bool] = False
    """It means a distance only if a trick bounds the discriminator's slope."""

    is_cross_entropy: ClassVar[bool] = False
    """The discriminator minimises the cross-entropy of σ(logit) against the targets 1 and 0."""

    splits_at_zero: ClassVar[bool] = True
    """A logit above 0 calls an image real."""

    is_zero_sum: ClassVar[bool] = False
    """The generator maximises the discriminator's loss; the part that it cannot change is left out."""

    @abstractmethod
    def discriminator(self, step: Step) -> Tensor:
        """What the discriminator minimises; the fake images are detached from the generator."""

    @abstractmethod
    def generator(self, step: Step) -> Tensor:
        """What the generator minimises; the discriminator stands still."""


class Standard(Loss):
    """The non-saturating loss (Goodfellow et al. 2014, arXiv:1406.2661, section 3)."""

    is_cross_entropy = True

    def discriminator(self, step: Step) -> Tensor:
        return softplus(-step.real.logits_B).mean(-1) + softplus(step.fake.logits_B).mean(-1)

    def generator(self, step: Step) -> Tensor:
        return softplus(-step.fake.logits_B).mean(-1)


class FeatureMatching(Standard):
    """The generator matches the mean discriminator features of real data.

    Salimans et al. 2016, arXiv:1606.03498, section 3.1. The discriminator keeps the non-saturating loss.
    """

    def generator(self, step: Step) -> Tensor:
        real_F, fake_F = (side.features_BF.float().mean(-2) for side in (step.real, step.fake))
        return (fake_F - real_F.detach()).square().sum(-1)


class Minimax(Standard):
    """The original game (Goodfellow et al. 2014, arXiv:1406.2661, eq. 1): the generator maximises the other's loss.

    Its gradient vanishes where the discriminator is sure.
    """

    is_zero_sum = True

    def generator(self, step: Step) -> Tensor:
        return -softplus(step.fake.logits_B).mean(-1)


class LeastSquares(Loss):
    """Squared distances to the targets 1 and 0 (Mao et al. 2017, arXiv:1611.04076, eq. 9)."""

    splits_at_zero = False

    def discriminator(self, step: Step) -> Tensor:
        return ((step.real.logits_B - 1).square() + step.fake.logits_B.square()).mean(-1) / 2

    def generator(self, step: Step) -> Tensor:
        return (step.fake.logits_B - 1).square().mean(-1) / 2


class Hinge(Loss):
    """The discriminator stops caring beyond a margin of 1 (Lim & Ye 2017, arXiv:1705.02894; Miyato et al. 2018)."""

    def discriminator(self, step: Step) -> Tensor:
        return relu(1 - step.real.logits_B).mean(-1) + relu(1 + step.fake.logits_B).mean(-1)

    def generator(self, step: Step) -> Tensor:
        return -step.fake.logits_B.mean(-1)


class Wasserstein(Loss):
    """The Wasserstein-1 distance, if the critic's slope is at most 1 (Arjovsky et al. 2017, arXiv:1701.07875)."""

    needs_bounded_slope = True
    splits_at_zero = False
    is_zero_sum = True

    def discriminator(self, step: Step) -> Tensor:
        return step.fake.logits_B.mean(-1) - step.real.logits_B.mean(-1)

    def generator(self, step: Step) -> Tensor:
        return -step.fake.logits_B.mean(-1)


class Relativistic(Loss):
    """Each fake image against one real image: RpGAN (Jolicoeur-Martineau 2019, arXiv:1807.00734, section 4.1).

    With it every mode missed costs the generator something (Sun et al. 2020, arXiv:2011.04926).
    """

    pairs_samples = True
    splits_at_zero = False

    def discriminator(self, step: Step) -> Tensor:
        return softplus(step.fake.logits_B - step.real.logits_B).mean(-1)

    def generator(self, step: Step) -> Tensor:
        return softplus(step.real.logits_B - step.fake.logits_B).mean(-1)


class RelativisticAverage(Loss):
    """Each image against the average of the other kind (Jolicoeur-Martineau 2019, arXiv:1807.00734, section 4.2)."""

    splits_at_zero = False

    def discriminator(self, step: Step) -> Tensor:
        real_B, fake_B = self._relative(step)
        return (softplus(-real_B).mean(-1) + softplus(fake_B).mean(-1)) / 2

    def generator(self, step: Step) -> Tensor:
        real_B, fake_B = self._relative(step)
        return (softplus(real_B).mean(-1) + softplus(-fake_B).mean(-1)) / 2

    def _relative(self, step: Step) -> tuple[Tensor, Tensor]:
        real_B, fake_B = step.real.logits_B, step.fake.logits_B
        return real_B - fake_B.mean(-1, keepdim=True), fake_B - real_B.mean(-1, keepdim=True)
