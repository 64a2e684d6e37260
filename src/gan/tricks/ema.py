"""EMA: samples come from a moving average of the generator's weights."""

from copy import deepcopy

import torch
from torch import nn

from src.core.validation import POSITIVE
from src.gan.interfaces import GANInterface
from src.gan.tricks.trick import Trick
from src.training.networks import float_state


class EMA(Trick):
    """Exponential moving average of the generator's weights, evaluated in their place (Yazıcı et al. 2019).

    arXiv:1806.04498. The half-life counts images, whatever the batch size, and is at most `ramp` times the images
    seen, so that the initial weights are soon forgotten (Karras et al. 2020, arXiv:2006.06676). Normalisation
    statistics are averaged as well.

    Args:
        half_life: images after which the influence of a weight on the average has halved.
        ramp: upper bound on the half-life as a share of the images seen so far.
    """

    copies_networks = True

    def __init__(self, half_life: float = 10_000, ramp: float = 0.05):
        super().__init__()
        self.half_life = self.number("half_life", half_life, POSITIVE)
        self.ramp = self.number("ramp", ramp, POSITIVE)

    def attach(self, gan: GANInterface) -> None:
        self.average = deepcopy(gan.generator).requires_grad_(False)

    @torch.no_grad()
    def after_step(self, gan: GANInterface) -> None:
        half_life = min(self.half_life, self.ramp * gan.images_seen)
        step_weight = 1 - 0.5 ** (gan.batch_images / half_life)
        torch._foreach_lerp_(float_state(self.average), float_state(gan.current_generator), step_weight)

    def evaluated_generator(self, generator: nn.Module) -> nn.Module:
        return self.average
