"""VEEGAN: a second network maps images back to noise, so that ignoring part of the noise is penalised.

B batch, C channels, H height, W width, Z latent dims.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import Parameter

from src.core.validation import COUNT
from src.data.spec import Shape
from src.gan.interfaces import DiscriminatorNetwork, GANInterface, Step
from src.gan.networks.dcgan import has_batch_norm
from src.gan.networks.own import make_discriminator, require_linear_head
from src.gan.tricks.gradient_penalties import OneCentred
from src.gan.tricks.trick import Trick


class VEEGAN(Trick):
    """A reconstructor F from images to noise, and a discriminator of pairs (Srivastava et al. 2017, arXiv:1705.07761).

    Algorithm 1: the discriminator distinguishes (G(z), z) from (x, F(x)); the generator's loss is computed from such
    pairs, and ‖z − F(G(z))‖² is added to it; F learns from that term alone. The generator minimises its own loss,
    gan.loss=raw_logit to be the paper's. A linear map turns the noise into further input channels of the discriminator.

    Args:
        encoder: makes from `shape` a discriminator whose features F is linear in.
        weight: of the reconstruction term.
        planes: number of noise channels; H · W · planes ≥ Z, or they could not hold all of it.
    """

    def __init__(self, encoder: Callable[..., DiscriminatorNetwork], weight: float = 1.0, planes: int = 1):
        super().__init__()
        self.make_encoder = encoder
        self.weight = weight
        self.planes = self.number("planes", planes, COUNT)

    def discriminator_shape(self, shape: Shape) -> Shape:
        self.image_shape = shape
        channels, height, width = shape
        return channels + self.planes, height, width

    def attach(self, gan: GANInterface) -> None:
        if self.image_shape != gan.spec.shape:
            raise ValueError(f"gan.tricks={list(gan.tricks)}: name veegan first, so that it sees single images")
        for name, trick in gan.tricks.items():
            if isinstance(trick, OneCentred):
                raise ValueError(
                    f"gan.tricks={name} uses images that no noise belongs to, but gan.tricks=veegan scores pairs: "
                    "choose one of them, or r1 and r2"
                )
        _, height, width = self.image_shape
        num_needed = math.ceil(gan.generator.z / (height * width))
        if self.planes < num_needed:
            raise ValueError(
                f"{self.key}.planes={self.planes} of {height}×{width} cannot show noise of {gan.generator.z} "
                f"dimensions: choose {num_needed} or more, or a smaller gan.generator.z"
            )
        self.encoder = make_discriminator(self.make_encoder, gan.spec.shape)
        require_linear_head(self.encoder, "veegan")
        if has_batch_norm(self.encoder):
            raise ValueError(
                f"{self} shows its encoder real images and generated ones in turn, whose statistics batch "
                "normalisation mixes: choose gan.discriminator.norm=none, layer or group"
            )
        self.to_noise = nn.Linear(self.encoder.head.in_features, gan.generator.z)
        self.encoder.add_module("head", nn.Identity())
        self.show = nn.Sequential(
            nn.Linear(gan.generator.z, self.planes * height * width), nn.Unflatten(1, (self.planes, height, width))
        )

    def reconstruct(self, images_BCHW: Tensor) -> Tensor:
        """F: the estimated noise [B, Z] behind images."""
        _, features_BF = self.encoder(images_BCHW)
        return self.to_noise(features_BF)

    def extra_parameters(self) -> tuple[list[Parameter], list[Parameter]]:
        return [*self.encoder.parameters(), *self.to_noise.parameters()], list(self.show.parameters())

    def pack_inputs(self, images_BCHW: Tensor, z_BZ: Tensor | None) -> Tensor:
        if z_BZ is None:
            with torch.no_grad():
                z_BZ = self.reconstruct(images_BCHW)
        return torch.cat([images_BCHW, self.show(z_BZ)], 1)

    def generator_penalty(self, step: Step) -> Tensor:
        """λ E‖z − F(G(z))‖²; F gets its gradient from here only."""
        reconstructed_BZ = self.reconstruct(step.fake.images_BCHW)
        return self.weight * (reconstructed_BZ - step.fake.z_BZ).float().square().sum(-1).mean(-1)
