"""β as a function of training progress, one for all levels or one for each, or balanced between them."""

import math
from abc import ABC, abstractmethod

import torch

from src.core.validation import NOT_NEGATIVE, PART, POSITIVE, SHARE
from src.vae.anneal.annealer import Annealer, Levels, PerLevel
from src.vae.latents import KLs

LEAST_KL = 0.01  # nats added to each level's KL, so that collapsed levels weigh the same


class NoAnnealing(Annealer):
    """β = 1 throughout: the plain ELBO, the baseline of every strategy."""

    name = "none"


class Constant(Annealer):
    """The same β throughout: the β-VAE (Higgins et al. 2017; below 1 as in Roberts et al. 2018, arXiv:1803.05428).

    Args:
        beta: of each level.
    """

    def __init__(self, beta: PerLevel = 0.5):
        super().__init__()
        self.weight = self.levels("beta", beta, NOT_NEGATIVE)

    def beta(self, kls: KLs) -> Levels:
        return self.of_levels(self.weight)


class Schedule(Annealer, ABC):
    """β_l(t) = weight_l · shape(t).

    Args:
        weight: final β of each level.
    """

    def __init__(self, weight: PerLevel = 1.0):
        super().__init__()
        self.weight = self.levels("weight", weight, NOT_NEGATIVE)

    @abstractmethod
    def shape(self, t: float) -> float:
        """The factor in [0, 1] at progress t ∈ [0, 1)."""

    def beta(self, kls: KLs) -> Levels:
        factor = self.shape(self.progress)
        return tuple(weight * factor for weight in self.of_levels(self.weight))


class Linear(Schedule):
    """β rises linearly from 0 to 1, then stays (Sønderby et al. 2016, arXiv:1602.02282).

    Args:
        duration: share of the run over which β rises.
    """

    def __init__(self, duration: float = 0.5, weight: PerLevel = 1.0):
        super().__init__(weight)
        self.duration = self.number("duration", duration, SHARE)

    def shape(self, t: float) -> float:
        return min(1.0, t / self.duration)


class Sigmoid(Schedule):
    """β follows a logistic curve, 1 / (1 + e^{−k(t − t₀)}) (Bowman et al. 2016, arXiv:1511.06349, section 3.1).

    Args:
        steepness: k, per run: the rise from 0.12 to 0.88 takes 4/k of it.
        midpoint: t₀, the share of the run after which β is ½.
        weight: limit of each level's β.
    """

    def __init__(self, steepness: float = 20.0, midpoint: float = 0.25, weight: PerLevel = 1.0):
        super().__init__(weight)
        self.steepness = self.number("steepness", steepness, POSITIVE)
        self.midpoint = self.number("midpoint", midpoint, PART)

    def shape(self, t: float) -> float:
        return 0.5 * (1 + math.tanh(0.5 * self.steepness * (t - self.midpoint)))  # the same curve, never overflowing


class Cosine(Linear):
    """β rises as half a cosine, ½(1 − cos πt/T₀), then stays at 1 (Fu et al. 2019, arXiv:1903.10145).

    Args:
        duration: T₀, the share of the run over which β rises.
    """

    def shape(self, t: float) -> float:
        return 0.5 * (1 - math.cos(math.pi * super().shape(t)))


class Cyclical(Schedule):
    """β rises linearly from 0 to 1, stays there and is reset, several times (Fu et al. 2019, arXiv:1903.10145).

    Args:
        cycles: M, cycles per run; the last may be incomplete.
        ramp: R, the share of a cycle over which β rises.
    """

    def __init__(self, cycles: float = 4.0, ramp: float = 0.5, weight: PerLevel = 1.0):
        super().__init__(weight)
        self.cycles = self.number("cycles", cycles, POSITIVE)
        self.ramp = self.number("ramp", ramp, SHARE)

    def shape(self, t: float) -> float:
        return min(1.0, t * self.cycles % 1.0 / self.ramp)


class Exponential(Schedule):
    """β = 1 − r^step, MusicVAE's warm-up (Roberts et al. 2018, arXiv:1803.05428).

    r is given as a half-life, r^step = 2^{−t / half_life}, so that the curve has one shape in runs of every length.

    Args:
        half_life: share of the run after which β is ½.
        weight: limit of each level's β.
    """

    name = "saturating"

    def __init__(self, half_life: float = 0.1, weight: PerLevel = 1.0):
        super().__init__(weight)
        self.half_life = self.number("half_life", half_life, SHARE)

    def shape(self, t: float) -> float:
        return 1 - 0.5 ** (t / self.half_life)


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
