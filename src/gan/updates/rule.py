"""Base class of all update rules, and a copy of what they train."""

from abc import ABC, abstractmethod
from collections.abc import Hashable
from copy import deepcopy
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import Parameter

from src.core.validation import Choice
from src.gan.interfaces import GANInterface, StepInputs, StepOptimizer
from src.training.networks import float_state


class UpdateRule(Choice, nn.Module, ABC):
    """How a training step changes both networks, of which a GAN has exactly one.

    `step` may be replayed from a CUDA graph, in which Python values are frozen: what changes from step to step is set
    in `before_step` and returned by `graph_key`. Copies of weights are buffers or frozen parameters, and so are in the
    checkpoint.
    """

    option_group = "gan.update"

    differentiates_twice: ClassVar[bool] = False
    """It differentiates a gradient."""

    steps_per_generator_update: int = 1
    """Training steps per update of the generator."""

    def attach(self, gan: GANInterface) -> None:
        """Copies weights, once both networks exist and tricks have changed them.

        Raises:
            ValueError: a trick does not fit the rule.
        """

    def before_step(self, gan: GANInterface) -> None:
        """Sets what the step depends on."""

    def graph_key(self) -> Hashable:
        """Every Python value that `step` uses and that changes during a run."""
        return ()

    @abstractmethod
    def step(self, gan: GANInterface, inputs: StepInputs, step_optimizer: StepOptimizer) -> dict[str, Tensor]:
        """Updates the networks; returns values to log."""

    def after_step(self, gan: GANInterface) -> None:
        """Follows the networks."""

    def current_generator(self, generator: nn.Module) -> nn.Module:
        """The generator to sample from, in place of the one that is trained."""
        return generator


class Snapshot(nn.Module):
    """A copy of all trained weights, those of tricks among them, and of the generator's running statistics."""

    def __init__(self, gan: GANInterface):
        super().__init__()
        self.generator = deepcopy(gan.generator).requires_grad_(False)
        self.others = nn.ParameterList(weight.detach().clone() for weight in _others(gan)).requires_grad_(False)

    @torch.no_grad()
    def follow(self, gan: GANInterface, share: float = 1.0) -> None:
        """Moves the copy by a share of its distance to the present weights."""
        torch._foreach_lerp_(float_state(self.generator), float_state(gan.generator), share)
        torch._foreach_lerp_(list(self.others), [weight.detach() for weight in _others(gan)], share)

    @torch.no_grad()
    def restore(self, gan: GANInterface) -> None:
        """Sets the trained weights back to the copy; running statistics go on."""
        trained: list[Tensor] = [*gan.generator.parameters(), *_others(gan)]
        torch._foreach_copy_(trained, [*self.generator.parameters(), *self.others])


def _others(gan: GANInterface) -> list[Parameter]:
    """Trained weights outside the generator."""
    own = {id(weight) for weight in gan.generator.parameters()}
    return [weight for weights in gan.trained_parameters() for weight in weights if id(weight) not in own]
