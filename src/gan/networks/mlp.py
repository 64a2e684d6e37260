"""Multilayer perceptrons for points in the plane and other data too small for convolutions.

B batch, Z latent dims, C channels, H height, W width, F features.
"""

import math

import torch
from torch import Tensor, nn

from src.data.spec import Shape
from src.gan.interfaces import DiscriminatorNetwork, GeneratorNetwork

GAIN = 0.8  # of the orthogonal weights that Metz et al. 2017 (arXiv:1611.02163, appendix A) start the toys with


class Generator(GeneratorNetwork):
    """Maps noise [B, Z] to images [B, C, H, W], mostly in [-1, 1]: `depth` layers of ReLU and a linear one.

    Always in full precision: bf16 would resolve the modes' Gaussians to a few values only.
    """

    def __init__(self, shape: Shape, z: int = 64, width: int = 128, depth: int = 3):
        super().__init__()
        self.z = z
        self.layers = nn.Sequential(
            *hidden(z, width, depth, nn.ReLU()),
            nn.Linear(width, math.prod(shape)),
            nn.Unflatten(1, tuple(shape)),
        )
        initialise(self)

    def forward(self, z_BZ: Tensor) -> Tensor:
        with torch.autocast(z_BZ.device.type, enabled=False):
            return self.layers(z_BZ.float())


class Discriminator(DiscriminatorNetwork):
    """Maps images [B, C, H, W] to real-or-fake logits [B] and the features [B, F] that they are linear in.

    Always in full precision.
    """

    def __init__(self, shape: Shape, width: int = 128, depth: int = 3):
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), *hidden(math.prod(shape), width, depth, nn.LeakyReLU(0.2)))
        self.head = nn.Linear(width, 1)
        initialise(self)

    def forward(self, images_BCHW: Tensor) -> tuple[Tensor, Tensor]:
        with torch.autocast(images_BCHW.device.type, enabled=False):
            features_BF = self.body(images_BCHW.float())
            return self.head(features_BF).squeeze(1), features_BF


def hidden(inputs: int, width: int, depth: int, activation: nn.Module) -> list[nn.Module]:
    """`depth` layers of `width` units, each with its activation."""
    if depth < 1:
        raise ValueError(f"depth={depth}: a multilayer perceptron has at least one hidden layer")
    sizes = [inputs] + [width] * depth
    return [layer for level in range(depth) for layer in (nn.Linear(sizes[level], width), activation)]


@torch.no_grad()
def initialise(network: nn.Module) -> None:
    """Orthogonal weights, biases zero."""
    for layer in network.modules():
        if isinstance(layer, nn.Linear):
            nn.init.orthogonal_(layer.weight, GAIN)
            layer.bias.zero_()
