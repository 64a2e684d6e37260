"""R1 and R2: penalties that keep the discriminator flat around real or generated images."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from src.gan.step import Judged, Step
from src.gan.tricks.trick import Trick

if TYPE_CHECKING:
    from src.gan.module import GAN


class ZeroCentred(Trick):
    """(γ/2) E‖∇D(x)‖², at every step: applied lazily it fails (Huang et al. 2024, arXiv:2501.05441, appendix).

    Args:
        gamma: weight of the penalty; images are in [-1, 1].
        evenly: of stacked characters, all channels cost what the most heeded one costs, so that it costs nothing to
            heed the others as much: C · max_c E‖∇_c D(x)‖² in place of the sum over the C channels. By the sum a
            discriminator can go nearly blind to one. What norm the gradient is measured in is free: each belongs to a
            distance of its own between images (Adler & Lunz 2018, arXiv:1806.06621).
    """

    needs_input_gradients = True
    differentiates_twice = True

    def __init__(self, gamma: float = 1.0, evenly: bool = False):
        super().__init__()
        self.evenly = evenly
        self.register_buffer("gamma", torch.tensor(float(gamma)), persistent=False)

    def attach(self, gan: "GAN") -> None:
        if self.evenly and gan.spec.shape[0] == 1:
            key = f"gan.tricks.{type(self).__name__.lower()}.evenly=true"
            raise ValueError(
                f"{key} is about several channels, and these images have one: stack some with data.stack=2, or leave "
                "it out"
            )

    def penalty(self, step: Step, images: Judged) -> Tensor:
        squares_BCHW = step.gan.input_gradient(images).square()
        if self.evenly:
            heed_C = squares_BCHW.sum((-2, -1)).mean(-2)
            return self.gamma / 2 * heed_C.shape[-1] * heed_C.amax(-1)
        return self.gamma / 2 * squares_BCHW.sum((-3, -2, -1)).mean(-1)


class R1(ZeroCentred):
    """Over real images (Mescheder et al. 2018, arXiv:1801.04406, eq. 9)."""

    def discriminator_term(self, step: Step) -> Tensor:
        return self.penalty(step, step.real)


class R2(ZeroCentred):
    """Over generated images (Mescheder et al. 2018, arXiv:1801.04406, eq. 10)."""

    def discriminator_term(self, step: Step) -> Tensor:
        return self.penalty(step, step.fake)
