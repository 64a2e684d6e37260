"""Multilayer perceptrons for points in the plane and other data too small for convolutions.

B batch, Z latent dims, C channels, H height, W width, F features, P maxout pieces.
"""

import math

import torch
from torch import Tensor, nn

from src.core.validation import POSITIVE
from src.data.spec import Shape
from src.gan.interfaces import DiscriminatorNetwork, GeneratorNetwork

GAIN = 0.8  # of the orthogonal weights that Metz et al. 2017 (arXiv:1611.02163) start the toys with
NORMS = ("none", "batch")


class Generator(GeneratorNetwork):
    """Maps noise [B, Z] to images [B, C, H, W], mostly in [-1, 1]: `depth` layers of ReLU and a linear one.

    Always in full precision: bf16 would resolve the modes' Gaussians to a few values only.

    Args:
        norm: "batch" normalises each hidden layer over the batch, as PacGAN's public code does (Lin et al. 2018,
            arXiv:1712.04086: ε 1e-4, moving averages at 0.05, no biases before it).
        std: of the initial weights, N(0, std²); 0 for orthogonal ones.
        scale: length in the network of one unit of the images, so that a paper's networks see the paper's coordinates.
    """

    def __init__(
        self,
        shape: Shape,
        z: int = 64,
        width: int = 128,
        depth: int = 3,
        norm: str = "none",
        std: float = 0.0,
        scale: float = 1.0,
    ):
        super().__init__()
        if norm not in NORMS:
            raise ValueError(f"gan.generator.norm={norm}: a multilayer perceptron has one of {', '.join(NORMS)}")
        check(depth, scale, "generator")
        self.z, self.scale = z, scale
        layers: list[nn.Module] = []
        for inputs in [z] + [width] * (depth - 1):
            layers += [nn.Linear(inputs, width, bias=norm == "none")]
            layers += [nn.BatchNorm1d(width, eps=1e-4, momentum=0.05)] if norm == "batch" else []
            layers += [nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Linear(width, math.prod(shape)), nn.Unflatten(1, tuple(shape)))
        initialise(self, std)

    def forward(self, z_BZ: Tensor) -> Tensor:
        with torch.autocast(z_BZ.device.type, enabled=False):
            return self.layers(z_BZ.float()) / self.scale


class Discriminator(DiscriminatorNetwork):
    """Maps images [B, C, H, W] to real-or-fake logits [B] and the features [B, F] that they are linear in.

    Always in full precision.

    Args:
        pieces: of maxout units (Goodfellow et al. 2013, arXiv:1302.4389); 1 for leaky ReLU.
        slope: of the leaky ReLU below zero; 0 for ReLU.
        std, scale: as of the generator.
    """

    def __init__(
        self,
        shape: Shape,
        width: int = 128,
        depth: int = 3,
        pieces: int = 1,
        slope: float = 0.2,
        std: float = 0.0,
        scale: float = 1.0,
    ):
        super().__init__()
        if pieces < 1:
            raise ValueError(f"gan.discriminator.pieces={pieces}: choose 1, or the number of a maxout unit's pieces")
        check(depth, scale, "discriminator")
        self.scale = scale
        layers: list[nn.Module] = []
        for inputs in [math.prod(shape)] + [width] * (depth - 1):
            layers += [nn.Linear(inputs, width * pieces), Maxout(pieces) if pieces > 1 else nn.LeakyReLU(slope)]
        self.body = nn.Sequential(nn.Flatten(), *layers)
        self.head = nn.Linear(width, 1)
        initialise(self, std)

    def forward(self, images_BCHW: Tensor) -> tuple[Tensor, Tensor]:
        with torch.autocast(images_BCHW.device.type, enabled=False):
            features_BF = self.body(images_BCHW.float() * self.scale)
            return self.head(features_BF).squeeze(1), features_BF


class Maxout(nn.Module):
    """The largest of `pieces` linear maps: [B, F · P] to [B, F]."""

    def __init__(self, pieces: int):
        super().__init__()
        self.pieces = pieces

    def forward(self, pieces_BX: Tensor) -> Tensor:
        return pieces_BX.unflatten(-1, (-1, self.pieces)).amax(-1)


def check(depth: int, scale: float, network: str) -> None:
    if depth < 1:
        raise ValueError(f"gan.{network}.depth={depth}: a multilayer perceptron has at least one hidden layer")
    POSITIVE.check(f"gan.{network}.scale", scale)


@torch.no_grad()
def initialise(network: nn.Module, std: float) -> None:
    """Weights from N(0, std²), or orthogonal ones; biases zero."""
    for layer in network.modules():
        if isinstance(layer, nn.Linear):
            layer.weight.normal_(0, std) if std else nn.init.orthogonal_(layer.weight, GAIN)
            if layer.bias is not None:
                layer.bias.zero_()
