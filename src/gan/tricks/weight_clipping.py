"""Weight clipping: the first way to keep a critic's slope bounded."""

from itertools import chain
from typing import TYPE_CHECKING

import torch

from src.core.validation import POSITIVE
from src.gan.step import Step
from src.gan.tricks.trick import Trick

if TYPE_CHECKING:
    from src.gan.module import GAN


class WeightClipping(Trick):
    """The discriminator's weights are clamped to [−c, c] after each update (Arjovsky et al. 2017, arXiv:1701.07875).

    So are those that other tricks add to it. As in the authors' code, whose critic normalises by batch, the scale of a
    normalisation is a weight like others: clamped, it bounds the layer's slope by c / √ε, where ε is what is added to
    the variance.

    Args:
        bound: c.
    """

    bounds_slope = True

    def __init__(self, bound: float = 0.01):
        super().__init__()
        POSITIVE.check("gan.tricks.weight_clipping.bound", bound)
        self.bound = bound

    @torch.no_grad()
    def after_discriminator(self, gan: "GAN", step: Step) -> None:
        others = [trick.discriminator_parameters() for trick in gan.tricks.values()]
        for weight in chain(gan.discriminator.parameters(), *others):
            weight.clamp_(-self.bound, self.bound)
