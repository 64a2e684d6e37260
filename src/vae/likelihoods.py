"""Likelihoods p(x|z) of cells in [0, 1], given the decoder's output.

B batch, T steps, V voices (cells of a step), P parameters of a cell, X = V · P, K components. Any further leading axes
(importance samples) are allowed everywhere.
"""

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor
from torch.distributions import Normal
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid, softplus

from src.core.validation import COUNT, POSITIVE, Choice

SMALLEST_LOG_SCALE = -7.0  # as in PixelCNN++: a tenth of a level
INITIAL_LOG_SCALE = -1.0


class Likelihood(Choice, ABC):
    """A distribution over each cell, independent given the decoder's output [..., T, X], P numbers per cell.

    A temperature below 1 makes it sharper.

    Args:
        levels: the highest stored value; there are `levels` + 1 values from 0 to 1.
    """

    option_group = "vae.likelihood"
    num_parameters: int  # P
    binary: bool  # whether a cell is on or off, and grey a probability
    many_levels: str = ""  # of which kinds the values must be, where 0 and 1 alone will not do

    def __init__(self, levels: int):
        self.levels = levels
        if self.many_levels and levels < 2:
            raise ValueError(
                f"{self} is a distribution over {self.many_levels}, but these data are 0 or 1: choose "
                "vae.likelihood=bernoulli"
            )

    @abstractmethod
    def log_prob(self, parameters_BTX: Tensor, cells_BTV: Tensor, temperature: Tensor | float = 1.0) -> Tensor:
        """log p(x|z) of whole samples [..., B], in nats."""

    @abstractmethod
    def mean(self, parameters_BTX: Tensor, temperature: Tensor | float = 1.0) -> Tensor:
        """The expected cells [..., T, V]."""

    @abstractmethod
    def sample(self, parameters_BTX: Tensor, uniform_BTV: Tensor, temperature: Tensor | float = 1.0) -> Tensor:
        """Cells [..., T, V], the quantiles of 1 − `uniform`."""


class Bernoulli(Likelihood):
    """Cells that are on or off; the log-likelihood of a grey one is the expectation over its random binarisations."""

    num_parameters = 1
    binary = True

    def log_prob(self, parameters_BTX: Tensor, cells_BTV: Tensor, temperature: Tensor | float = 1.0) -> Tensor:
        logits_BTV = parameters_BTX / temperature
        cells_BTV = cells_BTV.expand_as(logits_BTV)
        return -binary_cross_entropy_with_logits(logits_BTV, cells_BTV, reduction="none").sum((-2, -1))

    def mean(self, parameters_BTX: Tensor, temperature: Tensor | float = 1.0) -> Tensor:
        return (parameters_BTX / temperature).sigmoid()

    def sample(self, parameters_BTX: Tensor, uniform_BTV: Tensor, temperature: Tensor | float = 1.0) -> Tensor:
        return (self.mean(parameters_BTX, temperature) > uniform_BTV).float()


class Gaussian(Likelihood):
    """A normal distribution around each cell's mean, its variance σ² fixed: the decoder variance of theory.

    The nats are those of a level, density times the distance of two levels, which is its probability while σ is wider.
    A latent pays for itself only where it explains more of a cell's variance than σ²: see `study=phase_transition`.

    Args:
        levels: as above.
        variance: σ², of cells that lie in [0, 1].

    Raises:
        ValueError: the data have two levels.
    """

    num_parameters = 1
    binary = False
    many_levels = "grey levels, colours or coordinates"

    def __init__(self, levels: int, variance: float = 0.01):
        super().__init__(levels)
        self.variance = self.number("variance", variance, POSITIVE)
        self.std = math.sqrt(variance)

    def log_prob(self, parameters_BTX: Tensor, cells_BTV: Tensor, temperature: Tensor | float = 1.0) -> Tensor:
        normal = Normal(parameters_BTX, self.std * temperature, validate_args=False)
        return (normal.log_prob(cells_BTV) - math.log(self.levels)).sum((-2, -1))

    def mean(self, parameters_BTX: Tensor, temperature: Tensor | float = 1.0) -> Tensor:
        return parameters_BTX.clamp(0, 1)

    def sample(self, parameters_BTX: Tensor, uniform_BTV: Tensor, temperature: Tensor | float = 1.0) -> Tensor:
        cells_BTV = parameters_BTX + self.std * temperature * torch.special.ndtri(1 - uniform_BTV)
        return (cells_BTV.clamp(0, 1) * self.levels).round() / self.levels


