"""SAN: the discriminator's last layer is the direction in which the features of real and generated images differ most.

B batch, F features.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.nn.utils import parametrize

from src.gan.interfaces import GANInterface, Step
from src.gan.losses import FeatureMatching, LeastSquares
from src.gan.networks.own import require_linear_head
from src.gan.tricks.trick import Trick


class SAN(Trick):
    """The loss trains the features; the last layer's direction ω = w/‖w‖ maximises E[ω·h(x)] − E[ω·h(G(z))] alone.

    Slicing adversarial network (Takida et al. 2024, arXiv:2301.12811): gradients of the loss do not reach ω,
    nor those of ω the features h. As in the authors' code the scale ‖w‖ belongs to the features, so that the logits
    start as they would without.
    """

    def attach(self, gan: GANInterface) -> None:
        if isinstance(gan.loss, FeatureMatching):
            raise ValueError(
                f"{self} trains the direction in which the generator's loss looks at features, but "
                "gan.loss=feature_matching looks at all of them: choose another loss, or leave the trick out"
            )
        if isinstance(gan.loss, LeastSquares):
            raise ValueError(
                f"{self} needs a loss that falls with the real logits and rises with the generated ones, which "
                "gan.loss=least_squares does not beyond its targets (arXiv:2309.02836): choose another loss"
            )
        require_linear_head(gan.discriminator, "san")
        parametrize.register_parametrization(gan.discriminator.head, "weight", DetachedDirection())

    def discriminator_penalty(self, step: Step) -> Tensor:
        head: Any = step.gan.discriminator.head
        direction_1F = normalize(head.parametrizations.weight.original, dim=-1)
        scale = torch.linalg.vector_norm(head.weight.detach())
        real_F, fake_F = (scored.features_BF.detach().float().mean(-2) for scored in (step.real, step.fake))
        return (direction_1F * scale * (fake_F - real_F)).sum()


class DetachedDirection(nn.Module):
    """The same weights, of which gradients change the length alone."""

    def forward(self, weight_1F: Tensor) -> Tensor:
        length = torch.linalg.vector_norm(weight_1F)
        return length * (weight_1F / length).detach()
