"""VEEGAN: a second network maps images back to noise, so that a generator that drops noise is found out.

B batch, C channels, H height, W width, Z latent dims.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import Parameter

from src.core.validation import COUNT
from src.data.spec import Shape
from src.gan.networks.dcgan import has_batch_norm
from src.gan.step import Step
from src.gan.tricks.one_centred import OneCentred
from src.gan.tricks.trick import Trick

if TYPE_CHECKING:
    from src.gan.module import GAN


class VEEGAN(Trick):
    """A reconstructor F from images to noise, and a discriminator of pairs (Srivastava et al. 2017, arXiv:1705.07761).

    Algorithm 1: the discriminator tells (G(z), z) from (x, F(x)); the generator's loss is taken of such pairs, and
    ‖z − F(G(z))‖² is added to it; F learns from that term alone. Where the paper's generator minimises the raw logit,
    ours minimises its own loss. The discriminator sees the noise as further channels, made by a linear map.

    Args:
        encoder: makes F's layers from `shape`, as a discriminator whose features F is linear in.
        weight: of the reconstruction term.
        planes: channels that show the noise; H · W · planes ≥ Z, or they could not show all of it.
    """

    def __init__(self, encoder: Callable[..., nn.Module], weight: float = 1.0, planes: int = 1):
        super().__init__()
        COUNT.check("gan.tricks.veegan.planes", planes)
        self.make_encoder = encoder
        self.weight = weight
        self.planes = planes

    def discriminator_shape(self, shape: Shape) -> Shape:
        self.image_shape = shape
        channels, height, width = shape
        return channels + self.planes, height, width

    def attach(self, gan: "GAN") -> None:
        if self.image_shape != gan.spec.shape:
            raise ValueError(f"gan.tricks={list(gan.tricks)}: name veegan first, so that it sees single images")
        for name, trick in gan.tricks.items():
            if isinstance(trick, OneCentred):
                raise ValueError(
                    f"gan.tricks={name} looks at images that no noise belongs to, but gan.tricks=veegan judges pairs: "
                    "choose one of them, or r1 and r2"
                )
        _, height, width = self.image_shape
        num_needed = math.ceil(gan.generator.z / (height * width))
        if self.planes < num_needed:
            raise ValueError(
                f"gan.tricks.veegan.planes={self.planes} of {height}×{width} cannot show noise of {gan.generator.z} "
                f"dimensions: choose {num_needed} or more, or a smaller gan.generator.z"
            )
        self.encoder = self.make_encoder(shape=gan.spec.shape)
        if has_batch_norm(self.encoder):
            raise ValueError(
                "gan.tricks=veegan shows its encoder real images and generated ones in turn, whose statistics batch "
                "normalisation mixes: choose gan.discriminator.norm=none, layer or group"
            )
        self.to_noise = nn.Linear(self.encoder.head.in_features, gan.generator.z)
        self.encoder.head = nn.Identity()
        self.show = nn.Sequential(
            nn.Linear(gan.generator.z, self.planes * height * width), nn.Unflatten(1, (self.planes, height, width))
        )

    def reconstruct(self, images_BCHW: Tensor) -> Tensor:
        """F: the noise [B, Z] that the images may have been made of."""
        _, features_BF = self.encoder(images_BCHW)
        return self.to_noise(features_BF)

    def generator_parameters(self) -> list[Parameter]:
        return [*self.encoder.parameters(), *self.to_noise.parameters()]

    def discriminator_parameters(self) -> list[Parameter]:
        return list(self.show.parameters())

    def present(self, images_BCHW: Tensor, z_BZ: Tensor | None) -> Tensor:
        if z_BZ is None:
            with torch.no_grad():
                z_BZ = self.reconstruct(images_BCHW)
        return torch.cat([images_BCHW, self.show(z_BZ)], 1)

    def generator_term(self, step: Step) -> Tensor:
        """‖z − F(G(z))‖² of each image; F gets its gradient here and nowhere else."""
        reconstructed_BZ = self.reconstruct(step.fake.images_BCHW)
        return self.weight * (reconstructed_BZ - step.fake.z_BZ).float().square().sum(-1).mean(-1)
