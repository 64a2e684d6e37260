"""Burn-in: let the networks find each other fast, then settle down."""

import math
from typing import TYPE_CHECKING

from torch.optim import Optimizer

from src.core.validation import POSITIVE, SHARE
from src.gan.tricks.ema import EMA
from src.gan.tricks.trick import Trick
from src.gan.tricks.zero_centred import ZeroCentred

if TYPE_CHECKING:
    from src.gan.module import GAN


class BurnIn(Trick):
    """Hyperparameters that move along half a cosine while the run is young, then stay (Huang et al. 2024).

    arXiv:2501.05441, appendix. The learning rates fall and Adam's β₂ climbs from what the optimizers are configured
    with; the γ of `r1` and `r2` falls from its own; the half-life of `ema` climbs from 0, in place of its own schedule.

    Args:
        share: of the run, that is burn-in.
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
        SHARE.check("gan.tricks.burn_in.share", share)
        for name, value in (("lr", lr), ("gamma", gamma), ("half_life", half_life)):
            POSITIVE.check(f"gan.tricks.burn_in.{name}", value)
        if not 0 <= beta2 < 1:
            raise ValueError(f"gan.tricks.burn_in.beta2={beta2}: choose a number from 0 to less than 1")
        self.share = share
        self.lr = lr
        self.gamma = gamma
        self.beta2 = beta2
        self.half_life = half_life
        self.values: dict[str, float] = {}

    def attach(self, gan: "GAN") -> None:
        self.first_gamma = {
            name: trick.gamma.item() for name, trick in gan.tricks.items() if isinstance(trick, ZeroCentred)
        }
        for trick in gan.tricks.values():
            if isinstance(trick, EMA):
                trick.ramp = math.inf

    def tune(self, generator_optimizer: Optimizer, discriminator_optimizer: Optimizer) -> None:
        for optimizer in (generator_optimizer, discriminator_optimizer):
            if "betas" not in optimizer.defaults:
                raise ValueError(
                    f"gan.tricks=burn_in moves Adam's β₂, which {type(optimizer).__name__} lacks: choose "
                    "torch.optim.Adam, or leave the trick out"
                )

    def before_step(self, gan: "GAN") -> None:
        burnt = (1 - math.cos(math.pi * min(1.0, gan.progress / self.share))) / 2
        self.values = {}
        for network, optimizer in zip(("generator", "discriminator"), gan.optimizers(), strict=True):
            for group in optimizer.param_groups:
                # Kept in the group and so in the checkpoint, where a resumed run finds the rate already lowered.
                first_lr = group.setdefault("initial_lr", group["lr"])
                beta1, first_beta2 = group.setdefault("initial_betas", group["betas"])
                group["lr"] = between(first_lr, first_lr * self.lr, burnt)
                group["betas"] = (beta1, between(first_beta2, self.beta2, burnt))
            self.values[f"{network}_lr"] = group["lr"]
        for name, first in self.first_gamma.items():
            self.values[f"{name}_gamma"] = between(first, first * self.gamma, burnt)
            gan.tricks[name].gamma.fill_(self.values[f"{name}_gamma"])
        run_images = gan.total_steps * gan.images_seen / max(1, gan.steps)
        for trick in gan.tricks.values():
            if isinstance(trick, EMA):
                trick.half_life = max(1e-6, self.half_life * run_images * burnt)  # it divides

    def charts(self) -> dict[str, float]:
        return self.values


def between(first: float, last: float, share: float) -> float:
    return first + (last - first) * share
