"""Free bits: KL below a threshold is not penalised.

B batch, L latent dims.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor

from src.core.levels import OF_TWO
from src.core.validation import NOT_NEGATIVE, SHARE
from src.vae.anneal.annealer import KLTransform, Levels, PerLevel
from src.vae.interfaces import VAEInterface
from src.vae.latents import KLs, total


class FreeBits(KLTransform):
    """Σ max(λ, E[KL_j]) over latent dimensions (Kingma et al. 2016, arXiv:1606.04934, eq. 15).

    The expectation is over the batch. Where it is below λ, the KL has no gradient.

    Args:
        nats: λ per dimension, of each level.
    """

    chart = "free_bits"

    def __init__(self, nats: PerLevel = 0.25):
        super().__init__()
        self.nats = self.levels("nats", nats, NOT_NEGATIVE)

    def penalty(self, kls: KLs, beta: Levels) -> Tensor:
        parts = zip(beta, kls.levels_BL, self.of_levels(self.nats), strict=True)
        return total(weight * self.clamped(kl_BL, nats) for weight, kl_BL, nats in parts)

    def clamped(self, kl_BL: Tensor, nats: float) -> Tensor:
        """The KL of a level, at least its threshold, in nats."""
        return kl_BL.mean(-2).clamp(min=nats).sum(-1)

    def charts(self) -> dict[str, float | Tensor]:
        return self.charts_of(self.chart, self.of_levels(self.nats))


class FreeBitsPerLevel(FreeBits):
    """Σ max(λ_l, E[KL_l]) over the levels: λ nats per level are free, in any dimensions.

    Free bits (Kingma et al. 2016, arXiv:1606.04934) with each level as a group.

    Args:
        high: λ of z_high, in nats.
        low: λ of z_low.
        nats: λ of the levels of a model with another number of them; a mapping names the levels of any.
    """

    def __init__(self, high: float = 3.0, low: float = 2.0, nats: PerLevel = 2.0):
        super().__init__(nats)
        self.pair = {"high": self.number("high", high, NOT_NEGATIVE), "low": self.number("low", low, NOT_NEGATIVE)}

    def of_levels(self, value: PerLevel) -> tuple[float, ...]:
        of_two = self.level_names == OF_TWO and not isinstance(value, Mapping)
        return super().of_levels(self.pair if of_two else value)

    def clamped(self, kl_BL: Tensor, nats: float) -> Tensor:
        return kl_BL.sum(-1).mean(-1).clamp(min=nats)


class FreeBitsTotal(KLTransform):
    """max(KL − Λ, 0) of each sample, all levels together (Roberts et al. 2018, arXiv:1803.05428).

    Where a sample's KL exceeds Λ, each level's gradient has its own β. The authors' code has 48 bits (33.3 nats) for
    two bars of drums; a bar here has some 26 nats, of which a good model puts 8 into its latents. Half of that is the
    default.

    Args:
        nats: Λ per sample.
    """

    def __init__(self, nats: float = 4.0):
        super().__init__()
        self.nats = self.number("nats", nats, NOT_NEGATIVE)

    def penalty(self, kls: KLs, beta: Levels) -> Tensor:
        total_B = total(kls.levels_B).detach()
        weighted_B = total(weight * kl_B for weight, kl_B in zip(beta, kls.levels_B, strict=True))
        # β(KL − Λ) if all levels have the same β; else Λ is weighted as the KL is, and has no gradient.
        excess_B = weighted_B - weighted_B.detach() * self.nats / total_B
        return torch.where(total_B > self.nats, excess_B, 0.0).mean(-1)

    def charts(self) -> dict[str, float | Tensor]:
        return {"free_bits_total": self.nats}


class TargetRate(FreeBits):
    """Σ_j E[max(λ, KL_j)] with a level's target rate divided among its dimensions, λ = target/L.

    Li et al. 2019, arXiv:1909.00868: the threshold applies to each sample, not to the batch's mean. Where a
    level's KL is a sampled log-ratio (bottom-up inference, conditional prior), clamping each sample is biased;
    prefer free bits, which clamp the mean.

    Args:
        nats: target of each level; 4 and 4 of two levels make the 8 of the paper.
    """

    chart = "target_rate"

    def __init__(self, nats: PerLevel = 4.0):
        super().__init__(nats)

    def clamped(self, kl_BL: Tensor, nats: float) -> Tensor:
        return kl_BL.clamp(min=nats / kl_BL.shape[-1]).sum(-1).mean(-1)


class PretrainThenAnneal(TargetRate):
    """β = 0 at first; then the decoder is reset, and β rises under a target rate (Li et al. 2019, arXiv:1909.00868).

    The pretrained encoder is informative; the fresh decoder, with its initial weights and no optimizer state, has not
    yet learnt to ignore the latents.

    Args:
        pretrain: share of the run with β = 0.
        duration: share of the run over which β rises after that.
        nats: target rate of each level; 4 and 4 of two levels make the 8 of the paper.
    """

    def __init__(self, pretrain: float = 0.2, duration: float = 0.3, nats: PerLevel = 4.0):
        super().__init__(nats)
        self.pretrain = self.number("pretrain", pretrain, NOT_NEGATIVE)
        self.duration = self.number("duration", duration, SHARE)
        if pretrain + duration > 1:
            raise ValueError(
                f"{self.key}.pretrain={pretrain} duration={duration}: more than the whole run; choose less"
            )
        self.is_reset = False

    def attach(self, vae: VAEInterface) -> None:
        super().attach(vae)
        self.initial_decoder = deepcopy(vae.decoder.state_dict())

    def shape(self, t: float) -> float:
        """β at progress t ∈ [0, 1)."""
        return min(1.0, max(0.0, t - self.pretrain) / self.duration)

    def beta(self, kls: KLs) -> Levels:
        return (self.shape(self.progress),) * len(kls.levels_BL)

    def before_step(self) -> None:
        if self.progress >= self.pretrain and not self.is_reset:
            self.vae.decoder.load_state_dict(self.initial_decoder)
            for weight in self.vae.decoder.parameters():
                self.vae.optimizers().state.pop(weight, None)
            self.is_reset = True

    def charts(self) -> dict[str, float | Tensor]:
        return super().charts() | {"decoder_is_reset": float(self.is_reset)}

    def state_dict(self) -> dict[str, Any]:
        return {"is_reset": self.is_reset}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.is_reset = state["is_reset"]
