"""Logit centring: keeps the logits of real and generated images on either side of zero."""

from torch import Tensor

from src.gan.interfaces import GANInterface, Step
from src.gan.losses import LeastSquares
from src.gan.tricks.trick import Trick


class LogitCentring(Trick):
    """w E(D(x) + D(G(z)))²: stops the common drift of all logits (Lin et al. 2025, arXiv:2511.22475).

    Relativistic losses and the Wasserstein loss see differences of logits only, and leave their mean free.

    Args:
        weight: w.
    """

    def __init__(self, weight: float = 0.01):
        super().__init__()
        self.weight = weight

    def attach(self, gan: GANInterface) -> None:
        if isinstance(gan.loss, LeastSquares):
            raise ValueError(
                "gan.tricks=logit_centring centres logits at 0, and gan.loss=least_squares at ½, between its targets: "
                "choose another loss, or leave the trick out"
            )

    def discriminator_penalty(self, step: Step) -> Tensor:
        return self.weight * (step.real.logits_B.float() + step.fake.logits_B.float()).square().mean(-1)
