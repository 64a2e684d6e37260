"""Weight clipping: bounds the critic's slope by bounding its weights."""

from itertools import chain

import torch

from src.core.validation import POSITIVE
from src.gan.interfaces import GANInterface, Step
from src.gan.tricks.trick import Trick


class WeightClipping(Trick):
    """Clamps the discriminator's weights to [−c, c] after each update (Arjovsky et al. 2017, arXiv:1701.07875).

    Weights that other tricks add to the discriminator are included. So is, as in the authors' code, the scale of a
    normalisation; this bounds the layer's slope by c / √ε, with ε as added to the variance.

    Args:
        bound: c.
    """

    bounds_slope = True

    def __init__(self, bound: float = 0.01):
        super().__init__()
        self.bound = self.number("bound", bound, POSITIVE)

    @torch.no_grad()
    def after_discriminator(self, gan: GANInterface, step: Step) -> None:
        others = [trick.extra_parameters()[1] for trick in gan.tricks.values()]
        for weight in chain(gan.discriminator.parameters(), *others):
            weight.clamp_(-self.bound, self.bound)
