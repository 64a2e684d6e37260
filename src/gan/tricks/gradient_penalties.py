"""Penalties on the discriminator's gradient with respect to its input, the slope ∇D.

B batch, C channels, H height, W width.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from src.gan.interfaces import GANInterface, ScoredImages, Step
from src.gan.tricks.trick import Trick


class ZeroCentred(Trick):
    """(γ/2) E‖∇D(x)‖² at every step, since lazy regularisation fails (Huang et al. 2024, arXiv:2501.05441, app. E).

    Args:
        gamma: γ; images are in [-1, 1].
        channel_max: of stacked characters, penalise C times the largest per-channel squared norm,
            C · max_c E‖∇_c D(x)‖², instead of the sum over channels, under which a discriminator can become nearly
            blind to one of them. Every norm of the gradient corresponds to a distance between images (Adler & Lunz
            2018, arXiv:1806.06621).
    """

    needs_input_gradients = True
    differentiates_twice = True

    coefficient: ClassVar[str] = "gamma"  # which `burn_in` moves

    def __init__(self, gamma: float = 1.0, channel_max: bool = False):
        super().__init__()
        self.channel_max = channel_max
        self.register_buffer("gamma", torch.tensor(float(gamma)), persistent=False)

    def attach(self, gan: GANInterface) -> None:
        if self.channel_max and gan.spec.stack == 1:
            raise ValueError(
                f"{self.key}.channel_max=true needs several characters per image, one on "
                "each channel, and these images have one: stack some with data.stack=2, or leave it out"
            )

    def penalty(self, step: Step, scored: ScoredImages) -> Tensor:
        squares_BCHW = step.gan.input_gradient(scored).square()
        if self.channel_max:
            square_C = squares_BCHW.sum((-2, -1)).mean(-2)
            return self.gamma / 2 * square_C.shape[-1] * square_C.amax(-1)
        return self.gamma / 2 * squares_BCHW.sum((-3, -2, -1)).mean(-1)


class R1(ZeroCentred):
    """Over real images (Mescheder et al. 2018, arXiv:1801.04406, eq. 9)."""

    def discriminator_penalty(self, step: Step) -> Tensor:
        return self.penalty(step, step.real)


class R2(ZeroCentred):
    """Over generated images (Mescheder et al. 2018, arXiv:1801.04406, eq. 10)."""

    def discriminator_penalty(self, step: Step) -> Tensor:
        return self.penalty(step, step.fake)


class OneCentred(Trick, ABC):
    """λ E(‖∇D(x)‖ − 1)² at every discriminator update, at images x that a subclass chooses, with the real ones' labels.

    Args:
        weight: λ; images are in [-1, 1].
    """

    needs_input_gradients = True
    differentiates_twice = True

    def __init__(self, weight: float = 10.0):
        super().__init__()
        self.weight = weight

    @abstractmethod
    def places(self, step: Step) -> Tensor:
        """The images [B, C, H, W] at which the slope is taken."""

    def discriminator_penalty(self, step: Step) -> Tensor:
        images_BCHW = self.places(step).detach().requires_grad_()
        scored = step.gan.discriminate(images_BCHW, labels_BS=step.real.labels_BS)
        gradient_BCHW = step.gan.input_gradient(scored)
        slope_B = torch.linalg.vector_norm(gradient_BCHW, dim=(-3, -2, -1))
        return self.weight * (slope_B - 1).square().mean(-1)


class GradientPenalty(OneCentred):
    """WGAN-GP: at random points between a real and a generated image (Gulrajani et al. 2017, arXiv:1704.00028).

    The paper uses no batch normalisation in the critic and five critic updates per generator update.
    """

    bounds_slope = True

    def places(self, step: Step) -> Tensor:
        real_BCHW, fake_BCHW = step.real.images_BCHW, step.fake.images_BCHW
        share_B111 = torch.rand_like(real_BCHW[..., :1, :1, :1])
        return real_BCHW + share_B111 * (fake_BCHW - real_BCHW)


class Dragan(OneCentred):
    """At points between a real image and its perturbed copy, x + α · `noise` · σ · U.

    Kodali et al. 2017, arXiv:1705.07215, as in the authors' code: α ~ U(0, 1) for each image, U ~ U(0, 1) for each of
    its pixels, and σ the standard deviation of the batch. The slope is bounded near the data only, which is not enough
    for a Wasserstein distance.

    Args:
        weight: λ.
        noise: largest perturbation, in standard deviations of a pixel.
    """

    def __init__(self, weight: float = 10.0, noise: float = 0.5):
        super().__init__(weight)
        self.noise = noise

    def places(self, step: Step) -> Tensor:
        real_BCHW = step.real.images_BCHW
        deviation = real_BCHW.std((-4, -3, -2, -1), correction=0, keepdim=True)
        share_B111 = torch.rand_like(real_BCHW[..., :1, :1, :1])
        return real_BCHW + share_B111 * self.noise * deviation * torch.rand_like(real_BCHW)
