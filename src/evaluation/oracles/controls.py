"""Images of known quality, as controls of every metric.

Made of held-out real images by changes that keep the class, and by changes to outliers. All images are floats in
[0, 1], [B, C, H, W] or, for bars, [B, 1, T, V].

B batch, C channels, H height, W width, T steps, V voices.
"""

import torch
from torch import Tensor

from src.evaluation.oracles import drum_outliers, outliers
from src.evaluation.oracles.augmentation import dilated, gaussian_blur, with_noise

BLUR = 0.9  # pixels
NOISE = 0.2  # standard deviation, of the full range
SLIPS = 0.01  # share of a bar's cells that are flipped


def image_controls(real_BCHW: Tensor, labels_B: Tensor) -> dict[str, Tensor]:
    """Real images blurred and noisy, characters also thick; noise, grey levels, cut-up and superposed images."""
    return {
        "blurred": gaussian_blur(real_BCHW, BLUR),
        "noisy": with_noise(real_BCHW, NOISE),
        **({"thick": dilated(real_BCHW)} if real_BCHW.shape[1] == 1 else {}),
        "noise": torch.rand_like(real_BCHW),
        "grey": torch.linspace(0, 1, len(real_BCHW)).view(-1, 1, 1, 1).expand_as(real_BCHW),
        "cut_up": outliers.cut_up(real_BCHW),
        "superposed": outliers.superposed(real_BCHW, labels_B),
    }


def bar_controls(real_B1TV: Tensor) -> dict[str, Tensor]:
    """Bars with some flipped cells; independent hits of the same density; shuffled steps; four bars superposed."""
    slips_B1TV = torch.rand_like(real_B1TV) < SLIPS
    return {
        "noisy": torch.where(slips_B1TV, 1 - real_B1TV, real_B1TV),
        "noise": (torch.rand_like(real_B1TV) < real_B1TV.mean()).float(),
        "cut_up": drum_outliers.shuffled_steps(real_B1TV),
        "superposed": drum_outliers.crowds(real_B1TV),
    }


def point_controls(real_B112: Tensor) -> dict[str, Tensor]:
    """Points all over the map, and points on its diagonal."""
    return {
        "noise": torch.rand_like(real_B112),
        "grey": torch.linspace(0, 1, len(real_B112)).view(-1, 1, 1, 1).expand_as(real_B112),
    }


def controls_of(kind: str, real_BCHW: Tensor, labels_B: Tensor) -> dict[str, Tensor]:
    """The controls of this kind of data, see `DataSpec.kind`."""
    if kind == "images":
        return image_controls(real_BCHW, labels_B)
    return bar_controls(real_BCHW) if kind == "drums" else point_controls(real_BCHW)
