"""What is changed about the decoder in training: what it remembers of the cells before, how sharp it is.

T steps, V voices, B batch.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from src.core.validation import PART, POSITIVE, SHARE
from src.vae.anneal.annealer import Annealer

if TYPE_CHECKING:
    from src.vae.module import VAE


class WordDropout(Annealer):
    """Whole steps of an autoregressive decoder's history are hidden (Bowman et al. 2016, arXiv:1511.06349).

    What it no longer sees in the cells before, it has to ask the latents. The name is from language models, where a
    step is a word.

    Args:
        rate: share of the steps hidden, drawn anew for every sample.
    """

    def __init__(self, rate: float = 0.3):
        super().__init__()
        self.rate = self.number("rate", rate, PART)

    def attach(self, vae: "VAE") -> None:
        super().attach(vae)
        if not vae.decoder.autoregressive:
            raise ValueError(
                f"{self.state_key}: {type(vae.decoder).__name__.lower()} decoders see no history to hide; "
                "choose vae.decoder=autoregressive"
            )

    def history(self, cells_BTV: Tensor) -> Tensor:
        hidden_BT = torch.rand(cells_BTV.shape[:-1], device=cells_BTV.device) < self.rate
        return cells_BTV.masked_fill(hidden_BT.unsqueeze(-1), 0.0)

    def charts(self) -> dict[str, float | Tensor]:
        return {"word_dropout": self.rate}


class Temperature(Annealer):
    """Logits are divided by τ(t) = max(τ_min, τ₀ e^{−rt}) in training (Jang et al. 2017, arXiv:1611.01144).

    A high τ softens the decoder's verdicts, so that it must say more to be as sure. r follows from where τ starts,
    where it ends and over which share of the run, so that runs of every length cool alike.

    Args:
        start: τ₀.
        end: τ_min.
        over: share of the run after which the end is reached.
    """

    def __init__(self, start: float = 2.0, end: float = 1.0, over: float = 1.0):
        super().__init__()
        self.start = self.number("start", start, POSITIVE)
        self.end = self.number("end", end, POSITIVE)
        self.over = self.number("over", over, SHARE)
        if end > start:
            raise ValueError(f"{self.state_key}.end={end}: it cools; choose at most start={start}")

    def tau(self, t: float) -> float:
        """τ at progress t ∈ [0, 1)."""
        return max(self.end, self.start * (self.end / self.start) ** (t / self.over))

    def temperature(self) -> float:
        return self.tau(self.progress)
