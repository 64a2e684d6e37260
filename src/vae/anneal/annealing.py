"""Several annealers as one: values multiply, and at most one of them transforms the KL."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import prod

from torch import Tensor

from src.vae.anneal.annealer import Annealer, KLTransform, Levels
from src.vae.latents import Rates


class Annealing:
    """What the VAE asks for its objective; it never knows which annealer answers.

    Raises:
        ValueError: two annealers transform the KL.
    """

    def __init__(self, annealers: Mapping[str, Annealer]):
        self.annealers = list(annealers.values())
        self.follows = True
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

    def beta(self, rates: Rates) -> Levels:
        high, low = 1.0, 1.0
        for annealer in self.annealers:
            factor_high, factor_low = annealer.beta(rates)
            high, low = high * factor_high, low * factor_low
        return high, low

    def penalty(self, rates: Rates, beta: Levels) -> Tensor:
        """The rate term of the loss: Σ β_l KL_l averaged over the batch, or what the transform makes of it."""
        if self.transform:
            return self.transform.penalty(rates, beta)
        high_B, low_B = rates.levels_B
        return beta[0] * high_B.mean() + beta[1] * low_B.mean()

    def observe(self, distortion_B: Tensor, rates: Rates) -> None:
        if self.follows:
            for annealer in self.annealers:
                annealer.observe(distortion_B, rates)

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """Within it nothing is observed: for passes over the objective that are no step of the run."""
        self.follows = False
        try:
            yield
        finally:
            self.follows = True

    def charts(self) -> dict[str, float | Tensor]:
        return {name: value for annealer in self.annealers for name, value in annealer.charts().items()}
