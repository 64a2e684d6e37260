"""Minibatch standard deviation: a feature that measures how much the images of a batch vary.

B batch, F features, G groups, S images of a group.
"""

import torch
from torch import Tensor, nn

from src.core.validation import SEVERAL
from src.gan.tricks.minibatch_layer import MinibatchLayer


class MinibatchStddev(MinibatchLayer):
    """Adds one feature: the standard deviation over a group of images, averaged over all features.

    Karras et al. 2018, arXiv:1710.10196, section 3; groups as in their code. StyleGAN2 combines it with R1 (Karras
    et al. 2020, arXiv:1912.04958).

    Args:
        group: number of images that share one statistic.
    """

    allows_input_gradients = True

    def __init__(self, group: int = 4):
        super().__init__()
        self.group = self.number("group", group, SEVERAL)

    def statistics(self, num_features: int) -> tuple[nn.Module, int]:
        return Deviation(self.group), 1


class Deviation(nn.Module):
    """Appends to features [B, F] the mean standard deviation within each group of S neighbours."""

    def __init__(self, group: int):
        super().__init__()
        self.group = group

    def forward(self, features_BF: Tensor) -> Tensor:
        if len(features_BF) % self.group:
            raise ValueError(
                f"gan.tricks.minibatch_stddev.group={self.group} does not divide a batch of {len(features_BF)}: choose "
                "batch_size as a multiple of it"
            )
        grouped_GSF = features_BF.float().unflatten(0, (-1, self.group))
        deviation_GF = (grouped_GSF.var(1, correction=0) + 1e-8).sqrt()  # finite gradient for identical images
        deviation_B1 = deviation_GF.mean(1, keepdim=True).repeat_interleave(self.group, 0)
        return torch.cat([features_BF, deviation_B1], 1)
