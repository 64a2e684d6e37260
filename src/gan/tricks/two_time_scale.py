"""TTUR: a larger learning rate for the discriminator than for the generator."""

from torch.optim import Optimizer

from src.core.validation import POSITIVE
from src.gan.tricks.trick import Trick


class TwoTimeScale(Trick):
    """Sets a learning rate for each network (Heusel et al. 2017, arXiv:1706.08500).

    The defaults are those of Zhang et al. 2019 (arXiv:1805.08318).
    """

    def __init__(self, generator_lr: float = 1e-4, discriminator_lr: float = 4e-4):
        super().__init__()
        self.generator_lr = self.number("generator_lr", generator_lr, POSITIVE)
        self.discriminator_lr = self.number("discriminator_lr", discriminator_lr, POSITIVE)

    def configure_optimizers(self, generator_optimizer: Optimizer, discriminator_optimizer: Optimizer) -> None:
        for group in generator_optimizer.param_groups:
            group["lr"] = self.generator_lr
        for group in discriminator_optimizer.param_groups:
            group["lr"] = self.discriminator_lr
