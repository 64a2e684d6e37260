"""A prior with a memory: latents of neighbouring steps resemble one another.

L latent dims, which are S steps of D dimensions each, one step after the other.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from scipy.optimize import brentq
from torch import Tensor
from torch.distributions import register_kl

from src.core.validation import POSITIVE, SEVERAL
from src.vae.latents import Gaussian
from src.vae.networks import Conditional


class FirstOrder(Gaussian):
    """A Gaussian with the codes u_1 ~ N(0, I), u_s = α u_{s−1} + √(1 − α²) ε: each dimension alone is as in `Gaussian`.

    Args:
        mean: [..., L].
        std: [..., L].
        correlation: α.
        num_steps: S.
    """

    def __init__(self, mean: Tensor, std: Tensor, correlation: float, num_steps: int):
        super().__init__(mean, std, validate_args=False)
        self.correlation, self.num_steps = correlation, num_steps

    def steps(self, code_BL: Tensor) -> Tensor:
        """[..., S, D]."""
        return code_BL.unflatten(-1, (self.num_steps, -1))

    def log_prob(self, value: Tensor) -> Tensor:
        rest = 1 - self.correlation**2
        code_BSD = self.steps(self.code(value))
        innovation_BSD = code_BSD[..., 1:, :] - self.correlation * code_BSD[..., :-1, :]
        later_BSD = innovation_BSD.square() / rest + math.log(rest)
        squares_BL = torch.cat([code_BSD[..., :1, :].square(), later_BSD], -2).flatten(-2)
        return -0.5 * (squares_BL + math.log(2 * math.pi)) - self.scale.log()

    def from_noise(self, noise_BL: Tensor) -> Tensor:
        first_BD, *others = self.steps(noise_BL).unbind(-2)
        codes = [first_BD]
        for noise_BD in others:
            codes.append(self.correlation * codes[-1] + math.sqrt(1 - self.correlation**2) * noise_BD)
        return self.from_code(torch.cat(codes, -1))

    def from_code(self, code_BL: Tensor) -> Tensor:
        return super().from_noise(code_BL)


@register_kl(Gaussian, FirstOrder)
def _kl_to_first_order(posterior: Gaussian, prior: FirstOrder) -> Tensor:
    """E_q of each step's KL to its prior given the step before."""
    rest = 1 - prior.correlation**2
    mean_BSD = prior.steps(prior.code(posterior.mean))
    variance_BSD = prior.steps((posterior.stddev / prior.stddev).square())
    distance_BSD = (mean_BSD[..., 1:, :] - prior.correlation * mean_BSD[..., :-1, :]).square()
    distance_BSD = distance_BSD + prior.correlation**2 * variance_BSD[..., :-1, :]
    first_BSD = variance_BSD[..., :1, :] + mean_BSD[..., :1, :].square()
    later_BSD = (variance_BSD[..., 1:, :] + distance_BSD) / rest + math.log(rest)
    return 0.5 * (torch.cat([first_BSD, later_BSD], -2) - 1 - variance_BSD.log()).flatten(-2)


class AR1(Conditional):
    """Levels below the top are sequences with an autoregressive prior of order 1 (δ-VAE, Razavi et al. 2019).

    arXiv:1901.03416. A posterior with independent dimensions cannot match it: with D sequences of S steps and the
    correlation α the KL is at least δ = D/2 [(S − 2) ln(1 + α²) − ln(1 − α²)], and the more, the less its means change
    from step to step. α follows from δ. Mean and standard deviation are those of `Conditional`.

    Args:
        nats: δ of each level below the top.
        num_steps: S, a divisor of these levels' dimensions.

    Raises:
        ValueError: there is no level below the top, or its dimensions are not divisible by S.
    """

    independent = False

    def __init__(self, levels: Mapping[str, int], nats: float = 2.0, num_steps: int = 8, **options: Any):
        super().__init__(levels, **options)
        self.number("nats", nats, POSITIVE)
        self.num_steps = self.number("num_steps", num_steps, SEVERAL)
        _, *lower = levels.items()
        if not lower or any(size % num_steps for _, size in lower):
            sizes = ", ".join(f"z_{name} {size}" for name, size in lower) or "none"
            raise ValueError(
                f"vae.prior.num_steps={num_steps}: choose a divisor of the dimensions below the top level ({sizes})"
            )
        self.correlations = [correlation(nats, size // num_steps, num_steps) for _, size in lower]

    def forward(self, above: Sequence[Tensor]) -> FirstOrder:
        normal = super().forward(above)
        return FirstOrder(normal.mean, normal.stddev, self.correlations[len(above) - 1], self.num_steps)


def committed_rate(correlation: float, num_sequences: int, num_steps: int) -> float:
    """The least KL of independent Gaussians to so many sequences, in nats."""
    square = correlation**2
    return num_sequences / 2 * ((num_steps - 2) * math.log1p(square) - math.log1p(-square))


def correlation(nats: float, num_sequences: int, num_steps: int) -> float:
    """α in (0, 1) of which the committed rate is `nats`."""
    return brentq(lambda each: committed_rate(each, num_sequences, num_steps) - nats, 0.0, 1 - 1e-12)
