"""Images of known quality, as controls of every metric.

Made of held-out real images by changes that keep the class, and by changes to outliers. All images are floats in
[0, 1], [B, C, H, W] or, for bars, [B, 1, T, V].

B batch, C channels, H height, W width, T steps, V voices.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from src.evaluation.oracles import drum_outliers, outliers
from src.evaluation.oracles.augmentation import dilated, gaussian_blur, with_noise

BLUR = 0.9  # pixels
NOISE = 0.2  # standard deviation, of the full range
Control = tuple[str, Tensor]
SLIPS = 0.01  # share of a bar's cells that are flipped


def image_controls(real_BCHW: Tensor, labels_B: Tensor) -> Iterator[Control]:
    """Real images blurred and noisy, characters also thick; noise, grey levels, cut-up and superposed images."""
    yield "blurred", gaussian_blur(real_BCHW, BLUR)
    yield "noisy", with_noise(real_BCHW, NOISE)
    if real_BCHW.shape[1] == 1:
        yield "thick", dilated(real_BCHW)
    yield "noise", torch.rand_like(real_BCHW)
    yield "grey", torch.linspace(0, 1, len(real_BCHW)).view(-1, 1, 1, 1).expand_as(real_BCHW)
    yield "cut_up", outliers.cut_up(real_BCHW)
    yield "superposed", outliers.superposed(real_BCHW, labels_B)


def bar_controls(real_B1TV: Tensor) -> Iterator[Control]:
    """Bars with some flipped cells; independent hits of the same density; shuffled steps; four bars superposed."""
    slips_B1TV = torch.rand_like(real_B1TV) < SLIPS
    yield "noisy", torch.where(slips_B1TV, 1 - real_B1TV, real_B1TV)
    yield "noise", (torch.rand_like(real_B1TV) < real_B1TV.mean()).float()
    yield "cut_up", drum_outliers.shuffled_steps(real_B1TV)
    yield "superposed", drum_outliers.crowds(real_B1TV)


def point_controls(real_B112: Tensor) -> Iterator[Control]:
    """Points all over the map, and points on its diagonal."""
    yield "noise", torch.rand_like(real_B112)
    yield "grey", torch.linspace(0, 1, len(real_B112)).view(-1, 1, 1, 1).expand_as(real_B112)


def controls_of(kind: str, real_BCHW: Tensor, labels_B: Tensor) -> Iterator[Control]:
    """The controls of this kind of data, see `DataSpec.kind`, by name and one after another: they are large."""
    if kind == "images":
        return image_controls(real_BCHW, labels_B)
    return bar_controls(real_BCHW) if kind == "drums" else point_controls(real_BCHW)
