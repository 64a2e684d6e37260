"""Encoder, posteriors and priors.

B batch, T steps, V voices (cells of a step), F features, L latent dims.
"""

from typing import Protocol

from torch import Tensor, nn
from torch.distributions import Normal
from torch.nn.functional import linear

from src.vae.latents import Latents, mean_and_std, normal, standard_normal


class Perceptron(nn.Sequential):
    """Linear layers with layer normalisation, GELU and dropout between them.

    Several inputs are concatenated along their last axis and broadcast along the others, at the cost of the sum of
    their sizes rather than of the product.
    """

    def __init__(self, inputs: int, width: int, outputs: int, depth: int = 1, dropout: float = 0.0):
        layers: list[nn.Module] = []
        for _ in range(depth):
            layers += [nn.Linear(inputs, width), nn.LayerNorm(width), nn.GELU(), nn.Dropout(dropout)]
            inputs = width
        super().__init__(*layers, nn.Linear(inputs, outputs))

    def forward(self, *inputs: Tensor) -> Tensor:
        first, *others = self
        assert isinstance(first, nn.Linear)
        weights = first.weight.split([each.shape[-1] for each in inputs], 1)
        hidden = sum((linear(each, weight) for each, weight in zip(inputs, weights, strict=True)), first.bias)
        for layer in others:
            hidden = layer(hidden)
        return hidden


class Encoder(nn.Module):
    """Maps cells [B, T, V] in [0, 1] to features [B, F]."""

    def __init__(self, num_cells: int, width: int = 256, depth: int = 1, dropout: float = 0.3):
        super().__init__()
        self.num_features = width
        self.body = nn.Sequential(Perceptron(num_cells, width, width, depth, dropout), nn.GELU())

    def forward(self, cells_BTV: Tensor) -> Tensor:
        return self.body(2 * cells_BTV.flatten(-2) - 1)


class Prior(Protocol):
    """p(z_low | z_high); p(z_high) is always N(0, I)."""

    conditional: bool

    def __call__(self, high_BL: Tensor) -> Normal: ...


class Conditional(nn.Module):
    """Learnt p(z_low | z_high)."""

    conditional = True

    def __init__(self, z_high: int, z_low: int, width: int = 128):
        super().__init__()
        self.network = Perceptron(z_high, width, 2 * z_low)

    def forward(self, high_BL: Tensor) -> Normal:
        return normal(*mean_and_std(self.network(high_BL)))


class Standard(nn.Module):
    """p(z_low) = N(0, I), independent of z_high."""

    conditional = False

    def __init__(self, z_high: int, z_low: int):
        super().__init__()
        self.z_low = z_low

    def forward(self, high_BL: Tensor) -> Normal:
        return standard_normal(high_BL.new_zeros(*high_BL.shape[:-1], self.z_low))


class TopDown(nn.Module):
    """q(z_high | x) q(z_low | x, z_high): the global level is inferred first.

    The low posterior is relative to its prior, N(μ + σ·Δμ, (σ·Δσ)²), so that the KL is 0 at Δμ = 0, Δσ = 1
    (Vahdat & Kautz 2020, arXiv:2007.03898, section 3.2).

    Args:
        features: F of the encoder.
        z_high: dimensions of the global level.
        z_low: dimensions of the local level.
        width: of the second posterior's network.
        dropout: in that network.
    """

    def __init__(self, features: int, z_high: int, z_low: int, width: int = 256, dropout: float = 0.3):
        super().__init__()
        self.high = nn.Linear(features, 2 * z_high)
        self.low = Perceptron(features + z_high, width, 2 * z_low, dropout=dropout)
        self.scale_high: nn.Module = nn.Identity()
        self.scale_low: nn.Module = nn.Identity()

    def forward(self, features_BF: Tensor, prior: Prior) -> Latents:
        posterior_high = self.posterior_high(features_BF)
        high_BL = posterior_high.rsample()
        prior_low = prior(high_BL)
        posterior_low = self._relative_to(prior_low, features_BF, high_BL)
        return Latents(high_BL, posterior_low.rsample(), posterior_high, posterior_low, prior_low)

    def means(self, features_BF: Tensor, prior: Prior) -> tuple[Tensor, Tensor]:
        """Posterior means of both levels; the second is conditional on the mean of the first."""
        high_BL = self.posterior_high(features_BF).mean
        return high_BL, self.posterior_low(features_BF, high_BL, prior).mean

    def posterior_high(self, features_BF: Tensor) -> Normal:
        mean_BL, std_BL = mean_and_std(self.high(features_BF))
        return normal(self.scale_high(mean_BL), std_BL)

    def posterior_low(self, features_BF: Tensor, high_BL: Tensor, prior: Prior) -> Normal:
        return self._relative_to(prior(high_BL), features_BF, high_BL)

    def _relative_to(self, prior: Normal, features_BF: Tensor, high_BL: Tensor) -> Normal:
        mean_BL, std_BL = mean_and_std(self.low(features_BF, high_BL))
        return normal(prior.mean + prior.stddev * self.scale_low(mean_BL), prior.stddev * std_BL)


class BottomUp(nn.Module):
    """q(z_low | x) q(z_high | z_low): the global level depends on the data through the local one only.

    Args:
        features: F of the encoder.
        z_high: dimensions of the global level.
        z_low: dimensions of the local level.
        width: of the second posterior's network.
        dropout: in that network.
    """

    def __init__(self, features: int, z_high: int, z_low: int, width: int = 256, dropout: float = 0.3):
        super().__init__()
        self.low = nn.Linear(features, 2 * z_low)
        self.high = Perceptron(z_low, width, 2 * z_high, dropout=dropout)
        self.scale_high: nn.Module = nn.Identity()
        self.scale_low: nn.Module = nn.Identity()

    def forward(self, features_BF: Tensor, prior: Prior) -> Latents:
        posterior_low = self.posterior_low(features_BF)
        low_BL = posterior_low.rsample()
        posterior_high = self.posterior_high(low_BL)
        high_BL = posterior_high.rsample()
        prior_low = prior(high_BL)
        return Latents(high_BL, low_BL, posterior_high, posterior_low, prior_low, low_is_sampled=prior.conditional)

    def means(self, features_BF: Tensor, prior: Prior) -> tuple[Tensor, Tensor]:
        """Posterior means of both levels; the second is conditional on the mean of the first."""
        low_BL = self.posterior_low(features_BF).mean
        return self.posterior_high(low_BL).mean, low_BL

    def posterior_low(self, features_BF: Tensor) -> Normal:
        mean_BL, std_BL = mean_and_std(self.low(features_BF))
        return normal(self.scale_low(mean_BL), std_BL)

    def posterior_high(self, low_BL: Tensor) -> Normal:
        mean_BL, std_BL = mean_and_std(self.high(low_BL))
        return normal(self.scale_high(mean_BL), std_BL)
