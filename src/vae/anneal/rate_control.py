"""Rate targets: the KL, or the reconstruction, is driven to a chosen value.

B batch, R rates, one per level.
"""

from typing import Any

import torch
from torch import Tensor

from src.core.validation import NOT_NEGATIVE, PART, POSITIVE, SHARE
from src.vae.anneal.annealer import Annealer, KLTransform, Levels, PerLevel
from src.vae.interfaces import VAEInterface
from src.vae.latents import KLs, total


class Capacity(KLTransform):
    """γ|KL_l − C_l(t)| with a capacity C that grows linearly (Burgess et al. 2018, arXiv:1804.03599).

    Args:
        target: final C of each level, in nats.
        duration: share of the run over which C grows.
        gamma: γ, the paper's 1000; must be well above 1, the price of a nat of KL in the bound.
    """

    def __init__(self, target: PerLevel = 4.0, duration: float = 0.5, gamma: float = 1000.0):
        super().__init__()
        self.target = self.levels("target", target, NOT_NEGATIVE)
        self.duration = self.number("duration", duration, SHARE)
        self.gamma = self.number("gamma", gamma, POSITIVE)

    def capacity(self, t: float) -> tuple[float, ...]:
        """C of each level at progress t, in nats."""
        share = min(1.0, t / self.duration)
        return tuple(target * share for target in self.of_levels(self.target))

    def penalty(self, kls: KLs, beta: Levels) -> Tensor:
        parts = zip(beta, kls.levels_B, self.capacity(self.progress), strict=True)
        return self.gamma * total(weight * (kl_B.mean(-1) - capacity).abs() for weight, kl_B, capacity in parts)

    def charts(self) -> dict[str, float | Tensor]:
        return self.charts_of("capacity", self.capacity(self.progress))


class PIController(Annealer):
    """ControlVAE: a PI controller sets β so that the KL reaches its target (Shao et al. 2020, arXiv:2004.05988).

    Per level, β = Kp / (1 + e^{error}) + I + β_min with error = target − KL and I ← I − Ki · error. I is clamped to
    [0, β_max − β_min] (anti-windup), so that β reacts at once when the error changes sign.

    Args:
        target: KL of each level, in nats.
        proportional: Kp.
        integral: Ki, per step; the paper's 1e-4 moves β by 1 in 10⁴ steps per nat of error.
        minimum: β_min.
        maximum: β_max; at 1 the KL is never pushed below what the plain bound would choose.
    """

    name = "control"

    def __init__(
        self,
        target: PerLevel = 4.0,
        proportional: float = 0.01,
        integral: float = 0.0001,
        minimum: float = 0.0,
        maximum: float = 1.0,
    ):
        super().__init__()
        self.target = self.levels("target", target, NOT_NEGATIVE)
        self.proportional = self.number("proportional", proportional, NOT_NEGATIVE)
        self.integral = self.number("integral", integral, POSITIVE)
        self.minimum = self.number("minimum", minimum, NOT_NEGATIVE)
        self.maximum = self.number("maximum", maximum, POSITIVE)
        if minimum >= maximum:
            raise ValueError(f"{self.key}.minimum={minimum}: choose less than maximum={maximum}")
        self.sum_R = torch.zeros(len(self.level_names))

    def attach(self, vae: VAEInterface) -> None:
        super().attach(vae)
        self.sum_R = torch.zeros(len(self.level_names))

    def beta(self, kls: KLs) -> Levels:
        error_R = self.error(kls)
        beta_R = self.proportional * torch.sigmoid(-error_R) + self.next_sum(error_R) + self.minimum
        return tuple(beta_R.clamp(max=self.maximum))

    def observe(self, distortion_B: Tensor, kls: KLs) -> None:
        self.sum_R = self.next_sum(self.error(kls))

    def error(self, kls: KLs) -> Tensor:
        """target − KL of each level [R]."""
        parts = zip(self.of_levels(self.target), kls.levels_B, strict=True)
        return torch.stack([target - kl_B.mean(-1) for target, kl_B in parts])

    def next_sum(self, error_R: Tensor) -> Tensor:
        return (self.sum_R.to(error_R.device) - self.integral * error_R).clamp(0, self.maximum - self.minimum)

    def charts(self) -> dict[str, float | Tensor]:
        return self.charts_of("target", self.of_levels(self.target)) | self.charts_of("integral", self.sum_R)

    def state_dict(self) -> dict[str, Any]:
        return {"sum": self.sum_R}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.sum_R = state["sum"]


class GECO(Annealer):
    """Minimal KL under a bound on the reconstruction (Rezende & Viola 2018, arXiv:1810.00597).

    The loss is λ(distortion − target) + KL. The Lagrange multiplier λ is multiplied by e^{speed · C} per step, where C
    is the running mean of the constraint, distortion − target.

    Args:
        target: −log p(x|z) to reach, in nats per sample.
        decay: of the running mean.
        speed: of λ, per step and nat.
        minimum: of λ.
        maximum: of λ, reached if the target cannot be.
    """

    def __init__(
        self,
        target: float = 15.0,
        decay: float = 0.99,
        speed: float = 0.001,
        minimum: float = 0.1,
        maximum: float = 10.0,
    ):
        super().__init__()
        self.target = self.number("target", target, NOT_NEGATIVE)
        self.decay = self.number("decay", decay, PART)
        self.speed = self.number("speed", speed, POSITIVE)
        self.minimum = self.number("minimum", minimum, POSITIVE)
        self.maximum = self.number("maximum", maximum, POSITIVE)
        if minimum > 1 or maximum < 1:
            raise ValueError(f"{self.key}.minimum={minimum} maximum={maximum}: λ starts at 1; enclose it")
        self.weight = torch.tensor(1.0)
        self.constraint: Tensor | None = None

    def reconstruction_weight(self) -> Tensor:
        return self.weight

    def observe(self, distortion_B: Tensor, kls: KLs) -> None:
        violation = distortion_B.mean(-1) - self.target
        if self.constraint is None:
            self.constraint = violation
        self.constraint = self.decay * self.constraint + (1 - self.decay) * violation
        self.weight = (self.weight * torch.exp(self.speed * self.constraint)).clamp(self.minimum, self.maximum)

    def charts(self) -> dict[str, float | Tensor]:
        constraint = 0.0 if self.constraint is None else self.constraint
        return {"reconstruction_weight": self.weight, "constraint": constraint}

    def state_dict(self) -> dict[str, Any]:
        return {"weight": self.weight, "constraint": self.constraint}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.weight = state["weight"]
        self.constraint = state["constraint"]
