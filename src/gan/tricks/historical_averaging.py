"""Historical averaging: both players are drawn towards the mean of where they have been."""

from copy import deepcopy
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from src.gan.step import Step
from src.gan.tricks.trick import Trick

if TYPE_CHECKING:
    from src.gan.module import GAN


class HistoricalAveraging(Trick):
    """λ ‖θ − mean of all past θ‖² for each player's own weights (Salimans et al. 2016, arXiv:1606.03498, section 3.3).

    Args:
        weight: λ. The paper writes none, for games of few dimensions; at 1 networks hardly leave their initial weights.
    """

    copies_networks = True

    def __init__(self, weight: float = 0.01):
        super().__init__()
        self.weight = weight

    def attach(self, gan: "GAN") -> None:
        self.mean_generator = deepcopy(gan.generator).requires_grad_(False)
        self.mean_discriminator = deepcopy(gan.discriminator).requires_grad_(False)

    def discriminator_term(self, step: Step) -> Tensor:
        return self.weight * _squared_distance(step.gan.discriminator, self.mean_discriminator)

    def generator_term(self, step: Step) -> Tensor:
        return self.weight * _squared_distance(step.gan.generator, self.mean_generator)

    @torch.no_grad()
    def after_step(self, gan: "GAN") -> None:
        num_past = gan.steps + 1  # the initial weights are the first of them
        for network, mean in ((gan.generator, self.mean_generator), (gan.discriminator, self.mean_discriminator)):
            torch._foreach_lerp_(list(mean.parameters()), list(network.parameters()), 1 / num_past)


def _squared_distance(network: nn.Module, mean: nn.Module) -> Tensor:
    pairs = zip(network.parameters(), mean.parameters(), strict=True)
    return torch.stack([(weight - past).square().sum() for weight, past in pairs]).sum()
