"""R1 and R2: penalties that keep the discriminator flat around real or generated images."""

import torch
from torch import Tensor

from src.gan.step import Judged, Step
from src.gan.tricks.trick import Trick


class ZeroCentred(Trick):
    """(γ/2) E‖∇D(x)‖², at every step: applied lazily it fails (Huang et al. 2024, arXiv:2501.05441, appendix).

    Args:
        gamma: weight of the penalty; images are in [-1, 1].
    """

    needs_input_gradients = True
    differentiates_twice = True

    def __init__(self, gamma: float = 1.0):
        super().__init__()
        self.register_buffer("gamma", torch.tensor(float(gamma)), persistent=False)

    def penalty(self, step: Step, images: Judged) -> Tensor:
        gradient_BCHW = step.gan.input_gradient(images)
        return self.gamma / 2 * gradient_BCHW.square().sum((-3, -2, -1)).mean(-1)


class R1(ZeroCentred):
    """Over real images (Mescheder et al. 2018, arXiv:1801.04406, eq. 9)."""

    def discriminator_term(self, step: Step) -> Tensor:
        return self.penalty(step, step.real)


class R2(ZeroCentred):
    """Over generated images (Mescheder et al. 2018, arXiv:1801.04406, eq. 10)."""

    def discriminator_term(self, step: Step) -> Tensor:
        return self.penalty(step, step.fake)
