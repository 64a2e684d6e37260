"""Minibatch discrimination: features that measure how close each image is to the others of its batch.

B batch, F features, K kernels, D dimensions of a kernel.
"""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from src.core.validation import COUNT
from src.gan.tricks.minibatch_layer import MinibatchLayer


class MinibatchDiscrimination(MinibatchLayer):
    """Adds closeness to the other images under learnt kernels (Salimans et al. 2016, arXiv:1606.03498, section 3.2).

    Initialisation and parametrisation are those of the authors' code.

    Args:
        num_kernels: number of closeness features.
        kernel_size: dimensions of the space in which each is measured.
    """

    def __init__(self, num_kernels: int = 100, kernel_size: int = 5):
        super().__init__()
        self.num_kernels = self.number("num_kernels", num_kernels, COUNT)
        self.kernel_size = self.number("kernel_size", kernel_size, COUNT)

    def statistics(self, num_features: int) -> tuple[nn.Module, int]:
        return Closeness(num_features, self.num_kernels, self.kernel_size), self.num_kernels


class Closeness(nn.Module):
    """Adds to features [B, F] the K sums Σ_{j≠i} exp(−‖M_i − M_j‖₁) + b over the other images j of the batch.

    As in the authors' code the paper's tensor T has a direction and a learnt log scale for each kernel and dimension,
    T = e^s θ / ‖θ‖, and the first batch initialises s and b: the mean distance of the nearest other image is then 2,
    the mean statistic 0. The sum grows with the batch size, which must not change.
    """

    def __init__(self, num_features: int, num_kernels: int, kernel_size: int):
        super().__init__()
        self.direction = nn.Parameter(0.05 * torch.randn(num_features, num_kernels, kernel_size))
        self.log_scale = nn.Parameter(torch.zeros(num_kernels, kernel_size))
        self.bias = nn.Parameter(torch.full((num_kernels,), -1.0))
        self.is_initialised = False  # no tensor: reading one would wait for the GPU at every step

    def forward(self, features_BF: Tensor) -> Tensor:
        if self.training and not self.is_initialised:
            self.initialise(features_BF.detach())
        closeness_BK = self.sums(features_BF) + self.bias
        return torch.cat([features_BF, closeness_BK.to(features_BF.dtype)], -1)

    def sums(self, features_BF: Tensor) -> Tensor:
        """Closeness to all other images [B, K]."""
        return self.distances(features_BF).neg().exp().sum(1)

    def distances(self, features_BF: Tensor) -> Tensor:
        """L1 distances [B, B, K] in full precision, infinite from an image to itself."""
        with torch.autocast(features_BF.device.type, enabled=False):
            kernel_FKD = self.direction * (self.log_scale.exp() / self.direction.norm(dim=0))
            projected_BKD = torch.einsum("bf,fkd->bkd", features_BF.float(), kernel_FKD)
            distance_BBK = (projected_BKD.unsqueeze(0) - projected_BKD.unsqueeze(1)).abs().sum(-1)
            itself_BB1 = torch.eye(len(features_BF), dtype=torch.bool, device=features_BF.device).unsqueeze(-1)
            return distance_BBK.masked_fill(itself_BB1, torch.inf)

    @torch.no_grad()
    def initialise(self, features_BF: Tensor) -> None:
        """Sets scale and bias from the first batch, the same on all devices."""
        half_nearest_K = mean_over_ranks(0.5 * self.distances(features_BF).amin(1).mean(0))
        self.log_scale.sub_(half_nearest_K.clamp_min(1e-6).log().unsqueeze(-1))  # identical images are 0 apart
        self.bias.copy_(-mean_over_ranks(self.sums(features_BF).mean(0)))
        self.is_initialised = True

    def get_extra_state(self) -> Tensor:
        return torch.tensor(self.is_initialised)

    def set_extra_state(self, state: Tensor) -> None:
        self.is_initialised = bool(state)

    def _load_from_state_dict(self, state: dict[str, Any], prefix: str, *arguments: Any) -> None:
        """Reads checkpoints of earlier versions, with T as one matrix and neither scale nor bias."""
        if f"{prefix}project.weight" in state:
            kernel_FKD = state.pop(f"{prefix}project.weight").T.unflatten(1, self.log_scale.shape)
            state[f"{prefix}direction"] = kernel_FKD
            state[f"{prefix}log_scale"] = kernel_FKD.norm(dim=0).log()
            state[f"{prefix}bias"] = torch.zeros_like(self.bias)
            state[f"{prefix}_extra_state"] = torch.tensor(True)
        super()._load_from_state_dict(state, prefix, *arguments)


def mean_over_ranks(value: Tensor) -> Tensor:
    """Averages over devices."""
    if dist.is_initialized():
        dist.all_reduce(value)
        value /= dist.get_world_size()
    return value
