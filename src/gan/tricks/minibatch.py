"""Tricks that show the discriminator the variety of a batch.

B batch, F features, K kernels, D dimensions of a kernel, G groups, S images of a group, C channels, H height, W width,
P packs.
"""

from abc import ABC, abstractmethod
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from src.core.validation import COUNT, SEVERAL
from src.data.spec import Shape
from src.gan.interfaces import GANInterface
from src.gan.networks.dcgan import Head, initialise
from src.gan.networks.own import require_linear_head
from src.gan.tricks.trick import Trick


class MinibatchLayer(Trick, ABC):
    """Adds a layer behind the discriminator's body that appends statistics of the batch to each image's features.

    Real and generated images are in separate batches, so the statistics show a lack of variety.
    """

    mixes_samples = True

    @abstractmethod
    def statistics(self, num_features: int) -> tuple[nn.Module, int]:
        """Makes the layer, from features [B, F] to features with statistics, and counts the statistics."""

    def attach(self, gan: GANInterface) -> None:
        require_linear_head(gan.discriminator, " + ".join(gan.tricks))
        head = gan.discriminator.head
        if is_parametrized(head):
            raise ValueError(
                f"gan.tricks={list(gan.tricks)}: name spectral_norm last, and san, so that they find the layers of the "
                "others"
            )
        layer, num_statistics = self.statistics(head.in_features)
        gan.discriminator.body.append(layer)
        gan.discriminator.head = Head(head.in_features + num_statistics, head.out_features)
        for added in (layer, gan.discriminator.head):
            initialise(added)


class MinibatchDiscrimination(MinibatchLayer):
    """Adds closeness to the other images under learnt kernels (Salimans et al. 2016, arXiv:1606.03498, section 3.2).

    Initialisation and parametrisation are those of the authors' code.

    Args:
        num_kernels: number of closeness features.
        kernel_size: dimensions of the space in which each is measured.
    """

    starts_from_first_batch = True

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


class MinibatchStddev(MinibatchLayer):
    """Adds one feature: the standard deviation over a group of images, averaged over all features.

    Karras et al. 2018, arXiv:1710.10196; groups as in their code. StyleGAN2 combines it with R1 (Karras
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


class Packing(Trick):
    """m images, all real or all generated, stacked as channels under one logit (Lin et al. 2018, arXiv:1712.04086).

    A batch of B images has B / m logits.

    Args:
        m: images per pack.
    """

    mixes_samples = True
    excludes_labels = "shows several images under one logit, each with a label of its own"

    def __init__(self, m: int = 2):
        super().__init__()
        self.m = self.number("m", m, SEVERAL)

    def discriminator_shape(self, shape: Shape) -> Shape:
        channels, height, width = shape
        return self.m * channels, height, width

    def pack_inputs(self, images_BCHW: Tensor, z_BZ: Tensor | None) -> Tensor:
        if len(images_BCHW) % self.m:
            raise ValueError(
                f"{self.key}.m={self.m} does not divide a batch of {len(images_BCHW)}: choose batch_size as a "
                "multiple of it"
            )
        packs_PmCHW = images_BCHW.unflatten(0, (-1, self.m))
        return packs_PmCHW.flatten(1, 2)
