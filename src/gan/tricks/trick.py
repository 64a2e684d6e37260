"""Base class of all tricks."""

from collections.abc import Hashable, Iterable
from typing import ClassVar

from torch import Tensor, nn
from torch.nn import Parameter
from torch.optim import Optimizer

from src.core.validation import Choice
from src.data.spec import Shape
from src.gan.interfaces import Discriminator, GANInterface, Step


class Trick(Choice, nn.Module):
    """A stabiliser: overrides the hooks it needs. They are called in this order:

        discriminator_shape             before the discriminator is made
        attach                          once both networks exist
        extra_parameters                when the optimizers are made
        configure_optimizers            once both optimizers exist

        before_step                     at the start of each training step
        graph_key                       then, on a GPU: which CUDA graph fits the step
        transform, pack_inputs          before each forward pass of the discriminator
        discriminator_penalty           added to the discriminator's loss
        after_discriminator             after the discriminator's update
        discriminator_for_generator     before the generator's forward pass
        select_samples                  after it
        generator_penalty               added to the generator's loss
        after_step                      after the training step
        logs                            then, for TensorBoard

        evaluated_generator             whenever samples are drawn

    A trick is a module: its buffers move with the GAN and are saved in its checkpoint; its own parameters are trained
    if `extra_parameters` names them. Random numbers come from PyTorch's global stream.

    On a GPU everything between `before_step` and `after_step` may be replayed from a CUDA graph, in which Python values
    are frozen. So a schedule sets its value in `before_step`, as a number that `graph_key` returns or, if it changes at
    every step, in a tensor. Buffers are changed in place.
    """

    option_group = "gan.tricks"

    needs_input_gradients: ClassVar[bool] = False
    """The discriminator's penalty differentiates each logit with respect to its own image."""

    differentiates_twice: ClassVar[bool] = False
    """A penalty contains a gradient, and is itself differentiated."""

    starts_from_first_batch: ClassVar[bool] = False  # the first one that the discriminator sees initialises it
    mixes_samples: ClassVar[bool] = False
    """A logit depends on several samples."""

    allows_input_gradients: ClassVar[bool] = False
    """It mixes samples, but the literature combines it with penalties on the gradient of each image."""

    excludes_labels: ClassVar[str] = ""
    """Why it does not fit a conditional GAN, as in "… pairs images of different classes"."""

    bounds_slope: ClassVar[bool] = False
    """It bounds the discriminator's slope, as the Wasserstein distance requires."""

    copies_networks: ClassVar[bool] = False
    """It is attached after the tricks that may change the networks."""

    generator_needs_real: bool = False
    """Its generator's penalty uses the discriminator's output on real images; set by `attach` at the latest."""

    should_update_generator: bool = True
    """Whether the present step updates the generator; set in `before_step` and part of `graph_key`."""

    steps_per_generator_update: int = 1
    """Training steps per update of the generator."""

    def overrides(self, hooks: Iterable[str]) -> bool:
        """Whether it overrides any of these hooks."""
        return any(getattr(type(self), hook) is not getattr(Trick, hook) for hook in hooks)

    def discriminator_shape(self, shape: Shape) -> Shape:
        """Shape of the discriminator's input, where images have `shape`."""
        return shape

    def attach(self, gan: GANInterface) -> None:
        """Builds what depends on the networks, and may change them.

        Raises:
            ValueError: the trick does not fit this model.
        """

    def extra_parameters(self) -> tuple[list[Parameter], list[Parameter]]:
        """Parameters to train together with the generator, and with the discriminator."""
        return [], []

    def configure_optimizers(self, generator_optimizer: Optimizer, discriminator_optimizer: Optimizer) -> None:
        """Changes the optimizers' settings."""

    def before_step(self, gan: GANInterface) -> None:
        """Follows a schedule: `gan.progress` is the share of the run that is done, `gan.steps` the number of steps."""

    def graph_key(self, gan: GANInterface) -> Hashable | None:
        """Every Python value that the hooks up to `after_step` use and that changes during a run.

        None: the step cannot be captured, as when a hook reads a number from the GPU.
        """
        return ()

    def transform(self, images_BCHW: Tensor) -> Tensor:
        """Augments images, or adds noise to them."""
        return images_BCHW

    def pack_inputs(self, images_BCHW: Tensor, z_BZ: Tensor | None) -> Tensor:
        """Brings transformed images into `discriminator_shape`; `z_BZ` is the noise behind generated ones."""
        return images_BCHW

    def discriminator_penalty(self, step: Step) -> Tensor | float:
        return 0.0

    def after_discriminator(self, gan: GANInterface, step: Step) -> None:
        """Corrects the discriminator's weights after their update, or follows its output."""

    def discriminator_for_generator(
        self, gan: GANInterface, discriminator: Discriminator, real_BCHW: Tensor, fake_BCHW: Tensor, z_BZ: Tensor
    ) -> Discriminator:
        """Replaces the discriminator in the generator's update; gradients pass through `fake`."""
        return discriminator

    def select_samples(self, step: Step) -> Step:
        """Selects the part of the generator's step that its loss is computed from."""
        return step

    def generator_penalty(self, step: Step) -> Tensor | float:
        return 0.0

    def after_step(self, gan: GANInterface) -> None:
        """Follows the networks; `gan.images_seen` already counts the step."""

    def logs(self) -> dict[str, float | Tensor]:
        """Quantities for TensorBoard's `tricks/…`."""
        return {}

    def evaluated_generator(self, generator: nn.Module) -> nn.Module:
        """The generator to draw samples from in place of `generator`."""
        return generator
