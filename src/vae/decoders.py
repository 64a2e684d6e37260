"""Decoders p(x|z): all cells at once, or each given the preceding ones.

B batch, Z latent dims that the decoder receives, T steps, V voices (cells of a step), W width, H hidden units per cell.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, linear, pad

from src.vae.networks import Perceptron


class Decoder(nn.Module, ABC):
    """p(x | z): Bernoulli cells, independent or autoregressive."""

    autoregressive: bool

    @abstractmethod
    def forward(self, latents_BZ: Tensor, history_BTV: Tensor) -> Tensor:
        """Logits [B, T, V]; each depends on the preceding cells of `history`, in [−1, 1] (0 unknown).

        Latents may have more leading axes than the history, which then broadcasts.
        """

    @abstractmethod
    def generate(self, latents_BZ: Tensor, uniform_BTV: Tensor, temperature: float = 1.0) -> tuple[Tensor, Tensor]:
        """Cells [B, T, V] that are on where their probability exceeds `uniform`, and these probabilities.

        Logits are divided by the temperature: below 1 probabilities become sharper.
        """


class Parallel(Decoder):
    """Cells independent given the latents.

    Args:
        num_latents: Z.
        shape: (T, V).
        width: of the hidden layers.
        depth: number of hidden layers.
        dropout: in each layer.
    """

    autoregressive = False

    def __init__(self, num_latents: int, shape: tuple[int, int], width: int, depth: int, dropout: float):
        super().__init__()
        steps, voices = shape
        self.network: nn.Module = nn.Sequential(
            Perceptron(num_latents, width, steps * voices, depth, dropout), nn.Unflatten(-1, shape)
        )

    def forward(self, latents_BZ: Tensor, history_BTV: Tensor) -> Tensor:
        return self.network(latents_BZ).float()

    def generate(self, latents_BZ: Tensor, uniform_BTV: Tensor, temperature: float = 1.0) -> tuple[Tensor, Tensor]:
        probability_BTV = (self.network(latents_BZ).float() / temperature).sigmoid()
        return (probability_BTV > uniform_BTV).float(), probability_BTV


class Autoregressive(Decoder):
    """Each cell given the latents and all cells before it, step by step and voice by voice.

    One causal convolution as long as the sequence reads the preceding steps, a residual perceptron adds the latents,
    and within a step the cells are chained as in NADE (Uria et al. 2016, arXiv:1605.02226). It is strong enough to
    ignore the latents, which makes posteriors collapse (Bowman et al. 2016, arXiv:1511.06349). One pass gives all
    logits, and for many latents with one history the convolution is computed once.

    Args:
        num_latents: Z.
        shape: (T, V).
        width: W of the residual perceptron.
        depth: number of its layers.
        cell_width: H of the chain within a step.
        dropout: in each layer; without it the model overfits small data.
    """

    autoregressive = True

    def __init__(
        self, num_latents: int, shape: tuple[int, int], width: int, depth: int, cell_width: int, dropout: float
    ):
        super().__init__()
        self.steps, voices = shape
        self.past = nn.Conv1d(voices, width, kernel_size=self.steps, bias=False)
        self.position = nn.Parameter(0.1 * torch.randn(self.steps, width))
        self.latents = nn.Linear(num_latents, width)
        self.layers = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), nn.Dropout(dropout))
            for _ in range(depth)
        )
        self.chain = Chain(width, voices, cell_width)

    def forward(self, latents_BZ: Tensor, history_BTV: Tensor) -> Tensor:
        features_BTW = self._features(latents_BZ, self._past(history_BTV))
        return self.chain(features_BTW, history_BTV).float()

    def generate(self, latents_BZ: Tensor, uniform_BTV: Tensor, temperature: float = 1.0) -> tuple[Tensor, Tensor]:
        history_BTV = torch.zeros_like(uniform_BTV)
        probability_BTV = torch.zeros_like(uniform_BTV)
        for step in range(self.steps):
            now = slice(step, step + 1)
            features_B1W = self._features(latents_BZ, self._past(history_BTV, now))
            own_B1V, hidden_B1X = self.chain.from_features(features_B1W)
            for voice in range(uniform_BTV.shape[-1]):
                logits_B1V = self.chain.logits(own_B1V, hidden_B1X, history_BTV[:, now])
                probability_B1 = (logits_B1V[..., voice].float() / temperature).sigmoid()
                probability_BTV[:, now, voice] = probability_B1
                history_BTV[:, now, voice] = 2 * (probability_B1 > uniform_BTV[:, now, voice]).float() - 1
        return (history_BTV + 1) / 2, probability_BTV

    def _past(self, history_BTV: Tensor, steps: slice = slice(None)) -> Tensor:
        """Features of the steps before each of `steps` [B, T, W]."""
        before_BVT = pad(history_BTV.transpose(1, 2), (self.steps, -1))
        first, last, _ = steps.indices(self.steps)
        past_BWT = self.past(before_BVT[..., first : last + self.steps - 1])
        # Contiguous, or every following layer would copy.
        return gelu(past_BWT.transpose(1, 2).contiguous() + self.position[steps])

    def _features(self, latents_BZ: Tensor, past_BTW: Tensor) -> Tensor:
        features_BTW = past_BTW + self.latents(latents_BZ).unsqueeze(-2)
        for layer in self.layers:
            features_BTW = features_BTW + layer(features_BTW)
        return features_BTW


class Chain(nn.Module):
    """Logits of a step's cells, each from the step's features and the preceding cells."""

    def __init__(self, width: int, voices: int, cell_width: int):
        super().__init__()
        self.own = nn.Linear(width, voices)
        self.hidden = nn.Linear(width, voices * cell_width)
        self.earlier = nn.Parameter(0.1 * torch.randn(voices, voices, cell_width))
        self.out = nn.Parameter(0.1 * torch.randn(voices, cell_width))
        self.register_buffer("before", torch.ones(voices, voices).triu(1).unsqueeze(-1), persistent=False)

    def forward(self, features_BTW: Tensor, cells_BTV: Tensor) -> Tensor:
        return self.logits(*self.from_features(features_BTW), cells_BTV)

    def from_features(self, features_BTW: Tensor) -> tuple[Tensor, Tensor]:
        """The parts that depend on the step's features alone: logits [B, T, V], hidden [B, T, V · H]."""
        return self.own(features_BTW), self.hidden(features_BTW)

    def logits(self, own_BTV: Tensor, hidden_BTX: Tensor, cells_BTV: Tensor) -> Tensor:
        """Logits [B, T, V], each given the preceding cells of its step."""
        earlier_BTX = linear(cells_BTV, (self.earlier * self.before).flatten(1).T)
        hidden_BTVH = gelu(hidden_BTX + earlier_BTX).unflatten(-1, self.out.shape)
        return (hidden_BTVH * self.out).sum(-1) + own_BTV
