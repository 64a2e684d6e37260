"""Convolutional networks for images, of which a perceptron would need millions of weights.

B batch, T steps (rows), V voices (cells of a row, C · W), C channels, H height, W width, F features, Z latent dims.
"""

import math

from torch import Tensor, nn

from src.training.networks import halvings
from src.vae.decoders import AsCells, Decoder, Parallel
from src.vae.likelihoods import Likelihood

GROUP = 8  # channels at least, of a group that is normalised


class ConvolutionalEncoder(nn.Module):
    """Maps cells [B, T, V] in [0, 1] of images to features [B, F].

    Args:
        shape: (T, V).
        image_channels: C.
        width: channels at half the size; they double with every further halving.
        depth: halvings of the size; None for as many as leave at most 7 rows and columns.
        num_features: F.
        dropout: share of the features.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        image_channels: int,
        width: int = 32,
        depth: int | None = None,
        num_features: int = 256,
        dropout: float = 0.0,
    ):
        super().__init__()
        self.num_features = num_features
        channels = image_channels
        self.image = (channels, shape[1] // channels)
        sizes = halvings(shape[0], self.image[1], depth)
        layers: list[nn.Module] = []
        for level in range(len(sizes) - 1):
            out = width << level
            layers += [nn.Conv2d(channels, out, 4, 2, 1), normalised(out), nn.GELU()]
            channels = out
        last = nn.Linear(channels * math.prod(sizes[-1]), num_features)
        self.body = nn.Sequential(
            *layers, nn.Flatten(), last, nn.LayerNorm(num_features), nn.GELU(), nn.Dropout(dropout)
        )

    def forward(self, cells_BTV: Tensor) -> Tensor:
        images_BCHW = cells_BTV.flatten(0, -3).unflatten(-1, self.image).transpose(-3, -2)
        return self.body(2 * images_BCHW - 1).unflatten(0, cells_BTV.shape[:-2])


class Convolutional(Parallel):
    """Pixels independent given the latents.

    Args:
        num_latents: Z.
        shape: (T, V).
        image_channels: C.
        width: channels at half the size; they double with every further halving.
        depth: halvings of the size; None for as many as leave at most 7 rows and columns.
        dropout: share of the channels of each layer but the last.
        likelihood: of the cells.
    """

    def __init__(
        self,
        num_latents: int,
        shape: tuple[int, int],
        image_channels: int,
        likelihood: Likelihood,
        width: int = 32,
        depth: int | None = None,
        dropout: float = 0.0,
    ):
        Decoder.__init__(self, likelihood)
        sizes = halvings(shape[0], shape[1] // image_channels, depth)
        widths = [width << level for level in range(len(sizes) - 1)]
        layers: list[nn.Module] = [
            nn.Linear(num_latents, widths[-1] * math.prod(sizes[-1])),
            nn.Unflatten(1, (widths[-1], *sizes[-1])),
        ]
        for level in reversed(range(len(widths))):
            odd = (sizes[level][0] % 2, sizes[level][1] % 2)  # a stride of two alone would lose that row
            out = widths[level - 1] if level else image_channels * likelihood.num_parameters
            layers += [normalised(widths[level]), nn.GELU(), nn.Dropout2d(dropout)]
            layers += [nn.ConvTranspose2d(widths[level], out, 4, 2, 1, output_padding=odd)]
        self.network = AsCells(nn.Sequential(*layers), shape[0], likelihood.num_parameters)


def normalised(channels: int) -> nn.GroupNorm:
    """Group normalisation; unlike batch normalisation it lets single images be scored."""
    return nn.GroupNorm(math.gcd(max(1, channels // GROUP), channels), channels)
