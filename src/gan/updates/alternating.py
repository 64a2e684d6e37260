"""One network after the other, and what wraps around that."""

from torch import Tensor, nn

from src.core.validation import COUNT, SHARE
from src.gan.interfaces import GANInterface, StepInputs, StepOptimizer
from src.gan.updates.rule import Snapshot, UpdateRule
from src.training.networks import frozen


class Alternating(UpdateRule):
    """First the discriminator, then the generator against the updated one.

    Goodfellow et al. 2014, arXiv:1406.2661, algorithm 1.
    """

    def step(self, gan: GANInterface, inputs: StepInputs, step_optimizer: StepOptimizer) -> dict[str, Tensor]:
        generator_optimizer, discriminator_optimizer = gan.optimizers()

        # The discriminator learns to distinguish real images from generated ones.
        objective = gan.discriminator_objective(inputs)
        gan.backward_and_step(discriminator_optimizer, objective.total, step_optimizer)
        outputs = gan.after_discriminator(objective)
        if not gan.should_update_generator:
            return outputs

        # The generator learns to make images that the discriminator, now fixed, takes for real.
        with frozen(gan.discriminator):
            objective = gan.generator_objective(inputs)
            gan.backward_and_step(generator_optimizer, objective.total, step_optimizer)
        gan.generator_steps += 1
        return outputs | {"generator_loss": objective.loss.detach()}


class Lookahead(Alternating):
    """Lookahead–minmax: after k updates of the generator both networks go back towards where they were.

    Chavdarova et al. 2021, arXiv:2006.14567. The slow weights of both move by α of the way to the fast
    ones, and these start from them again; the optimizers' moments go on. Samples come from the slow weights, under
    gan.tricks=ema from their moving average, which the paper calls EMA-slow.

    Args:
        k: updates of the generator between two updates of the slow weights.
        alpha: α.
    """

    def __init__(self, k: int = 5, alpha: float = 0.5):
        super().__init__()
        self.k = self.number("k", k, COUNT)
        self.alpha = self.number("alpha", alpha, SHARE)

    def attach(self, gan: GANInterface) -> None:
        self.slow = Snapshot(gan)

    def after_step(self, gan: GANInterface) -> None:
        if gan.should_update_generator and gan.generator_steps % self.k == 0:
            self.slow.follow(gan, self.alpha)
            self.slow.restore(gan)

    def current_generator(self, generator: nn.Module) -> nn.Module:
        return self.slow.generator
