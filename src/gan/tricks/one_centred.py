"""Penalties that pull the discriminator's slope towards 1; what tells them apart is where."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from src.gan.step import Step
from src.gan.tricks.trick import Trick


class OneCentred(Trick, ABC):
    """λ E(‖∇D(x)‖ − 1)² at every discriminator update.

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

    def discriminator_term(self, step: Step) -> Tensor:
        images_BCHW = self.places(step).detach().requires_grad_()
        gradient_BCHW = step.gan.input_gradient(step.gan.judge(images_BCHW))
        slope_B = torch.linalg.vector_norm(gradient_BCHW, dim=(-3, -2, -1))
        return self.weight * (slope_B - 1).square().mean(-1)
