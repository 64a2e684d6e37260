"""An autoencoder first, then a VAE with a fresh decoder."""

from copy import deepcopy
from typing import Any

from torch import Tensor

from src.core.validation import NOT_NEGATIVE, SHARE
from src.vae.anneal.annealer import Levels, PerLevel
from src.vae.anneal.free_bits import TargetRate
from src.vae.interfaces import VAEInterface
from src.vae.latents import KLs


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
