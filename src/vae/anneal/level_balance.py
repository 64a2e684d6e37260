"""KL weights that keep the levels alive alike while the whole is warmed up."""

import torch

from src.core.validation import SHARE
from src.vae.anneal.annealer import Annealer, Levels
from src.vae.latents import Rates

LEAST_KL = 0.01  # nats added to each level's KL, so that two silent levels weigh the same


class LevelBalance(Annealer):
    """While β climbs, the level with the greater KL pays more for it (Vahdat & Kautz 2020, arXiv:2007.03898, app. A).

    β_l = w_l · t/T₀ with w ∝ E|KL_l|, detached, and a mean of 1 over the levels; from T₀ on β = 1. The level that falls
    silent is thereby the one that is left in peace.

    Args:
        over: T₀, the share of the run that the climb takes.
    """

    def __init__(self, over: float = 0.3):
        super().__init__()
        self.over = self.number("over", over, SHARE)

    def beta(self, rates: Rates) -> Levels:
        if self.progress >= self.over:
            return 1.0, 1.0
        size = torch.stack([kl_B.abs().mean(-1) for kl_B in rates.levels_B]).detach() + LEAST_KL
        high, low = self.progress / self.over * size / size.mean()
        return high, low
