"""R3GAN's residual networks (Huang et al. 2024, arXiv:2501.05441, section 3), at the size of small images and grids.

There is no normalisation: blocks start as the identity, which keeps the scale of activations, and the gradients in R1
and R2 are those of single images. Differences to the reference, https://github.com/brownvc/R3GAN, with costs measured
as one training step (relativistic, R1 and R2, batch 64, 28×28) on one core:

- the 3×3 convolution in a block is a plain one between half as many channels instead of a grouped one between twice as
  many: with 32 channels at 14×14 a block, differentiated twice, is 3.4 times as fast;
- the first and last layers are 4×4 convolutions with stride 2, as in DCGAN: a block at full size costs four times as
  much;
- the generator starts from a linear layer; it learnt more slowly from a learnt basis, scaled per channel, and
- its last layer is tanh, as ink is nearly black or white: a linear output learnt more slowly and overshot (both with
  one seed after 19,200 drawn letters).

An image costs 1.5 times as much as with DCGAN at the same width. Weights have unit gain and there are few channels, so
the learning rate must be well above the reference's 2e-4: of 1e-3, 2e-3 and 4e-3 the highest learnt fastest.

B batch, Z latent dims, C channels, H height, W width, F features.
"""

import math
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from src.data.spec import Shape
from src.gan.interfaces import DiscriminatorNetwork, GeneratorNetwork
from src.gan.networks.dcgan import Head
from src.training.networks import halvings

Layer = TypeVar("Layer", nn.Linear, nn.Conv2d, nn.ConvTranspose2d)

SLOPE = 0.2
GAIN = math.sqrt(2 / (1 + SLOPE**2))  # preserves the second moment through a leaky rectifier
LAYERS = 3  # convolutions in a block


class ResidualGenerator(GeneratorNetwork):
    """Maps noise [B, Z] to images [B, C, H, W] in [-1, 1].

    Args:
        shape: C, H and W.
        z: Z.
        width: channels at half the size of the image; they double with every further halving.
        depth: halvings of the size; None for as many as leave at most 7 rows and columns.
        blocks: residual blocks at each size.
        mean: initial brightness of the images, -1 (black) to 1, both excluded. At the data's own a wide generator
            does not overshoot into blank images, where the tanh is saturated and has no gradient.
    """

    def __init__(
        self,
        shape: Shape,
        z: int = 64,
        width: int = 32,
        depth: int | None = None,
        blocks: int = 1,
        mean: float = 0.0,
    ):
        super().__init__()
        if not -1 < mean < 1:
            raise ValueError(f"gan.generator.mean={mean}: choose a number between -1 and 1, both excluded")
        channels, height, image_width = shape
        sizes = halvings(height, image_width, depth)
        depth = len(sizes) - 1
        widths = [width << level for level in range(depth)]
        self.z = z
        layers: list[nn.Module] = [
            scaled(nn.Linear(z, widths[-1] * math.prod(sizes[-1]))),
            nn.Unflatten(1, (widths[-1], *sizes[-1])),
        ]
        for level in reversed(range(depth)):
            layers += [ResidualBlock(widths[level], blocks * depth) for _ in range(blocks)]
            if level:  # narrowed first: fewer channels to enlarge
                layers += [scaled(nn.Conv2d(widths[level], widths[level - 1], 1, bias=False))]
                layers += [Resize(sizes[level + 1], sizes[level])]
        odd = (height % 2, image_width % 2)
        draw = scaled(nn.ConvTranspose2d(width, channels, 4, 2, 1, output_padding=odd), bias=math.atanh(mean))
        self.layers = nn.Sequential(*layers, nn.LeakyReLU(SLOPE, inplace=True), draw, nn.Tanh())

    def forward(self, z_BZ: Tensor) -> Tensor:
        return self.layers(z_BZ)


