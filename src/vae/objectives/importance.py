"""Importance-weighted bounds.

K draws per sample, M estimates of K draws each, B batch, L latent dims.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from src.core.validation import COUNT, PART
from src.vae.anneal import Annealer, Constant, KLTransform, Schedule
from src.vae.interfaces import VAEInterface
from src.vae.latents import Latents, total
from src.vae.networks import BottomUp
from src.vae.objectives.objective import Objective, Step, overrides


def log_mean_exp(values_KB: Tensor) -> Tensor:
    """log 1/K Σ_k e^{values} over the axis before the last."""
    return values_KB.logsumexp(-2) - math.log(values_KB.shape[-2])


class IWAE(Objective):
    """E log 1/K Σ_k w_k with w_k = p(x, z_k)/q(z_k|x), z_k ~ q(z|x) (Burda et al. 2016, arXiv:1509.00519, eq. 8).

    Between the ELBO, K = 1, and log p(x). A schedule of β weighs log q(z|x) − log p(z) in each w_k, which allows a
    warm-up; at β 1 it is the bound.

    Args:
        samples: K.
    """

    def __init__(self, samples: int = 8):
        super().__init__()
        self.draws = (self.number("samples", samples, COUNT),)

    def refusal(self, annealer: Annealer) -> str:
        ways = "choose vae.objective=elbo, or a schedule of β such as vae.anneal=linear or none"
        if isinstance(annealer, KLTransform):
            return f"it replaces the KL term, and importance-weighted bounds have none; {ways}"
        if overrides(annealer, "reconstruction_weight") or (
            overrides(annealer, "beta") and overrides(annealer, "observe")
        ):
            return f"it controls a term of the ELBO, and importance-weighted bounds have no such terms; {ways}"
        return ""

    def loss(self, step: Step) -> Tensor:
        log_weights_KB = step.log_weights_B
        self.charts = {"effective_samples": effective_samples(log_weights_KB.detach())}
        return -self.bound(log_weights_KB)

    def bound(self, log_weights_KB: Tensor) -> Tensor:
        return log_mean_exp(log_weights_KB).mean()


class MIWAE(IWAE):
    """The mean of M such estimates of K draws each (Rainforth et al. 2018, arXiv:1802.04537).

    Under IWAE the signal-to-noise ratio of the inference network's gradient falls as K grows; it rises with M. M = 1 is
    IWAE, K = 1 the ELBO.

    Args:
        estimates: M.
        samples: K of each.
    """

    def __init__(self, estimates: int = 8, samples: int = 8):
        super().__init__(samples)
        self.draws = (self.number("estimates", estimates, COUNT), samples)


class CIWAE(IWAE):
    """share · ELBO + (1 − share) · IWAE, on the same K draws (Rainforth et al. 2018, arXiv:1802.04537).

    Args:
        samples: K.
        share: of the ELBO, the paper's β.
    """

    def __init__(self, samples: int = 8, share: float = 0.5):
        super().__init__(samples)
        self.share = self.number("share", share, PART)

    def bound(self, log_weights_KB: Tensor) -> Tensor:
        elbo, iwae = log_weights_KB.mean(), log_mean_exp(log_weights_KB).mean()
        return self.share * elbo + (1 - self.share) * iwae


class DReG(IWAE):
    """IWAE's bound, and a gradient of the inference network whose signal grows with K (Tucker et al. 2019).

    arXiv:1810.04152. Reparameterising a second time turns the score ∂ log q/∂φ into a path derivative, and with the
    normalised weights w̃_k the gradient becomes

        Σ_k w̃_k² ∂ log w_k/∂z_k ∂z_k/∂φ,

    that of the generative networks staying Σ_k w̃_k ∂ log p(x, z_k)/∂θ. Under a schedule, log w_k being
    log p(x|z) − β log q(z|x)/p(z), the same derivation gives w̃_k(1 − β + β w̃_k) in place of w̃_k².

    Args:
        samples: K.
    """

    name = "dreg"

    def refusal(self, annealer: Annealer) -> str:
        one_beta = isinstance(annealer, Constant | Schedule) and len({*annealer.of_levels(annealer.weight)}) == 1
        if one_beta or not overrides(annealer, "beta"):
            return super().refusal(annealer)
        return (
            "it gives each level a β of its own, and the gradient is known for one β of both; choose "
            "vae.objective=iwae, or a schedule with one weight such as vae.anneal=linear or none"
        )

    def attach(self, vae: VAEInterface, annealers: Sequence[Annealer]) -> None:
        super().attach(vae, annealers)
        if vae.inference.family != "normal":
            raise ValueError(
                "vae.objective=dreg needs Gaussian posteriors; choose vae.inference=top_down or bottom_up, or "
                "vae.objective=iwae"
            )

    def decoded(self, latents: Latents) -> tuple[Tensor, ...]:
        """The same numbers; what comes back through these tensors is the gradient along z alone."""
        return tuple(z_BL.clone() for z_BL in latents.z)

    def loss(self, step: Step) -> Tensor:
        log_weights_KB = step.log_weights_B.detach()
        weight_KB = log_weights_KB.softmax(-2)
        beta, z = step.beta[0], step.decoded

        priors = step.vae.prior.top(z[0]), *(step.vae.prior(z[:level]) for level in range(1, len(z)))
        log_prior_KB = total(prior.log_prob(z_KBL).sum(-1) for prior, z_KBL in zip(priors, z, strict=True))
        slopes = zip(slopes_of_log_q(step.latents, isinstance(step.vae.inference, BottomUp)), z, strict=True)
        log_q_KB = total((slope_KBL * z_KBL).sum(-1) for slope_KBL, z_KBL in slopes)  # its derivative along z
        log_w_KB = -step.distortion_B + beta * (log_prior_KB - log_q_KB)

        for z_KBL in z:  # w̃ ∂ log w/∂z arrives, and goes on to φ
            z_KBL.register_hook(lambda gradient: (1 - beta + beta * weight_KB).unsqueeze(-1) * gradient)
        surrogate = (weight_KB * log_w_KB).sum(-2).mean()
        self.charts = {"effective_samples": effective_samples(log_weights_KB)}
        return surrogate.detach() - surrogate - self.bound(log_weights_KB)


def slopes_of_log_q(latents: Latents, bottom_up: bool) -> tuple[Tensor, ...]:
    """∂ log q(z|x)/∂z of each level with the other levels and the networks held fixed.

    Autograd's derivative along a level also follows the levels drawn after it, whose parts are subtracted.
    """
    parts = zip(latents.posteriors, latents.z, strict=True)
    log_q_B = total(posterior.log_prob(z_BL).sum(-1) for posterior, z_BL in parts)
    drawn = latents.z[::-1] if bottom_up else latents.z
    with torch.autocast(drawn[0].device.type, enabled=False):
        whole = torch.autograd.grad(log_q_B.sum(), drawn, retain_graph=True)
        slopes: list[Tensor] = []  # from the level drawn last
        for index in reversed(range(len(drawn))):
            slope_BL = whole[index]
            if slopes:
                later = drawn[:index:-1]
                (through_BL,) = torch.autograd.grad(later, drawn[index], slopes, retain_graph=True)
                slope_BL = slope_BL - through_BL
            slopes.append(slope_BL)
    return tuple(slopes) if bottom_up else tuple(reversed(slopes))


def effective_samples(log_weights_KB: Tensor) -> Tensor:
    """1/Σ_k w̃_k², from 1 to K: how many draws carry the bound."""
    return 1 / log_weights_KB.softmax(-2).square().sum(-2)
