"""Several discriminator updates for each of the generator's."""

from src.core.validation import COUNT
from src.gan.interfaces import GANInterface
from src.gan.tricks.trick import Trick


class NCritic(Trick):
    """Updates the generator in every nth step (Goodfellow et al. 2014, arXiv:1406.2661, algorithm 1).

    The update is in the last step of each round, which coincides with the logged steps. n = 5 is customary since
    Arjovsky et al. 2017 (arXiv:1701.07875).

    Args:
        n: discriminator updates per generator update.
    """

    def __init__(self, n: int = 5):
        super().__init__()
        self.n = self.steps_per_generator_update = self.number("n", n, COUNT)

    def before_step(self, gan: GANInterface) -> None:
        self.should_update_generator = (gan.steps + 1) % self.n == 0

    def graph_key(self, gan: GANInterface) -> bool:
        return self.should_update_generator
