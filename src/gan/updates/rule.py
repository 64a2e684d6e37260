"""Base class of all update rules, and a copy of what they train."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable
from copy import deepcopy
from typing import ClassVar, Protocol

import torch
from torch import Tensor, nn
from torch.nn import Parameter
from torch.optim import Optimizer

from src.gan.interfaces import GANInterface, Objective, StepInputs
from src.training.networks import float_state

StepOptimizer = Callable[[Optimizer], None]


class TrainedGAN(GANInterface, Protocol):
    """What update rules use of a GAN, beside what tricks use."""

    generator_steps: int
    discriminator_passes: int

    @property
    def should_update_generator(self) -> bool:
        """Whether the present step updates the generator."""

    def trained_parameters(self) -> tuple[list[Parameter], list[Parameter]]:
        """The weights of the generator's and of the discriminator's optimizer."""

    def discriminator_objective(self, inputs: StepInputs, through_generator: bool = False) -> Objective:
        """What the discriminator minimises; its gradient reaches the generator only if `through_generator`."""

    def generator_objective(self, inputs: StepInputs) -> Objective:
        """What the generator minimises; its gradient reaches the discriminator, unless that is frozen."""

    def compute_gradients(self, optimizer: Optimizer, loss: Tensor) -> None:
        """Replaces the gradients of the optimizer's weights."""

    def backward_and_step(self, optimizer: Optimizer, loss: Tensor, step_optimizer: StepOptimizer) -> None:
        """Updates the optimizer's weights along the gradient of the loss."""

    def after_discriminator(self, objective: Objective) -> dict[str, Tensor]:
        """Lets the tricks act on the updated discriminator; returns values to log."""


class UpdateRule(nn.Module, ABC):
    """How a training step changes both networks, of which a GAN has exactly one.

    `step` may be replayed from a CUDA graph, in which Python values are frozen: what changes from step to step is set
    in `before_step` and returned by `graph_key`. Copies of weights are buffers or frozen parameters, and so are in the
    checkpoint.
    """

    differentiates_twice: ClassVar[bool] = False
    """It differentiates a gradient."""

    steps_per_generator_update: int = 1
    """Training steps per update of the generator."""

    def __str__(self) -> str:
        return f"gan.update={type(self).__name__.lower()}"

    def attach(self, gan: TrainedGAN) -> None:
        """Copies weights, once both networks exist and tricks have changed them.

        Raises:
            ValueError: a trick does not fit the rule.
        """

    def before_step(self, gan: TrainedGAN) -> None:
        """Sets what the step depends on."""

    def graph_key(self) -> Hashable:
        """Every Python value that `step` uses and that changes during a run."""
        return ()

    @abstractmethod
    def step(self, gan: TrainedGAN, inputs: StepInputs, step_optimizer: StepOptimizer) -> dict[str, Tensor]:
        """Updates the networks; returns values to log."""

    def after_step(self, gan: TrainedGAN) -> None:
        """Follows the networks."""

    def current_generator(self, generator: nn.Module) -> nn.Module:
        """The generator to sample from, in place of the one that is trained."""
        return generator


class Snapshot(nn.Module):
    """A copy of all trained weights, those of tricks among them, and of the generator's running statistics."""

    def __init__(self, gan: TrainedGAN):
        super().__init__()
        self.generator = deepcopy(gan.generator).requires_grad_(False)
        self.others = nn.ParameterList(weight.detach().clone() for weight in _others(gan)).requires_grad_(False)

    @torch.no_grad()
    def follow(self, gan: TrainedGAN, share: float = 1.0) -> None:
        """Moves the copy by a share of its distance to the present weights."""
        torch._foreach_lerp_(float_state(self.generator), float_state(gan.generator), share)
        torch._foreach_lerp_(list(self.others), [weight.detach() for weight in _others(gan)], share)

    @torch.no_grad()
    def restore(self, gan: TrainedGAN) -> None:
        """Sets the trained weights back to the copy; running statistics go on."""
        trained: list[Tensor] = [*gan.generator.parameters(), *_others(gan)]
        torch._foreach_copy_(trained, [*self.generator.parameters(), *self.others])


def _others(gan: TrainedGAN) -> list[Parameter]:
    """Trained weights outside the generator."""
    own = {id(weight) for weight in gan.generator.parameters()}
    return [weight for weights in gan.trained_parameters() for weight in weights if id(weight) not in own]
