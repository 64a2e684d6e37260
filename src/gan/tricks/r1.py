"""R1: a penalty on the discriminator's gradient at real images."""

import torch
from torch import Tensor

from src.gan.step import Step
from src.gan.tricks.trick import Trick


class R1(Trick):
    """(γ/2) E‖∇D(x)‖² over real images x, at every step (Mescheder et al. 2018, arXiv:1801.04406, eq. 9).

    Args:
        gamma: weight of the penalty; images are in [-1, 1].
    """

    needs_input_gradients = True

    def __init__(self, gamma: float = 1.0):
        super().__init__()
        self.gamma = gamma

    def discriminator_term(self, step: Step) -> Tensor:
        (gradient_BCHW,) = torch.autograd.grad(step.real.logits_B.sum(), step.real.images_BCHW, create_graph=True)
        return self.gamma / 2 * gradient_BCHW.float().square().sum((-3, -2, -1)).mean(-1)
