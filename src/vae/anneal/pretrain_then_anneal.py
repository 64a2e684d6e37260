"""An autoencoder first, then a VAE with a fresh decoder."""

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from torch import Tensor

from src.core.validation import NOT_NEGATIVE, SHARE
from src.vae.anneal.annealer import Levels
from src.vae.anneal.free_bits import TargetRate
from src.vae.anneal.parameters import PerLevel
from src.vae.latents import Rates

if TYPE_CHECKING:
    from src.vae.module import VAE


class PretrainThenAnneal(TargetRate):
    """β = 0 at first; then the decoder is reset, and β climbs under a target rate (Li et al. 2019, arXiv:1909.00868).

    The encoder has by then learnt to say what a bar is like; the fresh decoder, back at its initial weights and without
    a memory in the optimizer, has not yet learnt to do without.

    Args:
        pretrain: share of the run with β = 0.
        over: share of the run that the climb takes after it.
        nats: target rate of each level; 4 and 4 make the 8 of the paper.
    """

    def __init__(self, pretrain: float = 0.2, over: float = 0.3, nats: PerLevel = 4.0):
        super().__init__(nats)
        self.pretrain = self.number("pretrain", pretrain, NOT_NEGATIVE)
        self.over = self.number("over", over, SHARE)
        if pretrain + over > 1:
            raise ValueError(f"{self.state_key}.pretrain={pretrain} over={over}: more than the whole run; choose less")
        self.is_reset = False

    def attach(self, vae: "VAE") -> None:
        super().attach(vae)
        self.initial_decoder = deepcopy(vae.decoder.state_dict())

    def shape(self, t: float) -> float:
        """β at progress t ∈ [0, 1)."""
        return min(1.0, max(0.0, t - self.pretrain) / self.over)

    def beta(self, rates: Rates) -> Levels:
        return self.shape(self.progress), self.shape(self.progress)

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
