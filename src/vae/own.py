"""Encoders and decoders of one's own: any module from cells to features, and from latents to logits.

B batch, T steps, V voices (cells of a step), F features, Z latent dims that the decoder receives.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from src.training.networks import build, name_of, trial
from src.vae.decoders import Decoder, Parallel

ENCODER, DECODER = "vae.encoder", "vae.decoder"


class OwnEncoder(nn.Module):
    """A module from cells [B, T, V] in [0, 1] to features [B, …]."""

    def __init__(self, network: nn.Module, num_features: int):
        super().__init__()
        self.network, self.num_features = network, num_features

    def forward(self, cells_BTV: Tensor) -> Tensor:
        return self.network(cells_BTV).flatten(1)


class OwnDecoder(Parallel):
    """A module from latents [B, Z] to logits of cells [B, T, V] or [B, T · V], or of images [B, C, H, W]."""

    def __init__(self, network: nn.Module, shape: tuple[int, int]):
        Decoder.__init__(self)
        self.network = _Reshaped(network, shape)


class _Reshaped(nn.Module):
    """Lets latents have any leading axes."""

    def __init__(self, network: nn.Module, shape: tuple[int, int]):
        super().__init__()
        self.network, self.shape = network, shape

    def forward(self, latents_BZ: Tensor) -> Tensor:
        logits = self.network(latents_BZ.flatten(0, -2))
        if logits.ndim == 4:  # of images: the cells of a step are a row's, one channel after the other
            logits = logits.transpose(1, 2)
        return logits.reshape(*latents_BZ.shape[:-1], *self.shape)


def make_encoder(make: Callable[..., nn.Module], shape: tuple[int, int]) -> nn.Module:
    """Builds an encoder of T × V cells, with its number of features.

    Raises:
        ValueError: it is one's own, and makes no features of each sample.
    """
    network = build(ENCODER, make, num_cells=math.prod(shape), shape=shape)
    if isinstance(getattr(network, "num_features", None), int):
        return network
    key = f"{ENCODER}._target_={name_of(make)}"
    features = trial(key, network, torch.zeros(2, *shape))
    if not isinstance(features, Tensor) or features.ndim < 2 or len(features) != 2:
        raise ValueError(f"{key}: of cells {[2, *shape]} it makes {_described(features)}, and not features [2, …]")
    return OwnEncoder(network, features[0].numel())


def make_decoder(make: Callable[..., nn.Module], num_latents: int, shape: tuple[int, int]) -> Decoder:
    """Builds a decoder of T × V cells.

    Raises:
        ValueError: it is one's own, and does not make as many logits.
    """
    network = build(DECODER, make, num_latents=num_latents, shape=shape)
    if isinstance(network, Decoder):
        return network
    key = f"{DECODER}._target_={name_of(make)}"
    logits = trial(key, network, torch.zeros(2, num_latents))
    if not isinstance(logits, Tensor) or len(logits) != 2 or logits[0].numel() != math.prod(shape):
        raise ValueError(
            f"{key}: of latents [2, {num_latents}] it makes {_described(logits)}, and not logits {[2, *shape]}"
        )
    return OwnDecoder(network, shape)


def _described(output: object) -> str:
    return str(list(output.shape)) if isinstance(output, Tensor) else type(output).__name__
