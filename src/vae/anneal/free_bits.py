"""Free bits: KL below a threshold is not penalised.

B batch, L latent dims.
"""

import torch
from torch import Tensor

from src.core.validation import NOT_NEGATIVE
from src.vae.anneal.annealer import KLTransform, Levels, PerLevel
from src.vae.latents import KLs


class FreeBits(KLTransform):
    """Σ max(λ, E[KL_j]) over latent dimensions (Kingma et al. 2016, arXiv:1606.04934, eq. 15).

    The expectation is over the batch. Where it is below λ, the KL has no gradient.

    Args:
        nats: λ per dimension, of each level.
    """

    def __init__(self, nats: PerLevel = 0.25):
        super().__init__()
        self.nats = self.levels("nats", nats, NOT_NEGATIVE)

    def penalty(self, kls: KLs, beta: Levels) -> Tensor:
        high_L, low_L = kls.high_BL.mean(-2), kls.low_BL.mean(-2)
        return beta[0] * high_L.clamp(min=self.nats[0]).sum(-1) + beta[1] * low_L.clamp(min=self.nats[1]).sum(-1)

    def charts(self) -> dict[str, float | Tensor]:
        return {"free_bits_high": self.nats[0], "free_bits_low": self.nats[1]}


class FreeBitsPerLevel(KLTransform):
    """Σ max(λ_l, E[KL_l]) over the levels: λ nats per level are free, in any dimensions.

    Free bits (Kingma et al. 2016, arXiv:1606.04934) with each level as a group.

    Args:
        high: λ of z_high, in nats.
        low: λ of z_low.
    """

    def __init__(self, high: float = 3.0, low: float = 2.0):
        super().__init__()
        self.high = self.number("high", high, NOT_NEGATIVE)
        self.low = self.number("low", low, NOT_NEGATIVE)

    def penalty(self, kls: KLs, beta: Levels) -> Tensor:
        high, low = (kl_B.mean(-1) for kl_B in kls.levels_B)
        return beta[0] * high.clamp(min=self.high) + beta[1] * low.clamp(min=self.low)

    def charts(self) -> dict[str, float | Tensor]:
        return {"free_bits_high": self.high, "free_bits_low": self.low}


class FreeBitsTotal(KLTransform):
    """max(KL − Λ, 0) of each sample, both levels together (Roberts et al. 2018, arXiv:1803.05428).

    Where a sample's KL exceeds Λ, each level's gradient has its own β. The paper's 48 bits (33.3 nats) are for longer
    melodies; a drum bar has some 26 nats, of which a good model puts 8 into its latents. Half of that is the default.

    Args:
        nats: Λ per sample.
    """

    def __init__(self, nats: float = 4.0):
        super().__init__()
        self.nats = self.number("nats", nats, NOT_NEGATIVE)

    def penalty(self, kls: KLs, beta: Levels) -> Tensor:
        high_B, low_B = kls.levels_B
        total_B = (high_B + low_B).detach()
        weighted_B = beta[0] * high_B + beta[1] * low_B
        # β(KL − Λ) if both levels have the same β; else Λ is weighted as the KL is, and has no gradient.
        excess_B = weighted_B - weighted_B.detach() * self.nats / total_B
        return torch.where(total_B > self.nats, excess_B, 0.0).mean(-1)

    def charts(self) -> dict[str, float | Tensor]:
        return {"free_bits_total": self.nats}


class TargetRate(KLTransform):
    """Σ_j E[max(λ, KL_j)] with a level's target rate divided among its dimensions, λ = target/L.

    Li et al. 2019, arXiv:1909.00868: the threshold applies to each sample, not to the batch's mean. Where the
    low level's KL is a sampled log-ratio (bottom-up inference, conditional prior), clamping each sample is biased;
    prefer free bits, which clamp the mean.

    Args:
        nats: target of each level; 4 and 4 make the 8 of the paper.
    """

    def __init__(self, nats: PerLevel = 4.0):
        super().__init__()
        self.nats = self.levels("nats", nats, NOT_NEGATIVE)

    def penalty(self, kls: KLs, beta: Levels) -> Tensor:
        high_BL, low_BL = kls.high_BL, kls.low_BL
        high_B = high_BL.clamp(min=self.nats[0] / high_BL.shape[-1]).sum(-1)
        low_B = low_BL.clamp(min=self.nats[1] / low_BL.shape[-1]).sum(-1)
        return beta[0] * high_B.mean(-1) + beta[1] * low_B.mean(-1)

    def charts(self) -> dict[str, float | Tensor]:
        return {"target_rate_high": self.nats[0], "target_rate_low": self.nats[1]}
