"""Rate targets: the KL, or the reconstruction, is steered to a value that the user names.

B batch, R rates (high, low).
"""

from typing import Any

import torch
from torch import Tensor

from src.core.validation import NOT_NEGATIVE, PART, POSITIVE, SHARE
from src.vae.anneal.annealer import Annealer, KLTransform, Levels
from src.vae.anneal.parameters import PerLevel
from src.vae.latents import Rates


class Capacity(KLTransform):
    """γ|KL_l − C_l(t)| with a capacity C that grows in a straight line (Burgess et al. 2018, arXiv:1804.03599, eq. 8).

    Args:
        target: C of each level at the end, in nats.
        over: share of the run in which it gets there.
        gamma: γ, the paper's 1000; any well above 1, which a nat of KL is worth at the optimum of the bound, holds it.
    """

    def __init__(self, target: PerLevel = 4.0, over: float = 0.5, gamma: float = 1000.0):
        super().__init__()
        self.target = self.levels("target", target, NOT_NEGATIVE)
        self.over = self.number("over", over, SHARE)
        self.gamma = self.number("gamma", gamma, POSITIVE)

    def capacity(self, t: float) -> tuple[float, float]:
        """C of each level at progress t, in nats."""
        grown = min(1.0, t / self.over)
        return self.target[0] * grown, self.target[1] * grown

    def penalty(self, rates: Rates, beta: Levels) -> Tensor:
        gap_high, gap_low = (
            (kl_B.mean(-1) - capacity).abs()
            for kl_B, capacity in zip(rates.levels_B, self.capacity(self.progress), strict=True)
        )
        return self.gamma * (beta[0] * gap_high + beta[1] * gap_low)

    def charts(self) -> dict[str, float | Tensor]:
        high, low = self.capacity(self.progress)
        return {"capacity_high": high, "capacity_low": low}


class Control(Annealer):
    """A proportional-integral controller turns β until the KL is on target (Shao et al. 2020, arXiv:2004.05988, eq. 7).

    β = Kp / (1 + e^{error}) + I + β_min with error = target − KL and I ← I − Ki · error, on every level by itself. I is
    kept between 0 and β_max − β_min: what β cannot follow is not summed up either, so that it turns round at once when
    the error does, however long it has been at its limit.

    Args:
        target: KL of each level, in nats.
        proportional: Kp.
        integral: Ki, per step; the paper's 1e-4, at which β needs 10⁴ steps to move by 1 where a nat is missing.
        minimum: β_min.
        maximum: β_max; at 1 the KL is held up, never pressed below what the bound itself would choose.
    """

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
            raise ValueError(f"{self.state_key}.minimum={minimum}: choose less than maximum={maximum}")
        self.sum_R = torch.zeros(2)

    def beta(self, rates: Rates) -> Levels:
        error_R = self.error(rates)
        beta_R = self.proportional * torch.sigmoid(-error_R) + self.next_sum(error_R) + self.minimum
        high, low = beta_R.clamp(max=self.maximum)
        return high, low

    def observe(self, distortion_B: Tensor, rates: Rates) -> None:
        self.sum_R = self.next_sum(self.error(rates))

    def error(self, rates: Rates) -> Tensor:
        """How much KL is missing on each level [R]."""
        return torch.stack([target - kl_B.mean(-1) for target, kl_B in zip(self.target, rates.levels_B, strict=True)])

    def next_sum(self, error_R: Tensor) -> Tensor:
        return (self.sum_R.to(error_R.device) - self.integral * error_R).clamp(0, self.maximum - self.minimum)

    def charts(self) -> dict[str, float | Tensor]:
        return {
            "target_high": self.target[0],
            "target_low": self.target[1],
            "integral_high": self.sum_R[0],
            "integral_low": self.sum_R[1],
        }

    def state_dict(self) -> dict[str, Any]:
        return {"sum": self.sum_R}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.sum_R = state["sum"]


class GECO(Annealer):
    """The least KL at which the reconstruction is good enough: λ(distortion − target) + KL, λ a Lagrange multiplier.

    Rezende & Viola 2018, arXiv:1810.00597, algorithm 1. λ grows by e^{speed · C} in every step, C being the running
    mean of the constraint, distortion − target: it rises as long as the constraint is violated.

    Args:
        target: −log p(x|z) to reach, in nats per sample.
        decay: of the running mean.
        speed: of λ, per step and nat.
        minimum: of λ.
        maximum: of λ, where a target out of reach leaves it.
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
            raise ValueError(f"{self.state_key}.minimum={minimum} maximum={maximum}: λ starts at 1; enclose it")
        self.weight = torch.tensor(1.0)
        self.constraint: Tensor | None = None

    def reconstruction_weight(self) -> Tensor:
        return self.weight

    def observe(self, distortion_B: Tensor, rates: Rates) -> None:
        violation = distortion_B.mean(-1) - self.target
        if self.constraint is None:
            self.constraint = violation
        self.constraint = self.decay * self.constraint + (1 - self.decay) * violation
        self.weight = (self.weight * torch.exp(self.speed * self.constraint)).clamp(self.minimum, self.maximum)

    def charts(self) -> dict[str, float | Tensor]:
        return {"reconstruction_weight": self.weight, "constraint": self.constraint}

    def state_dict(self) -> dict[str, Any]:
        return {"weight": self.weight, "constraint": self.constraint}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.weight = state["weight"]
        self.constraint = state["constraint"]
