"""Burn-in: large steps and strong penalties early in the run, smaller ones later."""

import math

from torch.optim import Optimizer

from src.core.validation import BELOW_ONE, POSITIVE, SHARE
from src.gan.interfaces import GANInterface
from src.gan.tricks.ema import EMA
from src.gan.tricks.finite_differences import FiniteDifference
from src.gan.tricks.gradient_penalties import ZeroCentred
from src.gan.tricks.trick import Trick


class BurnIn(Trick):
    """Moves hyperparameters along half a cosine early in the run, then keeps them constant (Huang et al. 2024).

    arXiv:2501.05441, appendix. The learning rates fall and Adam's β₂ rises from the optimizers' configured values.
    The γ of `r1` and `r2`, or the weight of `r1_approx` and `r2_approx`, falls from its own; the half-life of `ema`
    rises from 0, replacing its own schedule.

    Args:
        share: of the run, over which they move.
        lr: final learning rate, as a multiple of the first.
        gamma: final γ, as a multiple of the first.
        beta2: final β₂.
        half_life: final half-life, as a share of the run.
    """

    def __init__(
        self,
        share: float = 0.2,
        lr: float = 0.25,
        gamma: float = 0.1,
        beta2: float = 0.99,
        half_life: float = 0.05,
    ):
        super().__init__()
        self.share = self.number("share", share, SHARE)
        self.lr = self.number("lr", lr, POSITIVE)
        self.gamma = self.number("gamma", gamma, POSITIVE)
        self.beta2 = self.number("beta2", beta2, BELOW_ONE)
        self.half_life = self.number("half_life", half_life, POSITIVE)
        self.values: dict[str, float] = {}

    def attach(self, gan: GANInterface) -> None:
        penalties = {
            name: trick for name, trick in gan.tricks.items() if isinstance(trick, ZeroCentred | FiniteDifference)
        }
        self.coefficients = {name: trick.coefficient for name, trick in penalties.items()}
        self.first = {name: getattr(trick, trick.coefficient).item() for name, trick in penalties.items()}
        for trick in gan.tricks.values():
            if isinstance(trick, EMA):
                trick.ramp = math.inf

    def configure_optimizers(self, generator_optimizer: Optimizer, discriminator_optimizer: Optimizer) -> None:
        for optimizer in (generator_optimizer, discriminator_optimizer):
            if "betas" not in optimizer.defaults:
                raise ValueError(
                    f"gan.tricks=burn_in moves Adam's β₂, which {type(optimizer).__name__} lacks: choose "
                    "torch.optim.Adam, or leave the trick out"
                )

    def before_step(self, gan: GANInterface) -> None:
        done = (1 - math.cos(math.pi * min(1.0, gan.progress / self.share))) / 2
        self.values = {}
        for network, optimizer in zip(("generator", "discriminator"), gan.optimizers(), strict=True):
            for group in optimizer.param_groups:
                # In the group and so in the checkpoint, as a resumed run finds the rate already lowered.
                first_lr = group.setdefault("initial_lr", group["lr"])
                beta1, first_beta2 = group.setdefault("initial_betas", group["betas"])
                group["lr"] = interpolate(first_lr, first_lr * self.lr, done)
                group["betas"] = (beta1, interpolate(first_beta2, self.beta2, done))
            self.values[f"{network}_lr"] = group["lr"]
        for name, coefficient in self.coefficients.items():
            value = interpolate(self.first[name], self.first[name] * self.gamma, done)
            getattr(gan.tricks[name], coefficient).fill_(value)
            self.values[f"{name}_{coefficient}"] = value
        run_images = gan.total_steps * gan.images_seen / max(1, gan.steps)
        for trick in gan.tricks.values():
            if isinstance(trick, EMA):
                trick.half_life = max(1e-6, self.half_life * run_images * done)  # it divides

    def logs(self) -> dict[str, float]:
        return self.values


def interpolate(first: float, last: float, share: float) -> float:
    return first + (last - first) * share
