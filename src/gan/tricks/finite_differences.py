"""Penalties on the discriminator's slope without its gradient: how far the logit moves along random directions.

B batch, C channels, H height, W width, N penalised images.
"""

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.modules.dropout import _DropoutNd

from src.core.validation import POSITIVE, SHARE
from src.gan.interfaces import GANInterface, ScoredImages, Step
from src.gan.networks.dcgan import has_batch_norm
from src.gan.tricks.trick import Trick


class FiniteDifference(Trick):
    """w E(D(x + εn) − D(x))² / ε² with n ~ N(0, I), which tends to w E‖∇D(x)‖² as ε falls: R1 or R2 with γ = 2w.

    Lin et al. 2025, arXiv:2511.22475. It is differentiated once, so that the networks can be compiled.
    Both logits come from one pass of both images, in full precision: in bf16 rounding moves a logit as far as εn does.

    Args:
        weight: w; images are in [-1, 1].
        epsilon: ε, the length of a step along each pixel.
        share: of the batch, the images that the penalty is computed on.
    """

    coefficient: ClassVar[str] = "weight"  # which `burn_in` moves

    weight: Tensor

    def __init__(self, weight: float = 0.25, epsilon: float = 0.01, share: float = 0.25):
        super().__init__()
        self.epsilon = self.number("epsilon", epsilon, POSITIVE)
        self.share = self.number("share", share, SHARE)
        self.register_buffer("weight", torch.tensor(float(weight)), persistent=False)

    def attach(self, gan: GANInterface) -> None:
        """Refuses what moves a logit beside the image: divided by ε², it would outweigh the slope."""
        compares = f"{self} compares the logits of an image and of a near one"
        for name, trick in gan.tricks.items():
            if trick.mixes_samples or trick.overrides(("transform", "pack_inputs")):
                raise ValueError(
                    f"{compares}, but under gan.tricks={name} they depend on more than the image: choose one of them, "
                    f"or {self.name.removesuffix('_approx')}"
                )
        if any(isinstance(layer, _DropoutNd) and layer.p > 0 for layer in gan.discriminator.modules()):
            raise ValueError(f"{compares}, and dropout differs between the two: choose gan.discriminator.dropout=0")
        if has_batch_norm(gan.discriminator):
            raise ValueError(
                f"{compares}, which batch normalisation mixes with others: choose gan.discriminator.norm=none, layer "
                "or group"
            )

    def penalty(self, step: Step, scored: ScoredImages) -> Tensor:
        num = max(1, round(self.share * len(scored.images_BCHW)))
        images_NCHW = scored.images_BCHW[:num].detach().float()
        near_NCHW = images_NCHW + self.epsilon * torch.randn_like(images_NCHW)
        labels = None if scored.labels_BS is None else scored.labels_BS[:num].repeat(2, 1)
        with torch.autocast(images_NCHW.device.type, enabled=False):
            both = step.gan.discriminate(torch.cat([images_NCHW, near_NCHW]), labels_BS=labels)
        here_N, near_N = both.logits_B.chunk(2)
        return self.weight * ((near_N - here_N) / self.epsilon).square().mean()


class R1Approx(FiniteDifference):
    """Over real images."""

    def discriminator_penalty(self, step: Step) -> Tensor:
        return self.penalty(step, step.real)


class R2Approx(FiniteDifference):
    """Over generated images."""

    def discriminator_penalty(self, step: Step) -> Tensor:
        return self.penalty(step, step.fake)
