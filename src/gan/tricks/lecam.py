"""LeCam: a discriminator's verdicts are held to their own history."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import relu

from src.core.validation import COUNT, PART
from src.gan.step import Step
from src.gan.tricks.trick import Trick

if TYPE_CHECKING:
    from src.gan.module import GAN


class Lecam(Trick):
    """λ (E relu(D(x) − α_fake)² + E relu(α_real − D(G(z)))²) with moving averages α of the other kind's mean logits.

    Tseng et al. 2021, arXiv:2104.03310; one-sided and averaged as in their code. At first the averages follow the
    latest batch and nothing is penalised.

    Args:
        weight: λ; 0.3 is for logits of the size that the hinge loss leads to.
        decay: what remains of an average after a step.
        warm_up: steps before the penalty sets in, at least 1.
    """

    def __init__(self, weight: float = 0.3, decay: float = 0.99, warm_up: int = 1000):
        super().__init__()
        PART.check("gan.tricks.lecam.decay", decay)
        COUNT.check("gan.tricks.lecam.warm_up", warm_up)
        self.weight = weight
        self.decay = decay
        self.warm_up = warm_up
        self.register_buffer("real_average", torch.zeros(()))
        self.register_buffer("fake_average", torch.zeros(()))

    def before_step(self, gan: "GAN") -> None:
        self.warm = gan.steps >= self.warm_up

    def discriminator_term(self, step: Step) -> Tensor | float:
        if not self.warm:
            return 0.0
        above_fake_B = relu(step.real.logits_B.float() - self.fake_average)
        below_real_B = relu(self.real_average - step.fake.logits_B.float())
        return self.weight * (above_fake_B.square().mean(-1) + below_real_B.square().mean(-1))

    @torch.no_grad()
    def after_discriminator(self, gan: "GAN", step: Step) -> None:
        novelty = 1 - self.decay if self.warm else 1.0
        for average, judged in ((self.real_average, step.real), (self.fake_average, step.fake)):
            average.lerp_(judged.logits_B.float().mean(), novelty)
