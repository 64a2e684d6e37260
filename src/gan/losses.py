"""The two sides of the game: what the discriminator and the generator minimise.

B batch, F features. Means are over the batch axis only, so that leading axes stay free.
"""

from abc import ABC, abstractmethod

from torch import Tensor
from torch.nn.functional import softplus

from src.gan.step import Step


class Loss(ABC):
    """Both sides see real and fake, because relativistic losses and feature matching need both."""

    @abstractmethod
    def discriminator(self, step: Step) -> Tensor:
        """What the discriminator minimises; the fake images are detached from the generator."""

    @abstractmethod
    def generator(self, step: Step) -> Tensor:
        """What the generator minimises; the discriminator stands still."""


class Standard(Loss):
    """The non-saturating loss (Goodfellow et al. 2014, arXiv:1406.2661, section 3)."""

    def discriminator(self, step: Step) -> Tensor:
        return softplus(-step.real.logits_B).mean(-1) + softplus(step.fake.logits_B).mean(-1)

    def generator(self, step: Step) -> Tensor:
        return softplus(-step.fake.logits_B).mean(-1)


class FeatureMatching(Standard):
    """The generator matches the mean discriminator features of real data.

    Salimans et al. 2016, arXiv:1606.03498, section 3.1. The discriminator keeps the non-saturating loss.
    """

    def generator(self, step: Step) -> Tensor:
        gap_F = step.fake.features_BF.mean(-2) - step.real.features_BF.detach().mean(-2)
        return gap_F.square().sum(-1)
