"""Encoder, posteriors and priors of any number of latent levels, from the top level down.

B batch, T steps, V voices (cells of a step), F features, L latent dims of a level.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor, nn
from torch.distributions import Distribution
from torch.nn.functional import linear

from src.core.validation import Choice
from src.vae.latents import Gaussian, Latents, LevelPrior, mean_and_std, normal, standard_normal
from src.vae.prior import Prior


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


class Conditional(Prior):
    """p(z_l | z_{l−1}) is learnt; with `skips` p(z_l | z_1 … z_{l−1}), as in BIVA (Maaløe et al. 2019).

    arXiv:1902.02102.

    Args:
        levels: dimensions by level, top level first.
        skips: whether a level sees all levels above instead of the next one.
        width: of each level's network.
    """

    conditional = True

    def __init__(self, levels: Mapping[str, int], skips: bool = False, width: int = 128):
        super().__init__()
        self.skips = skips
        sizes = list(levels.values())
        for index in range(1, len(sizes)):
            inputs = sum(sizes[:index] if skips else sizes[index - 1 : index])
            self.add_module(_network(index), Perceptron(inputs, width, 2 * sizes[index]))

    def forward(self, above: Sequence[Tensor]) -> Gaussian:
        network = self.get_submodule(_network(len(above)))
        return normal(*mean_and_std(network(*(above if self.skips else above[-1:]))))


def _network(index: int) -> str:
    """The name in checkpoints of the network of a level below the top; that of the second level bears no number."""
    return "network" if index == 1 else f"network_{index + 1}"


class Standard(Prior):
    """p(z_l) = N(0, I) for each level, independent of the others.

    Args:
        levels: dimensions by level, top level first.
        skips: of no use here.
    """

    conditional = False

    def __init__(self, levels: Mapping[str, int], skips: bool = False):
        super().__init__()
        self.sizes = list(levels.values())

    def forward(self, above: Sequence[Tensor]) -> Gaussian:
        return standard_normal(above[-1].new_zeros(*above[-1].shape[:-1], self.sizes[len(above)]))


class AsTheyAre(nn.Module):
    """A posterior's mean and standard deviation, unchanged."""

    def forward(self, mean_BL: Tensor, std_BL: Tensor) -> tuple[Tensor, Tensor]:
        return mean_BL, std_BL


