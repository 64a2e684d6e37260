"""Spectral normalisation: bounds the Lipschitz constant of every layer of the discriminator by about one."""

from torch import nn
from torch.nn.utils import parametrizations

from src.gan.interfaces import GANInterface
from src.gan.tricks.trick import Trick
from src.gan.tricks.weight_clipping import WeightClipping

NORMALISATIONS = (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm)


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
        layers = list(gan.discriminator.modules())
        if gan.loss.needs_bounded_slope and any(isinstance(layer, NORMALISATIONS) for layer in layers):
            raise ValueError(
                "gan.tricks=spectral_norm bounds the slope of a discriminator without other normalisation only: choose "
                "gan.discriminator.norm=none, or another loss"
            )
        for layer in layers:
            if isinstance(layer, nn.Linear | nn.Conv2d):
                if not layer.weight.any():
                    raise ValueError(
                        "gan.tricks=spectral_norm divides by a norm, but this discriminator has layers that start from "
                        "zero: choose gan.network=dcgan"
                    )
                parametrizations.spectral_norm(layer, n_power_iterations=1)
