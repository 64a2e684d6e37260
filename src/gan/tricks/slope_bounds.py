"""Bounds of the discriminator's slope by its weights: clipped, or divided by their spectral norm."""

from itertools import chain

import torch
from torch import nn
from torch.nn.utils import parametrizations

from src.core.validation import POSITIVE
from src.gan.interfaces import GANInterface, Step
from src.gan.tricks.trick import Trick

NORMALISATIONS = (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm)


def bounded(gan: GANInterface) -> list[nn.Module]:
    """The discriminator's layers, but for those that make inputs of labels: a slope is with respect to images."""
    inputs = {*gan.discriminator.labels.modules()} if gan.labels_are_inputs else set()
    return [layer for layer in gan.discriminator.modules() if layer not in inputs]


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
        own = (weight for layer in bounded(gan) for weight in layer.parameters(recurse=False))
        for weight in chain(own, *others):
            weight.clamp_(-self.bound, self.bound)


class SpectralNorm(Trick):
    """Divides each layer's weights by their largest singular value (Miyato et al. 2018, arXiv:1802.05957).

    One power iteration per forward pass in training. The optimizer and the checkpoint hold the weights before the
    division.
    """

    bounds_slope = True

    def attach(self, gan: GANInterface) -> None:
        for name, trick in gan.tricks.items():
            if isinstance(trick, WeightClipping):
                raise ValueError(
                    f"gan.tricks={name} clips weights whose size gan.tricks=spectral_norm divides out again: choose "
                    "one of them"
                )
        layers = bounded(gan)
        if gan.loss.needs_bounded_slope and any(isinstance(layer, NORMALISATIONS) for layer in layers):
            raise ValueError(
                f"{self} bounds the slope of a discriminator without other normalisation only: choose "
                "gan.discriminator.norm=none, or another loss"
            )
        for layer in layers:
            if isinstance(layer, nn.Linear | nn.Conv2d):
                if not layer.weight.any():
                    raise ValueError(
                        f"{self} divides by a norm, but this discriminator has layers that start from "
                        "zero: choose gan.network=dcgan"
                    )
                parametrizations.spectral_norm(layer, n_power_iterations=1)
