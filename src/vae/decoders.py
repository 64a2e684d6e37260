"""Decoders p(x|z): all cells at once, or each given the preceding ones.

B batch, Z latent dims that the decoder receives, T steps, V voices (cells of a step), P parameters of a cell's
likelihood, X = V · P, W width, H hidden units per cell.
"""

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, linear, pad

from src.core.validation import Choice
from src.vae.likelihoods import Bernoulli, Likelihood
from src.vae.networks import Perceptron

BERNOULLI = Bernoulli(levels=1)


class Decoder(Choice, nn.Module, ABC):
    """p(x | z): cells, independent or autoregressive, of the given likelihood."""

    option_group = "vae.decoder"
    autoregressive: bool

    def __init__(self, likelihood: Likelihood):
        super().__init__()
        self.likelihood = likelihood

    @abstractmethod
    def forward(self, latents_BZ: Tensor, history_BTV: Tensor) -> Tensor:
        """Parameters [B, T, X]; a cell's depend on the preceding cells of `history`, in [−1, 1] (0 unknown).

        Latents may have more leading axes than the history, which then broadcasts.
        """

    @abstractmethod
    def generate(self, latents_BZ: Tensor, uniform_BTV: Tensor, temperature: float = 1.0) -> tuple[Tensor, Tensor]:
        """Cells [B, T, V], each the quantile of 1 − `uniform`, and their expectations."""


class Parallel(Decoder):
    """Cells independent given the latents.

    Args:
        num_latents: Z.
        shape: (T, V).
        width: of the hidden layers.
        depth: number of hidden layers.
        dropout: in each layer.
        likelihood: of the cells.
    """

    autoregressive = False

    def __init__(
        self,
        num_latents: int,
        shape: tuple[int, int],
        width: int,
        depth: int,
        dropout: float,
        likelihood: Likelihood = BERNOULLI,
    ):
        super().__init__(likelihood)
        steps, outputs = shape[0], shape[1] * likelihood.num_parameters
        self.network: nn.Module = nn.Sequential(
            Perceptron(num_latents, width, steps * outputs, depth, dropout), nn.Unflatten(-1, (steps, outputs))
        )

    def forward(self, latents_BZ: Tensor, history_BTV: Tensor) -> Tensor:
        return self.network(latents_BZ).float()

    def generate(self, latents_BZ: Tensor, uniform_BTV: Tensor, temperature: float = 1.0) -> tuple[Tensor, Tensor]:
        parameters_BTX = self.network(latents_BZ).float()
        cells_BTV = self.likelihood.sample(parameters_BTX, uniform_BTV, temperature)
        return cells_BTV, self.likelihood.mean(parameters_BTX, temperature)


class AsCells(nn.Module):
    """A network's parameters of cells [B, T · X] or of images [B, C · P, H, W] as [..., T, X], for latents [..., Z]."""

    def __init__(self, network: nn.Module, steps: int, num_parameters: int):
        super().__init__()
        self.network, self.steps, self.num_parameters = network, steps, num_parameters

    def forward(self, latents_BZ: Tensor) -> Tensor:
        parameters = self.network(latents_BZ.flatten(0, -2))
        if parameters.ndim == 4:  # of images: a step is a row of them, one channel after the other
            parameters = parameters.unflatten(1, (-1, self.num_parameters)).permute(0, 3, 1, 4, 2)
        return parameters.reshape(*latents_BZ.shape[:-1], self.steps, -1)