class Inference(Choice, nn.ModuleDict, ABC):
    """The networks of q(z|x), each under its level's name, and under `scale_NAME` what maps its mean and deviation.

    `family`: of the posteriors: "normal", "flow" or, on the top level, "sphere". `top_down`: whether the top level is
    inferred first, and every level sees the features.

    Args:
        features: F of the encoder.
        levels: dimensions by level, top level first.
        skips: whether a level sees all levels inferred before it instead of the last one.
        width: of the networks of all levels but the first one.
        dropout: in those networks.
    """

    option_group = "vae.inference"
    family = "normal"
    top_down = True

    def __init__(
        self, features: int, levels: Mapping[str, int], skips: bool = False, width: int = 256, dropout: float = 0.3
    ):
        super().__init__()
        self.order, self.skips = tuple(levels) if self.top_down else tuple(reversed([*levels])), skips
        self.update(self.networks(features, levels, width, dropout))
        self.update({f"scale_{name}": AsTheyAre() for name in levels})

    def networks(self, features: int, levels: Mapping[str, int], width: int, dropout: float) -> dict[str, nn.Module]:
        """A linear layer from the features to the first level, and perceptrons to the others, in the order of weights.

        These see what has been inferred, with `skips` all of it, else the last level.
        """
        first, *others = self.order
        networks: dict[str, nn.Module] = {first: nn.Linear(features, 2 * levels[first])}
        for index, name in enumerate(others, 1):
            before = [levels[each] for each in self.order[:index]]
            inputs = (features if self.top_down else 0) + sum(before if self.skips else before[-1:])
            networks[name] = Perceptron(inputs, width, 2 * levels[name], dropout=dropout)
        return networks

    def forward(self, features_BF: Tensor, prior: Prior) -> Latents:
        """A sample of each level."""
        return self.latents(features_BF, prior, lambda posterior: posterior.rsample())

    def means(self, features_BF: Tensor, prior: Prior) -> Latents:
        """The posterior means in place of samples, each conditional on those that are inferred before it."""
        return self.latents(features_BF, prior, lambda posterior: posterior.mean)

    def top_prior(self, like_BL: Tensor) -> LevelPrior:
        """The prior of the top level that goes with the posteriors' family."""
        return standard_normal(like_BL)

    @abstractmethod
    def latents(self, features_BF: Tensor, prior: Prior, value: Callable[[Distribution], Tensor]) -> Latents:
        """Infers level after level, taking the value of each posterior for the next ones."""

    def moments(self, inferred: Sequence[Tensor], *features: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation that the network of the level after the inferred ones gives."""
        name = self.order[len(inferred)]
        mean_BL, std_BL = mean_and_std(self[name](*features, *(inferred if self.skips else inferred[-1:])))
        return self[f"scale_{name}"](mean_BL, std_BL)


class TopDown(Inference):
    """q(z_1 | x) q(z_2 | x, z_1) …: the top level is inferred first.

    The posterior of a level below the top is relative to its prior, N(μ + σ·Δμ, (σ·Δσ)²), so that the KL is 0 at
    Δμ = 0, Δσ = 1 (Vahdat & Kautz 2020, arXiv:2007.03898, section 3.2).
    """

    def latents(self, features_BF: Tensor, prior: Prior, value: Callable[[Distribution], Tensor]) -> Latents:
        features = self.features(features_BF)
        z: list[Tensor] = []
        posteriors, priors = [], []
        for _ in self.order:
            own_prior = prior(z) if z else None
            posteriors.append(self.posterior(features, z, own_prior))
            z.append(value(posteriors[-1]))
            priors.append(own_prior or prior.top(z[-1]))
        return Latents(tuple(z), tuple(posteriors), tuple(priors))

    def features(self, features_BF: Tensor) -> tuple[Tensor, ...]:
        """The features that each level sees."""
        return (features_BF,) * len(self.order)

    def posterior(self, features: Sequence[Tensor], above: Sequence[Tensor], prior: Gaussian | None) -> Any:
        """q of the level below the given ones, which has this prior; above the top level there is none."""
        mean_BL, std_BL = self.moments(above, features[len(above)])
        return normal(prior.mean + prior.stddev * mean_BL, prior.stddev * std_BL) if prior else normal(mean_BL, std_BL)


class Ladder(TopDown):
    """The ladder VAE's posteriors (Sønderby et al. 2016, arXiv:1602.02282).

    Features rise from level to level, d_L = the encoder's, d_{l−1} = network(d_l). Each level has a Gaussian N(μ̂, σ̂²)
    of its own features, that of a level below the top multiplied by its prior: precisions σ̂⁻² and σ⁻² add up, and the
    mean is that of μ̂ and μ weighted by them. A level depends on those above through its prior alone.

    Args:
        skips: of the prior.
        width: of the networks between the levels.
    """

    def networks(self, features: int, levels: Mapping[str, int], width: int, dropout: float) -> dict[str, nn.Module]:
        *upper, lowest = levels
        networks: dict[str, nn.Module] = {name: nn.Linear(width, 2 * levels[name]) for name in upper}
        networks[lowest] = nn.Linear(features, 2 * levels[lowest])
        for index, name in enumerate(reversed(upper)):
            inputs = width if index else features
            networks[f"features_{name}"] = nn.Sequential(Perceptron(inputs, width, width, dropout=dropout), nn.GELU())
        return networks

    def features(self, features_BF: Tensor) -> tuple[Tensor, ...]:
        rising = [features_BF]
        for name in reversed(self.order[:-1]):
            rising.append(self[f"features_{name}"](rising[-1]))
        return tuple(reversed(rising))

    def posterior(self, features: Sequence[Tensor], above: Sequence[Tensor], prior: Gaussian | None) -> Any:
        name = self.order[len(above)]
        mean_BL, std_BL = self[f"scale_{name}"](*mean_and_std(self[name](features[len(above)])))
        if prior is None:
            return normal(mean_BL, std_BL)
        own_BL, prior_BL = std_BL**-2, prior.stddev**-2
        return normal((own_BL * mean_BL + prior_BL * prior.mean) / (own_BL + prior_BL), (own_BL + prior_BL).rsqrt())


class BottomUp(Inference):
    """q(z_L | x) q(z_{L−1} | z_L) …: each level depends on the data through the level below only."""

    top_down = False

    def latents(self, features_BF: Tensor, prior: Prior, value: Callable[[Distribution], Tensor]) -> Latents:
        below: list[Tensor] = []
        posteriors = []
        for _ in self.order:
            posteriors.append(self.posterior(features_BF, below))
            below.append(value(posteriors[-1]))
        z = tuple(reversed(below))
        priors = prior.top(z[0]), *(prior(z[:index]) for index in range(1, len(z)))
        return Latents(z, tuple(reversed(posteriors)), priors, range(1, len(z)) if prior.conditional else ())

    def posterior(self, features_BF: Tensor, below: Sequence[Tensor]) -> Gaussian:
        """q of the level above the given ones, lowest first; below the lowest level there is none."""
        return normal(*self.moments(below, *(() if below else (features_BF,))))
