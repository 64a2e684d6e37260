"""Several annealers as one: values multiply, and at most one of them transforms the KL."""

from collections.abc import Mapping
from math import prod

from torch import Tensor

from src.vae.anneal.annealer import Annealer, KLTransform, Levels
from src.vae.latents import KLs, total


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