class Autoregressive(Decoder):
    """Each cell given the latents and all cells before it, step by step and voice by voice.

    One causal convolution as long as the sequence reads the preceding steps, a residual perceptron adds the latents,
    and within a step the cells are chained as in NADE (Uria et al. 2016, arXiv:1605.02226). It is strong enough to
    ignore the latents, which makes posteriors collapse (Bowman et al. 2016, arXiv:1511.06349). One pass gives the
    parameters of all cells, and for many latents with one history the convolution is computed once.

    Args:
        num_latents: Z.
        shape: (T, V).
        width: W of the residual perceptron.
        depth: number of its layers.
        cell_width: H of the chain within a step.
        dropout: in each layer; without it the model overfits small data.
        likelihood: of the cells.
    """

    autoregressive = True

    def __init__(
        self,
        num_latents: int,
        shape: tuple[int, int],
        width: int,
        depth: int,
        cell_width: int,
        dropout: float,
        likelihood: Likelihood = BERNOULLI,
    ):
        super().__init__(likelihood)
        self.steps, voices = shape
        self.past = nn.Conv1d(voices, width, kernel_size=self.steps, bias=False)
        self.position = nn.Parameter(0.1 * torch.randn(self.steps, width))
        self.latents = nn.Linear(num_latents, width)
        self.layers = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), nn.Dropout(dropout))
            for _ in range(depth)
        )
        self.chain = Chain(width, voices, cell_width, likelihood.num_parameters)

    def forward(self, latents_BZ: Tensor, history_BTV: Tensor) -> Tensor:
        features_BTW = self._features(latents_BZ, self._past(history_BTV))
        return self.chain(features_BTW, history_BTV).float() + self.direct(latents_BZ)

    def direct(self, latents_BZ: Tensor) -> Tensor:
        """What the latents add to the parameters of all cells, [B, T, X] or one number."""
        return latents_BZ.new_zeros(())

    def generate(self, latents_BZ: Tensor, uniform_BTV: Tensor, temperature: float = 1.0) -> tuple[Tensor, Tensor]:
        history_BTV = torch.zeros_like(uniform_BTV)
        mean_BTV = torch.zeros_like(uniform_BTV)
        direct_BTX = self.direct(latents_BZ).expand(*latents_BZ.shape[:-1], self.steps, len(self.chain.out))
        for step in range(self.steps):
            now = slice(step, step + 1)
            features_B1W = self._features(latents_BZ, self._past(history_BTV, now))
            own_B1X, hidden_B1Y = self.chain.from_features(features_B1W)
            of_step = own_B1X + direct_BTX[..., now, :], hidden_B1Y
            for voice in range(uniform_BTV.shape[-1]):
                parameters_B1P = self.chain.of_cell(voice, *of_step, history_BTV[:, now]).float()
                cell = (slice(None), now, slice(voice, voice + 1))
                mean_BTV[cell] = self.likelihood.mean(parameters_B1P, temperature)
                history_BTV[cell] = 2 * self.likelihood.sample(parameters_B1P, uniform_BTV[cell], temperature) - 1
        return (history_BTV + 1) / 2, mean_BTV

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
    """Parameters of a step's cells, each from the step's features and the preceding cells."""

    def __init__(self, width: int, voices: int, cell_width: int, num_parameters: int):
        super().__init__()
        self.own = nn.Linear(width, voices * num_parameters)
        self.hidden = nn.Linear(width, voices * cell_width)
        self.earlier = nn.Parameter(0.1 * torch.randn(voices, voices, cell_width))
        self.out = nn.Parameter(0.1 * torch.randn(voices * num_parameters, cell_width))
        self.register_buffer("before", torch.ones(voices, voices).triu(1).unsqueeze(-1), persistent=False)

    def forward(self, features_BTW: Tensor, cells_BTV: Tensor) -> Tensor:
        own_BTX, hidden_BTY = self.from_features(features_BTW)
        voices, _, cell_width = self.earlier.shape
        earlier_BTY = linear(cells_BTV, (self.earlier * self.before).flatten(1).T)
        hidden_BTVH = gelu(hidden_BTY + earlier_BTY).unflatten(-1, (voices, cell_width))
        if len(self.out) == voices:  # to the bit as before there were other likelihoods
            return (hidden_BTVH * self.out).sum(-1) + own_BTX
        out_VPH = self.out.unflatten(0, (voices, -1))
        return torch.einsum("...vh,vph->...vp", hidden_BTVH, out_VPH).flatten(-2) + own_BTX

    def from_features(self, features_BTW: Tensor) -> tuple[Tensor, Tensor]:
        """The parts that depend on the step's features alone: parameters [B, T, X], hidden [B, T, V · H]."""
        return self.own(features_BTW), self.hidden(features_BTW)

    def of_cell(self, voice: int, own_BTX: Tensor, hidden_BTY: Tensor, cells_BTV: Tensor) -> Tensor:
        """Parameters [B, T, P] of one cell of each step, given the preceding ones."""
        voices, _, cell_width = self.earlier.shape
        num_parameters = len(self.out) // voices
        own, hidden = (slice(voice * size, (voice + 1) * size) for size in (num_parameters, cell_width))
        earlier_BTH = cells_BTV[..., :voice] @ self.earlier[:voice, voice]
        return gelu(hidden_BTY[..., hidden] + earlier_BTH) @ self.out[own].T + own_BTX[..., own]


class Skip(Autoregressive):
    """`Autoregressive`, with the latents added to the input of each layer in each step (Skip-VAE).

    Dieng et al. 2019, arXiv:1807.04863: a layer's output is a function of the layer before and of z, so that
    no layer can lose what z says. The chain within a step receives them as well. The arguments are `Autoregressive`'s.
    """

    def __init__(self, num_latents: int, shape: tuple[int, int], width: int, depth: int, **options: Any):
        super().__init__(num_latents, shape, width, depth, **options)
        self.skips = nn.ModuleList(nn.Linear(num_latents, width, bias=False) for _ in range(depth + 1))

    def _features(self, latents_BZ: Tensor, past_BTW: Tensor) -> Tensor:
        features_BTW = past_BTW + self.latents(latents_BZ).unsqueeze(-2)
        *skips_B1W, last_B1W = (skip(latents_BZ).unsqueeze(-2) for skip in self.skips)
        for layer, skip_B1W in zip(self.layers, skips_B1W, strict=True):
            features_BTW = features_BTW + layer(features_BTW + skip_B1W)
        return features_BTW + last_B1W
