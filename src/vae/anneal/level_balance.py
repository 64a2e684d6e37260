"""KL weights that balance the levels during warm-up."""

import torch

from src.core.validation import SHARE
from src.vae.anneal.annealer import Annealer, Levels
from src.vae.latents import KLs

LEAST_KL = 0.01  # nats added to each level's KL, so that collapsed levels weigh the same


class LevelBalance(Annealer):
    """During warm-up the level with the greater KL has the greater β (Vahdat & Kautz 2020, arXiv:2007.03898).

    β_l = w_l · t/T₀ with w ∝ E|KL_l|, detached, of mean 1 over the levels; from T₀ on β = 1. A level whose KL is small
    is thus hardly penalised.

    Args:
        duration: T₀, the share of the run over which β rises.
    """

    def __init__(self, duration: float = 0.3):
        super().__init__()
        self.duration = self.number("duration", duration, SHARE)

    def beta(self, kls: KLs) -> Levels:
        if self.progress >= self.duration:
            return super().beta(kls)
        size = torch.stack([kl_B.abs().mean(-1) for kl_B in kls.levels_B]).detach() + LEAST_KL
        return tuple(self.progress / self.duration * size / size.mean())
