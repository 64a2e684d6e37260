"""Encoders and decoders of one's own: any module from cells to features, and from latents to their likelihood.

B batch, T steps, V voices (cells of a step), P parameters of a cell's likelihood, X = V · P, F features, Z latent dims
that the decoder receives, C channels, H height, W width.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from src.training.networks import build, described, name_of, trial
from src.vae.decoders import AsCells, Decoder, Parallel
from src.vae.likelihoods import Likelihood

ENCODER, DECODER = "vae.encoder", "vae.decoder"


class OwnEncoder(nn.Module):
    """A module from cells [B, T, V] in [0, 1] to features [B, …]."""

    def __init__(self, network: nn.Module, num_features: int):
        super().__init__()
        self.network, self.num_features = network, num_features

    def forward(self, cells_BTV: Tensor) -> Tensor:
        return self.network(cells_BTV).flatten(1)


class OwnDecoder(Parallel):
    """A module from latents [B, Z] to parameters of cells [B, T, X] or [B, T · X], or of images [B, C · P, H, W]."""

    def __init__(self, network: nn.Module, shape: tuple[int, int], likelihood: Likelihood):
        Decoder.__init__(self, likelihood)
        self.network = AsCells(network, shape[0], likelihood.num_parameters)


def make_encoder(make: Callable[..., nn.Module], shape: tuple[int, int], channels: int = 1) -> nn.Module:
    """Builds an encoder of T × V cells, those of an image of C channels, with its number of features.

    Raises:
        ValueError: it is one's own, and makes no features of each sample.
    """
    network = build(ENCODER, make, num_cells=math.prod(shape), shape=shape, image_channels=channels)
    if isinstance(getattr(network, "num_features", None), int):
        return network
    key = f"{ENCODER}._target_={name_of(make)}"
    features = trial(key, network, torch.zeros(2, *shape))
    if not isinstance(features, Tensor) or features.ndim < 2 or len(features) != 2:
        raise ValueError(f"{key}: of cells {[2, *shape]} it makes {described(features)}, and not features [2, …]")
    return OwnEncoder(network, features[0].numel())


def make_decoder(
    make: Callable[..., nn.Module],
    num_latents: int,
    shape: tuple[int, int],
    likelihood: Likelihood,
    channels: int = 1,
) -> Decoder:
    """Builds a decoder of T × V cells, those of an image of C channels.

    Raises:
        ValueError: it is one's own, and does not make as many parameters.
    """
    network = build(DECODER, make, num_latents=num_latents, shape=shape, image_channels=channels, likelihood=likelihood)
    if isinstance(network, Decoder):
        return network
    key, expected = f"{DECODER}._target_={name_of(make)}", [2, shape[0], shape[1] * likelihood.num_parameters]
    found = trial(key, network, torch.zeros(2, num_latents))
    if not isinstance(found, Tensor) or len(found) != 2 or found.numel() != math.prod(expected):
        raise ValueError(f"{key}: of latents [2, {num_latents}] it makes {described(found)}, and not {expected}")
    return OwnDecoder(network, shape, likelihood)
