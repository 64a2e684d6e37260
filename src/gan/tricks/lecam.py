"""LeCam regularisation: ties the discriminator's logits to their moving averages."""

import torch
from torch import Tensor
from torch.nn.functional import relu

from src.core.validation import COUNT, PART
from src.gan.interfaces import GANInterface, Step
from src.gan.tricks.trick import Trick


class Lecam(Trick):
    """λ (E relu(D(x) − α_fake)² + E relu(α_real − D(G(z)))²) with moving averages α of the other kind's mean logits.

    Tseng et al. 2021, arXiv:2104.03310; one-sided and averaged as in their code. In the warm-up the averages are those
    of the latest batch, and there is no penalty.

    Args:
        weight: λ; 0.3 suits the logits under the hinge loss.
        decay: of the averages, per step.
        warm_up: steps without penalty, at least 1.
    """

    def __init__(self, weight: float = 0.3, decay: float = 0.99, warm_up: int = 1000):
        super().__init__()
        self.weight = weight
        self.decay = self.number("decay", decay, PART)
        self.warm_up = self.number("warm_up", warm_up, COUNT)
        self.register_buffer("real_average", torch.zeros(()))
        self.register_buffer("fake_average", torch.zeros(()))

    def before_step(self, gan: GANInterface) -> None:
        self.is_warm = gan.steps >= self.warm_up

    def graph_key(self, gan: GANInterface) -> bool:
        return self.is_warm

    def discriminator_penalty(self, step: Step) -> Tensor | float:
        if not self.is_warm:
            return 0.0
        above_fake_B = relu(step.real.logits_B.float() - self.fake_average)
        below_real_B = relu(self.real_average - step.fake.logits_B.float())
        return self.weight * (above_fake_B.square().mean(-1) + below_real_B.square().mean(-1))

    @torch.no_grad()
    def after_discriminator(self, gan: GANInterface, step: Step) -> None:
        share = 1 - self.decay if self.is_warm else 1.0
        for average, scored in ((self.real_average, step.real), (self.fake_average, step.fake)):
            average.lerp_(scored.logits_B.float().mean(), share)
