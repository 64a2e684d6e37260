"""The seam for annealing strategies: override the hooks you need, leave the others. A run's annealers act as one.

B batch, T steps, V voices, L latent dims.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from math import prod

from lightning import Callback
from torch import Tensor

from src.core.levels import OF_TWO, level_names
from src.core.validation import Choice, Range
from src.vae.interfaces import VAEInterface
from src.vae.latents import KLs, total

Levels = tuple[float | Tensor, ...]
"""A value for each level, top level first."""
PerLevel = float | Mapping[str, float]
"""A number in a configuration: one for all levels, or one for each, `{high: …, low: …}` or `{z_1: …, z_2: …}`."""


class Annealer(Choice, Callback):
    """Hooks into the VAE's objective, in the order in which they are called:

        attach                  once, when the networks exist
        before_step             before each update of the weights
        history                 the preceding cells that an autoregressive decoder sees
        temperature             divides the logits in training
        reconstruction_weight   factor of the reconstruction term
        beta                    factor of each level's KL
        observe                 after the loss of each step, not of `Aggressive`'s inner updates

    Values of several annealers multiply. Schedules follow the run's `progress`. A subclass with state implements
    `state_dict` and `load_state_dict`; the state is kept under `name`, the annealer's key in the configuration.
    """

    option_group = "vae.anneal"
    vae: VAEInterface  # set by `attach`
    level_names: tuple[str, ...] = OF_TWO  # set by `attach`

    def __init__(self) -> None:
        super().__init__()
        self.per_level: dict[str, Mapping[str, float]] = {}  # parameters with a value for each level

    @property
    def progress(self) -> float:
        """Share of the run that is done, in [0, 1)."""
        return self.vae.progress

    @property
    def state_key(self) -> str:
        return self.key

    def levels(self, parameter: str, value: PerLevel, fits: Range) -> PerLevel:
        """The value of a parameter for all levels or for each, validated; `of_levels` makes a tuple of it.

        Raises:
            ValueError: the names are not those of levels, or a value is out of range.
        """
        if not isinstance(value, Mapping):
            return self.number(parameter, value, fits)
        named = {str(level).removeprefix("z_"): number for level, number in value.items()}
        if set(named) != set(level_names(len(named))):
            key = f"{self.key}.{parameter}={dict(value)}"
            raise ValueError(f"{key}: give one number, or one for each of high and low; of other models z_1, z_2, …")
        for level, number in named.items():
            self.number(f"{parameter}.{level}", number, fits)
        self.per_level[parameter] = named
        return named

    def of_levels(self, value: PerLevel) -> tuple[float, ...]:
        """A parameter's value for each level of the model."""
        if isinstance(value, Mapping):
            return tuple(value[level] for level in self.level_names)
        return (value,) * len(self.level_names)

    def charts_of(self, quantity: str, values: Iterable[float | Tensor]) -> dict[str, float | Tensor]:
        """A value for each level, by the names of their charts."""
        return {f"{quantity}_{level}": value for level, value in zip(self.level_names, values, strict=True)}

    def attach(self, vae: VAEInterface) -> None:
        """Stores the VAE and the names of its levels; a subclass may change or validate its networks.

        Raises:
            ValueError: the strategy does not fit this model, or a parameter names other levels than the model has.
        """
        self.vae, self.level_names = vae, tuple(vae.levels)
        for parameter, value in self.per_level.items():
            if set(value) != set(self.level_names):
                names = " and ".join(f"z_{level}" for level in self.level_names)
                raise ValueError(f"{self.key}.{parameter}={value}: give one number, or one for each of {names}")

    def before_step(self) -> None:
        """May change weights or the optimizer's state."""

    def history(self, cells_BTV: Tensor) -> Tensor:
        """Cells in [−1, 1] as the decoder sees them; 0 is unknown."""
        return cells_BTV

    def temperature(self) -> float:
        return 1.0

    def reconstruction_weight(self) -> float | Tensor:
        return 1.0

    def beta(self, kls: KLs) -> Levels:
        return (1.0,) * len(kls.levels_BL)

    def observe(self, distortion_B: Tensor, kls: KLs) -> None:
        """Receives the step's reconstruction term and KL, in nats, detached, before the weights are updated."""

    def charts(self) -> dict[str, float | Tensor]:
        """Further values for TensorBoard's `anneal/…`, beside β and the temperature."""
        return {}


class KLTransform(Annealer, ABC):
    """An annealer that replaces the weighted sum of the KLs by another function of them; at most one per run."""

    @abstractmethod
    def penalty(self, kls: KLs, beta: Levels) -> Tensor:
        """The KL term of the loss, in nats: a scalar.

        Args:
            kls: raw KL per sample and dimension.
            beta: product of all annealers' factors per level.
        """


class ComposedAnnealer:
    """The annealers of a run, called by the VAE's objective as one.

    Args:
        annealers: by name, which each of them takes as its own.

    Raises:
        ValueError: two annealers transform the KL.
    """

    def __init__(self, annealers: Mapping[str, Annealer]):
        self.annealers = list(annealers.values())
        for name, annealer in annealers.items():
            annealer.name = name
        transforms = {name: annealer for name, annealer in annealers.items() if isinstance(annealer, KLTransform)}
        if len(transforms) > 1:
            raise ValueError(
                f"vae.anneal=[{','.join(annealers)}]: {' and '.join(transforms)} each replace the KL by a function of "
                "their own; choose one of them"
            )
        self.transform = next(iter(transforms.values()), None)

    def before_step(self) -> None:
        for annealer in self.annealers:
            annealer.before_step()

    def history(self, cells_BTV: Tensor) -> Tensor:
        for annealer in self.annealers:
            cells_BTV = annealer.history(cells_BTV)
        return cells_BTV

    def temperature(self) -> float:
        return prod(annealer.temperature() for annealer in self.annealers)

    def reconstruction_weight(self) -> float | Tensor:
        return prod(annealer.reconstruction_weight() for annealer in self.annealers)

    def beta(self, kls: KLs) -> Levels:
        beta: Levels = (1.0,) * len(kls.levels_BL)
        for annealer in self.annealers:
            beta = tuple(value * factor for value, factor in zip(beta, annealer.beta(kls), strict=True))
        return beta

    def penalty(self, kls: KLs, beta: Levels) -> Tensor:
        """The KL term of the loss: Σ β_l KL_l, averaged over the batch, or the transform's function of the KLs."""
        if self.transform:
            return self.transform.penalty(kls, beta)
        return total(weight * kl_B.mean() for weight, kl_B in zip(beta, kls.levels_B, strict=True))

    def observe(self, distortion_B: Tensor, kls: KLs) -> None:
        for annealer in self.annealers:
            annealer.observe(distortion_B, kls)

    def charts(self) -> dict[str, float | Tensor]:
        return {name: value for annealer in self.annealers for name, value in annealer.charts().items()}
