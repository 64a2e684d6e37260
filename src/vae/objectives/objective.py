"""The seam for objectives: what a training step minimises, from one pass through the networks.

K draws per sample, B batch, T steps, V voices (cells of a step), F features, L latent dims.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor, nn

from src.core.validation import Choice
from src.vae.anneal import Annealer, Levels
from src.vae.interfaces import VAEInterface
from src.vae.latents import KLs, Latents, total


@dataclass(frozen=True)
class Step:
    """z ~ q(z|x), what the decoder makes of it, and the annealers' weights of the terms.

    With several draws per sample the tensors have their axes first, [K, B] or [M, K, B]; KLs are averaged over them.

    Attributes:
        decoded: the latents that the decoder and the prior were given, the sample itself unless an objective says
            otherwise.
        distortion_B: −log p(x|z) at the annealers' temperature.
        distortion_weight: its factor.
        beta: the factor of each level's KL.
        penalty: the KL term Σ β_l KL_l, or what an annealer puts in its place.
    """

    vae: VAEInterface
    cells_BTV: Tensor
    latents: Latents
    decoded: tuple[Tensor, ...]
    distortion_B: Tensor
    distortion_weight: float | Tensor
    kls: KLs
    beta: Levels
    penalty: Tensor

    @cached_property
    def negative_elbo(self) -> Tensor:
        """w · −log p(x|z) + Σ β_l KL_l, averaged over the batch."""
        return self.distortion_weight * self.distortion_B.mean() + self.penalty

    @property
    def log_weights_B(self) -> Tensor:
        """log p(x|z) − Σ β_l (log q − log p)_l of each draw: at β 1 log p(x, z)/q(z|x)."""
        ratios = zip(self.beta, self.latents.log_ratios_B(), strict=True)
        return -self.distortion_B - total(beta * ratio_B for beta, ratio_B in ratios)


class Objective(Choice, nn.Module, ABC):
    """What a step minimises. Override `loss`, and of the others what is needed.

        attach    once, when networks and annealers exist: builds networks of its own, refuses annealers
        refine    features of the encoder before latents are drawn
        decoded   latents as the decoder gets them
        loss      a scalar, from the pass

    Attributes:
        draws: axes of draws per sample; each costs a pass of posteriors and decoder, not of the encoder.
        differentiates_twice: whether its gradient is one of gradients, which PyTorch does not compile.
        charts: further values of the latest step for TensorBoard's `objective/…`.
    """

    option_group = "vae.objective"
    draws: tuple[int, ...] = ()
    differentiates_twice = False

    def __init__(self) -> None:
        super().__init__()
        self.charts: dict[str, float | Tensor] = {}

    def attach(self, vae: VAEInterface, annealers: Sequence[Annealer]) -> None:
        """Raises: ValueError: an annealer or a network makes no sense under this objective."""
        for annealer in annealers:
            reason = self.refusal(annealer)
            if reason:
                raise ValueError(f"{self} {annealer}: {reason}")

    def refusal(self, annealer: Annealer) -> str:
        """Why an annealer makes no sense under this objective, and the ways out; empty where it does."""
        return ""

    def refine(self, vae: VAEInterface, cells_BTV: Tensor, features_BF: Tensor) -> Tensor:
        """The features from which latents are drawn."""
        return features_BF

    def decoded(self, latents: Latents) -> tuple[Tensor, ...]:
        """The levels as the decoder gets them."""
        return latents.z

    @abstractmethod
    def loss(self, step: Step) -> Tensor:
        """The value that the step descends, a scalar."""


class ELBO(Objective):
    """−E log p(x|z) + KL(q(z|x) ‖ p(z)), one draw of z per sample (Kingma & Welling 2014, arXiv:1312.6114)."""

    def loss(self, step: Step) -> Tensor:
        return step.negative_elbo


def overrides(annealer: Annealer, hook: str) -> bool:
    return getattr(type(annealer), hook) is not getattr(Annealer, hook)