class ResidualDiscriminator(DiscriminatorNetwork):
    """Maps images [B, C, H, W] to real-or-fake logits [B] and the features [B, F] that they are linear in.

    One feature per channel at the smallest size, F = width · 2^(depth - 1).

    Args:
        shape: C, H and W.
        width: channels at half the size of the image; they double with every further halving.
        depth: halvings of the size; None for as many as leave at most 7 rows and columns.
        blocks: residual blocks at each size.
    """

    def __init__(self, shape: Shape, width: int = 32, depth: int | None = None, blocks: int = 1):
        super().__init__()
        channels, height, image_width = shape
        sizes = halvings(height, image_width, depth)
        depth = len(sizes) - 1
        widths = [width << level for level in range(depth)]
        layers: list[nn.Module] = [scaled(nn.Conv2d(channels, width, 4, 2, 1))]
        for level in range(depth):
            if level:  # widened last: fewer channels to reduce
                layers += [Resize(sizes[level], sizes[level + 1])]
                layers += [scaled(nn.Conv2d(widths[level - 1], widths[level], 1, bias=False))]
            layers += [ResidualBlock(widths[level], blocks * depth) for _ in range(blocks)]
        layers += [nn.LeakyReLU(SLOPE, inplace=True), LearntPooling(widths[-1], sizes[-1])]
        self.body = nn.Sequential(*layers)
        self.head = scaled(Head(widths[-1], 1))


class ResidualBlock(nn.Module):
    """Adds 1×1 → 3×3 → 1×1 convolutions in half as many channels to its input; the last starts at zero.

    The others are scaled by the number of blocks in the network, so that the function changes as fast in a deep network
    as in a shallow one (Fixup: Zhang et al. 2019, arXiv:1901.09321).
    """

    def __init__(self, channels: int, num_blocks: int):
        super().__init__()
        inner = max(1, channels // 2)
        gain = GAIN * num_blocks ** (-1 / (2 * LAYERS - 2))
        self.branch = nn.Sequential(
            scaled(nn.Conv2d(channels, inner, 1), gain),
            nn.LeakyReLU(SLOPE, inplace=True),
            scaled(nn.Conv2d(inner, inner, 3, padding=1), gain),
            nn.LeakyReLU(SLOPE, inplace=True),
            scaled(nn.Conv2d(inner, channels, 1, bias=False), 0),
        )

    def forward(self, grid_BCHW: Tensor) -> Tensor:
        return grid_BCHW + self.branch(grid_BCHW)


class Resize(nn.Module):
    """Bilinear resampling, by the filter [1, 3, 3, 1] both ways where sizes differ by a factor of two.

    Being linear it is one matrix over the flattened grid: unlike PyTorch's own, that runs in bf16 on a CPU.
    """

    def __init__(self, before: tuple[int, int], after: tuple[int, int]):
        super().__init__()
        cells = torch.eye(math.prod(before)).unflatten(1, before).unsqueeze(1)
        matrix = interpolate(cells, size=after, mode="bilinear", antialias=True).flatten(1)
        self.register_buffer("matrix", matrix, persistent=False)  # [before, after]
        self.after = after

    def forward(self, grid_BCHW: Tensor) -> Tensor:
        return (grid_BCHW.flatten(2) @ self.matrix).unflatten(2, self.after)


class LearntPooling(nn.Module):
    """A weighted sum over each channel [B, C, H, W] → [B, C]: a depthwise convolution as large as the grid."""

    def __init__(self, channels: int, size: tuple[int, int]):
        super().__init__()
        self.weight_CHW = nn.Parameter(torch.randn(channels, *size) / math.sqrt(math.prod(size)))

    def forward(self, grid_BCHW: Tensor) -> Tensor:
        return (grid_BCHW * self.weight_CHW).sum((2, 3))


@torch.no_grad()
def scaled(layer: Layer, gain: float = 1.0, bias: float = 0.0) -> Layer:
    """The layer with weights from N(0, gain² / fan-in) and all biases alike (He et al. 2015, arXiv:1502.01852)."""
    fan_in = layer.weight[0].numel()
    if isinstance(layer, nn.ConvTranspose2d):  # weight [in, out, …]; a stride leaves each output only some of the taps
        fan_in = layer.in_channels * math.prod(layer.kernel_size) // math.prod(layer.stride)
    layer.weight.normal_(0, gain / math.sqrt(fan_in))
    if layer.bias is not None:
        layer.bias.fill_(bias)
    return layer
