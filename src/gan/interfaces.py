"""What a GAN asks of its networks, and what losses and tricks see of it and of its training step.

B batch, S stacked samples, C channels, H height, W width, Z latent dims, F features.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor, nn
from torch.nn import Parameter
from torch.optim import Optimizer

from src.core.validation import Choice
from src.data.spec import DataSpec, Shape

DiscriminatorOutput = tuple[Tensor, Tensor]
"""Logits [B], high for real, and the features [B, F] that they are linear in."""

Discriminator = Callable[[Tensor], DiscriminatorOutput]
StepOptimizer = Callable[[Optimizer], None]


class GeneratorNetwork(nn.Module):
    """Maps noise [B, Z] to images [B, C, H, W] in [-1, 1]."""

    z: int  # dimensions of the noise


class DiscriminatorNetwork(nn.Module):
    """Maps images [B, C, H, W] to a `DiscriminatorOutput`: the body to features, the head these to logits."""

    body: nn.Sequential
    head: nn.Linear
    has_features: bool = True  # other than its logits

    def forward(self, images_BCHW: Tensor) -> DiscriminatorOutput:
        features_BF = self.body(images_BCHW)
        return self.head(features_BF).squeeze(1), features_BF


@dataclass(frozen=True)
class ScoredImages:
    """Images [B, C, H, W], the noise [B, Z] behind generated ones (None for real ones), and the discriminator's output.

    Tricks that mix samples may leave fewer logits than images. Labels [B, S] are None unless the GAN is conditional.
    """

    images_BCHW: Tensor
    z_BZ: Tensor | None
    logits_B: Tensor
    features_BF: Tensor
    labels_BS: Tensor | None = None

    def keep(self, index_B: Tensor) -> "ScoredImages":
        """Selects some of the images."""
        z_BZ, labels_BS = (None if part is None else part[index_B] for part in (self.z_BZ, self.labels_BS))
        logits_B, features_BF = self.logits_B[index_B], self.features_BF[index_B]
        return ScoredImages(self.images_BCHW[index_B], z_BZ, logits_B, features_BF, labels_BS)


@dataclass(frozen=True)
class Step:
    """One update of either network: its real and generated images with the discriminator's output on both.

    `scored_real` is None in the generator's update unless the loss or a trick declares `generator_needs_real`.
    """

    gan: "GANInterface"
    scored_real: ScoredImages | None
    fake: ScoredImages

    @property
    def real(self) -> ScoredImages:
        if self.scored_real is None:
            raise ValueError("set generator_needs_real in the loss or trick whose generator's side uses real images")
        return self.scored_real

    def keep_fake(self, index_B: Tensor) -> "Step":
        """Selects some of the generated images."""
        return replace(self, fake=self.fake.keep(index_B))


@dataclass(frozen=True)
class StepInputs:
    """Real images [B, C, H, W] in [-1, 1], the noise [B, Z] of each network's update, and the labels [B, S] if any."""

    real_BCHW: Tensor
    z_discriminator_BZ: Tensor
    z_generator_BZ: Tensor
    labels_BS: Tensor | None


@dataclass(frozen=True)
class Objective:
    """What a network minimises in a step: its loss, and the penalties of tricks and labels."""

    step: Step
    loss: Tensor
    penalty: Tensor | float

    @property
    def total(self) -> Tensor:
        return self.loss + self.penalty


class Loss(Choice, ABC):
    """Both sides of the game; each may use real and generated images."""

    option_group = "gan.loss"

    generator_needs_real: ClassVar[bool] = False
    """The generator's side uses the discriminator's output on real images."""

    pairs_samples: ClassVar[bool] = False
    """Each fake image is compared with one real image."""

    needs_bounded_slope: ClassVar[bool] = False
    """It measures a distance only if a trick bounds the discriminator's slope."""

    is_cross_entropy: ClassVar[bool] = False
    """The discriminator minimises the cross-entropy of σ(logit) against the targets 1 and 0."""

    has_zero_threshold: ClassVar[bool] = True
    """A logit above 0 classifies an image as real."""

    needs_features: ClassVar[bool] = False
    """It compares features, which a discriminator of one's own may lack."""

    is_zero_sum: ClassVar[bool] = False
    """The generator maximises the discriminator's loss, without the part that does not depend on the generator."""

    @abstractmethod
    def discriminator(self, step: Step) -> Tensor:
        """What the discriminator minimises; the fake images are detached from the generator."""

    @abstractmethod
    def generator(self, step: Step) -> Tensor:
        """What the generator minimises; the discriminator's weights are frozen."""


class GANInterface(Protocol):
    """What tricks, labels and update rules use of a GAN."""

    generator: GeneratorNetwork
    discriminator: DiscriminatorNetwork
    loss: Loss
    spec: DataSpec
    label_state: nn.Module | None
    labels_are_inputs: bool  # of the discriminator
    generator_needs_real: bool
    trainer: Any
    steps: int
    total_steps: int
    images_seen: int
    batch_images: int
    generator_steps: int
    discriminator_passes: int

    @property
    def device(self) -> torch.device:
        """Where the networks are."""

    @property
    def tricks(self) -> Mapping[str, nn.Module]:
        """All tricks by name."""

    @property
    def current_generator(self) -> nn.Module:
        """The generator that samples come from, before tricks replace it."""

    @property
    def progress(self) -> float:
        """Share of the run that is done, in [0, 1)."""

    @property
    def world_size(self) -> int:
        """Number of devices that train together."""

    @property
    def should_update_generator(self) -> bool:
        """Whether the present step updates the generator."""

    def discriminator_shape(self) -> Shape:
        """Shape of the discriminator's input."""

    def optimizers(self) -> list[Optimizer]:
        """The generator's and the discriminator's."""

    def trained_parameters(self) -> tuple[list[Parameter], list[Parameter]]:
        """The weights of the generator's and of the discriminator's optimizer."""

    def discriminate(
        self,
        images_BCHW: Tensor,
        z_BZ: Tensor | None = None,
        discriminator: Discriminator | None = None,
        labels_BS: Tensor | None = None,
    ) -> ScoredImages:
        """Passes images through the tricks' transforms and a discriminator, by default the GAN's own.

        A conditional GAN needs the labels of `ScoredImages`.
        """

    def input_gradient(self, scored: ScoredImages) -> Tensor:
        """Each logit's gradient with respect to its own image [B, C, H, W], itself differentiable."""

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
