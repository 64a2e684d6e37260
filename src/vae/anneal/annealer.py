"""The seam for annealing strategies: one overrides the hooks it needs and leaves the others.

B batch, T steps, V voices, L latent dims.
"""

import re
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from lightning import Callback
from torch import Tensor

from src.core.validation import Range
from src.vae.anneal.parameters import PerLevel, per_level
from src.vae.latents import Rates

if TYPE_CHECKING:
    from src.vae.module import VAE

Levels = tuple[float | Tensor, float | Tensor]
"""A value for z_high and one for z_low."""


class Annealer(Callback):
    """Hooks into the VAE's objective, in the order in which they are called:

        attach                  once, when the networks exist
        before_step             before each update of the weights
        history                 what an autoregressive decoder sees of the cells before
        temperature             by which the logits are divided in training
        reconstruction_weight   factor of the reconstruction term
        beta                    factor of each level's KL
        observe                 the step's figures, once they are known

    Values of several annealers multiply. Schedules follow the run's `progress`. A child with a state of its own gives
    it out in `state_dict` and takes it back in `load_state_dict`; `name` is its key in the configuration, under which
    the state is kept.
    """

    vae: "VAE"  # that it is attached to

    def __init__(self) -> None:
        self.name = re.sub("(?<=[a-z])(?=[A-Z])", "_", type(self).__name__).lower()

    @property
    def progress(self) -> float:
        """The share of the run that is done, in [0, 1)."""
        return self.vae.progress

    @property
    def state_key(self) -> str:
        return f"vae.anneal.{self.name}"

    def number(self, parameter: str, value: float, fits: Range) -> float:
        """A parameter that a user gave, checked."""
        fits.check(f"{self.state_key}.{parameter}", value)
        return value

    def levels(self, parameter: str, value: PerLevel, fits: Range) -> tuple[float, float]:
        """A parameter for z_high and for z_low, checked."""
        return per_level(f"{self.state_key}.{parameter}", value, fits)

    def attach(self, vae: "VAE") -> None:
        """Remembers the VAE; a child may change or check its networks.

        Raises:
            ValueError: the strategy does not fit this model.
        """
        self.vae = vae

    def before_step(self) -> None:
        """May change weights, or the optimizer's state."""

    def history(self, cells_BTV: Tensor) -> Tensor:
        """Cells in [−1, 1] as the decoder is to remember them; 0 is unknown."""
        return cells_BTV

    def temperature(self) -> float:
        return 1.0

    def reconstruction_weight(self) -> float | Tensor:
        return 1.0

    def beta(self, rates: Rates) -> Levels:
        return 1.0, 1.0

    def observe(self, distortion_B: Tensor, rates: Rates) -> None:
        """Sees the reconstruction term and the KL of the step, in nats, detached, before the weights are updated."""

    def charts(self) -> dict[str, float | Tensor]:
        """Further quantities for TensorBoard's `anneal/…`, beside β and the temperature."""
        return {}


class KLTransform(Annealer, ABC):
    """An annealer that replaces the weighted sum of the KLs by another function of them; a run has at most one."""

    @abstractmethod
    def penalty(self, rates: Rates, beta: Levels) -> Tensor:
        """The rate term of the loss, in nats: a scalar.

        Args:
            rates: raw KL per sample and dimension.
            beta: product of all annealers' factors per level.
        """
