"""Changes of the decoder in training: hidden history, temperature.

T steps, V voices, B batch.
"""

import torch
from torch import Tensor

from src.core.validation import PART, POSITIVE, SHARE
from src.vae.anneal.annealer import Annealer
from src.vae.interfaces import VAEInterface


class WordDropout(Annealer):
    """Whole steps of an autoregressive decoder's history are hidden (Bowman et al. 2016, arXiv:1511.06349).

    The decoder has to take from the latents what it can no longer see. In language models a step is a word.

    Args:
        rate: share of the steps hidden, drawn per sample.
    """

    def __init__(self, rate: float = 0.3):
        super().__init__()
        self.rate = self.number("rate", rate, PART)

    def attach(self, vae: VAEInterface) -> None:
        super().attach(vae)
        if not vae.decoder.autoregressive:
            raise ValueError(
                f"{self.key}: {type(vae.decoder).__name__.lower()} decoders see no history to hide; "
                "choose vae.decoder=autoregressive"
            )

    def history(self, cells_BTV: Tensor) -> Tensor:
        hidden_BT = torch.rand(cells_BTV.shape[:-1], device=cells_BTV.device) < self.rate
        return cells_BTV.masked_fill(hidden_BT.unsqueeze(-1), 0.0)

    def charts(self) -> dict[str, float | Tensor]:
        return {"word_dropout": self.rate}


class Temperature(Annealer):
    """Logits are divided by τ(t) = max(τ_min, τ₀ e^{−rt}) in training (Jang et al. 2017, arXiv:1611.01144).

    A high τ flattens the decoder's probabilities, so that sharp ones need larger logits. r follows from start, end and
    share of the run, so that the curve has one shape in runs of every length.

    Args:
        start: τ₀.
        end: τ_min.
        duration: share of the run after which the end is reached.
    """

    def __init__(self, start: float = 2.0, end: float = 1.0, duration: float = 1.0):
        super().__init__()
        self.start = self.number("start", start, POSITIVE)
        self.end = self.number("end", end, POSITIVE)
        self.duration = self.number("duration", duration, SHARE)
        if end > start:
            raise ValueError(f"{self.key}.end={end}: it cools; choose at most start={start}")

    def tau(self, t: float) -> float:
        """τ at progress t ∈ [0, 1)."""
        return max(self.end, self.start * (self.end / self.start) ** (t / self.duration))

    def temperature(self) -> float:
        return self.tau(self.progress)
