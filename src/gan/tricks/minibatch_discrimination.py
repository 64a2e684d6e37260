"""Minibatch discrimination: the discriminator sees how close each image is to the others of its batch.

B batch, F features, K kernels, D dimensions of a kernel.
"""

import torch
from torch import Tensor, nn

from src.gan.tricks.minibatch_layer import MinibatchLayer
from src.ranges import COUNT


class MinibatchDiscrimination(MinibatchLayer):
    """Closeness to the other images under learnt kernels (Salimans et al. 2016, arXiv:1606.03498, section 3.2).

    Args:
        num_kernels: how many kinds of closeness.
        kernel_size: dimensions in which each of them is measured.
    """

    def __init__(self, num_kernels: int = 100, kernel_size: int = 5):
        super().__init__()
        COUNT.check("gan.tricks.minibatch_discrimination.num_kernels", num_kernels)
        COUNT.check("gan.tricks.minibatch_discrimination.kernel_size", kernel_size)
        self.num_kernels = num_kernels
        self.kernel_size = kernel_size

    def statistics(self, num_features: int) -> tuple[nn.Module, int]:
        return Closeness(num_features, self.num_kernels, self.kernel_size), self.num_kernels


class Closeness(nn.Module):
    """Adds to features [B, F] the mean over the batch of exp(−|difference|₁) of their K projections.

    The paper's sum is made a mean, so that the scale does not depend on the batch's size. As there, the image itself is
    included, which adds 1 / B whatever the others are.
    """

    def __init__(self, num_features: int, num_kernels: int, kernel_size: int):
        super().__init__()
        self.project = nn.Linear(num_features, num_kernels * kernel_size, bias=False)
        self.kernel_size = kernel_size

    def forward(self, features_BF: Tensor) -> Tensor:
        projected_BKD = self.project(features_BF).float().unflatten(-1, (-1, self.kernel_size))
        distance_BBK = (projected_BKD.unsqueeze(0) - projected_BKD.unsqueeze(1)).abs().sum(-1)
        return torch.cat([features_BF, (-distance_BBK).exp().mean(0)], -1)
