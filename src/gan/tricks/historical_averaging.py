"""Historical averaging: pulls both networks towards the mean of their past weights."""

from copy import deepcopy

import torch
from torch import Tensor, nn

from src.gan.interfaces import GANInterface, Step
from src.gan.tricks.trick import Trick


class HistoricalAveraging(Trick):
    """λ ‖θ − mean of all past θ‖² for each network's weights (Salimans et al. 2016, arXiv:1606.03498, section 3.3).

    Args:
        weight: λ. The paper uses 1, in games of few dimensions; networks then hardly leave their initial weights.
    """

    copies_networks = True

    def __init__(self, weight: float = 0.01):
        super().__init__()
        self.weight = weight

    def attach(self, gan: GANInterface) -> None:
        self.mean_generator = deepcopy(gan.generator).requires_grad_(False)
        self.mean_discriminator = deepcopy(gan.discriminator).requires_grad_(False)

    def discriminator_penalty(self, step: Step) -> Tensor:
        return self.weight * _squared_distance(step.gan.discriminator, self.mean_discriminator)

    def generator_penalty(self, step: Step) -> Tensor:
        return self.weight * _squared_distance(step.gan.generator, self.mean_generator)

    @torch.no_grad()
    def after_step(self, gan: GANInterface) -> None:
        num_past = gan.steps + 1  # with the initial weights
        for network, mean in ((gan.generator, self.mean_generator), (gan.discriminator, self.mean_discriminator)):
            torch._foreach_lerp_(list(mean.parameters()), list(network.parameters()), 1 / num_past)


def _squared_distance(network: nn.Module, mean: nn.Module) -> Tensor:
    pairs = zip(network.parameters(), mean.parameters(), strict=True)
    return torch.stack([(weight - past).square().sum() for weight, past in pairs]).sum()
