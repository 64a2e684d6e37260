"""Several discriminator updates for each of the generator's."""

from typing import TYPE_CHECKING

from src.core.validation import COUNT
from src.gan.tricks.trick import Trick

if TYPE_CHECKING:
    from src.gan.module import GAN


class NCritic(Trick):
    """The generator moves in every nth step only (Goodfellow et al. 2014, arXiv:1406.2661, algorithm 1).

    It moves in the last step of each round, which is the one that falls on the curves' steps. Five is customary since
    Arjovsky et al. 2017 (arXiv:1701.07875).

    Args:
        n: discriminator updates a generator update.
    """

    def __init__(self, n: int = 5):
        super().__init__()
        COUNT.check("gan.tricks.n_critic.n", n)
        self.n = self.steps_per_generator_update = n

    def before_step(self, gan: "GAN") -> None:
        self.completes_round = (gan.steps + 1) % self.n == 0

    def generator_moves(self, gan: "GAN") -> bool:
        return self.completes_round