class LogisticMixture(Likelihood):
    """A mixture of K logistic distributions, discretised to the levels (Salimans et al. 2017, arXiv:1701.05517, eq. 2).

    Its lowest and highest level have all the mass beyond them. Every cell has a mixture of its own: unlike in the
    paper, the channels of a pixel share no component, and the means of green and blue do not depend on red.

    Args:
        levels: as above.
        components: K.

    Raises:
        ValueError: the data have two levels.
    """

    binary = False
    many_levels = "grey levels or colours"

    def __init__(self, levels: int, components: int = 3):
        super().__init__(levels)
        self.components = self.number("components", components, COUNT)
        self.num_parameters = 3 * components

    def log_prob(self, parameters_BTX: Tensor, cells_BTV: Tensor, temperature: Tensor | float = 1.0) -> Tensor:
        weights, means, scales = self._mixture(parameters_BTX, temperature)
        offset = (2 * cells_BTV - 1).unsqueeze(-1) - means
        half_width = 1 / self.levels
        log_below = logsigmoid((offset + half_width) / scales)  # log P(X < upper edge)
        log_above = logsigmoid((half_width - offset) / scales)  # log P(X > lower edge)
        # σ(a) − σ(b) = σ(a) σ(−b) (1 − e^(b−a)): no difference of nearly equal numbers.
        log_between = log_below + log_above + (-torch.expm1(-2 * half_width / scales)).log()
        lowest, highest = ((cells_BTV * self.levels).round().unsqueeze(-1) == level for level in (0, self.levels))
        log_prob = torch.where(lowest, log_below, torch.where(highest, log_above, log_between))
        return (weights + log_prob).logsumexp(-1).sum((-2, -1))

    def mean(self, parameters_BTX: Tensor, temperature: Tensor | float = 1.0) -> Tensor:
        """Up to less than a level: of the logistic distributions clamped to the range, E = 1 − ∫ F over [−1, 1]."""
        weights, means, scales = self._mixture(parameters_BTX, temperature)
        integral = scales * (softplus((1 - means) / scales) - softplus((-1 - means) / scales))
        return 1 - (weights.exp() * integral).sum(-1) / 2

    def sample(self, parameters_BTX: Tensor, uniform_BTV: Tensor, temperature: Tensor | float = 1.0) -> Tensor:
        """The lowest level with P(X ≤ level) ≥ 1 − `uniform`, by bisection."""
        weights, means, scales = self._mixture(parameters_BTX, temperature)
        weights = weights.exp()
        low, high = torch.zeros_like(uniform_BTV), torch.full_like(uniform_BTV, self.levels)
        for _ in range(self.levels.bit_length()):
            middle = ((low + high) / 2).floor()
            upper_edge = (2 * middle + 1) / self.levels - 1
            share = (weights * ((upper_edge.unsqueeze(-1) - means) / scales).sigmoid()).sum(-1)
            enough = (share >= 1 - uniform_BTV) | (middle == self.levels)
            low, high = torch.where(enough, low, middle + 1), torch.where(enough, middle, high)
        return high / self.levels

    def _mixture(self, parameters_BTX: Tensor, temperature: Tensor | float) -> tuple[Tensor, Tensor, Tensor]:
        """Logarithms of the weights, means and scales, each [..., T, V, K]; means start evenly over the range."""
        logits, means, log_scales = parameters_BTX.unflatten(-1, (-1, 3, self.components)).unbind(-2)
        start = torch.arange(1, 2 * self.components, 2, device=means.device) / self.components - 1
        scales = (log_scales + INITIAL_LOG_SCALE).clamp(min=SMALLEST_LOG_SCALE).exp()
        return (logits / temperature).log_softmax(-1), means + start, scales * temperature
