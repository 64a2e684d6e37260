"""DCGAN's generator and discriminator (Radford et al. 2016, arXiv:1511.06434) for any small image or grid.

B batch, Z latent dims, C channels, H height, W width, F features.
"""

import math

import torch
from torch import Tensor, nn

from src.data.spec import Shape
from src.gan.interfaces import DiscriminatorNetwork, GeneratorNetwork
from src.training.networks import halvings

NORMS = {
    "none": lambda channels: nn.Identity(),
    "batch": nn.BatchNorm2d,
    "layer": lambda channels: nn.GroupNorm(1, channels),
    "group": lambda channels: nn.GroupNorm(min(8, channels), channels),
}


def make_norm(norm: str, channels: int) -> nn.Module:
    if norm not in NORMS:
        raise ValueError(f"norm={norm!r} is unknown; choose one of {', '.join(NORMS)}")
    return NORMS[norm](channels)


class Generator(GeneratorNetwork):
    """Maps noise [B, Z] to images [B, C, H, W] in [-1, 1].

    Channels are `width` before the last layer and double with every halving of the size, of which there are `depth`.
    """

    def __init__(self, shape: Shape, z: int = 64, width: int = 32, depth: int | None = None, norm: str = "batch"):
        super().__init__()
        channels, height, image_width = shape
        sizes = halvings(height, image_width, depth)
        depth = len(sizes) - 1
        widths = [width << level for level in range(depth)]
        self.z = z
        self.project = nn.Sequential(
            nn.Linear(z, widths[-1] * sizes[-1][0] * sizes[-1][1], bias=norm == "none"),
            nn.Unflatten(1, (widths[-1], *sizes[-1])),
            make_norm(norm, widths[-1]),
            nn.ReLU(inplace=True),
        )
        layers: list[nn.Module] = []
        for level in reversed(range(depth)):
            odd = (sizes[level][0] % 2, sizes[level][1] % 2)  # a stride of two alone would lose that row
            out = widths[level - 1] if level else channels
            bias = norm == "none" or level == 0
            layers += [nn.ConvTranspose2d(widths[level], out, 4, 2, 1, output_padding=odd, bias=bias)]
            layers += [make_norm(norm, out), nn.ReLU(inplace=True)] if level else [nn.Tanh()]
        self.upsample = nn.Sequential(*layers)
        initialise(self)

    def forward(self, z_BZ: Tensor) -> Tensor:
        return self.upsample(self.project(z_BZ))


class Discriminator(DiscriminatorNetwork):
    """Maps images [B, C, H, W] to real-or-fake logits [B] and the features [B, F] that they are linear in.

    In training mode a random share `dropout` of each layer's channels is dropped per image (Tompson et al. 2015,
    arXiv:1411.4280), in the updates of both networks.
    """

    def __init__(
        self, shape: Shape, width: int = 32, depth: int | None = None, norm: str = "group", dropout: float = 0.0
    ):
        super().__init__()
        channels, height, image_width = shape
        sizes = halvings(height, image_width, depth)
        if not 0 <= dropout < 1:
            raise ValueError(f"gan.discriminator.dropout={dropout}: choose a share of the channels, 0 or more, below 1")
        layers: list[nn.Module] = []
        for level in range(len(sizes) - 1):
            out = width << level
            normed = level > 0  # DCGAN does not normalise the first layer
            layers += [nn.Conv2d(channels, out, 4, 2, 1, bias=not normed or norm == "none")]
            layers += [make_norm(norm, out)] if normed else []
            layers += [nn.LeakyReLU(0.2, inplace=True)]
            layers += [nn.Dropout2d(dropout)] if dropout else []
            channels = out
        self.body = nn.Sequential(*layers, nn.Flatten())
        self.head = Head(channels * math.prod(sizes[-1]), 1)
        initialise(self)


class Head(nn.Linear):
    """The last layer of a discriminator, in full precision also under autocast: in bf16 logits near 20 lie ⅛ apart."""

    def forward(self, features_BF: Tensor) -> Tensor:
        with torch.autocast(features_BF.device.type, enabled=False):
            return super().forward(features_BF.to(self.weight.dtype))


def has_batch_norm(network: nn.Module) -> bool:
    return any(isinstance(layer, nn.modules.batchnorm._BatchNorm) for layer in network.modules())


@torch.no_grad()
def initialise(network: nn.Module) -> None:
    """DCGAN's initialisation: weights of linear and convolution layers from N(0, 0.02²), biases zero."""
    for layer in network.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            layer.weight.normal_(0, 0.02)
            if layer.bias is not None:
                layer.bias.zero_()
