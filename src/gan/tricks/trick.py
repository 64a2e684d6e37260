"""The seam for stabilisers: a trick overrides the hooks it needs and leaves the others."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from torch import Tensor, nn
from torch.nn import Parameter
from torch.optim import Optimizer

from src.data.spec import Shape
from src.gan.step import Discriminator, Step

if TYPE_CHECKING:
    from src.gan.module import GAN


class Trick(nn.Module):
    """Hooks into a GAN, in the order in which they are called:

        discriminator_shape         before the discriminator is made
        attach                      once, when both networks exist
        tune                        once, when both optimizers exist

        before_step                 when a step begins
        transform, present          whenever the discriminator looks at images
        discriminator_term          summed onto the discriminator's loss
        after_discriminator         when the discriminator has been updated
        generator_moves             whether the generator is updated in this step
        opponent                    the discriminator that the generator then faces
        select                      which of its samples it learns from
        generator_term              summed onto the generator's loss
        after_step                  when the step is done
        charts                      along with it, for TensorBoard

        evaluated_generator         whenever samples are drawn

    It is a module, so that its buffers move with the GAN and are saved in its checkpoint; its own parameters are
    trained if `generator_parameters` or `discriminator_parameters` name them.

    On a GPU all between `before_step` and `after_step` may be replayed from a recording (src/gan/cuda_graphs.py). So a
    schedule follows `gan.progress` in `before_step`, where it sets a number or fills a tensor; a trick that
    looks at the counts later is right as well, but slow. Buffers are changed in place.
    """

    needs_input_gradients: ClassVar[bool] = False
    """The discriminator's term differentiates each logit with respect to its own image."""

    differentiates_twice: ClassVar[bool] = False
    """Its term holds a gradient, and is itself differentiated."""

    mixes_samples: ClassVar[bool] = False
    """The discriminator sees several samples at once, so a logit belongs to no single image."""

    stands_penalties: ClassVar[bool] = False
    """Although it mixes samples, its authors penalise the gradient of each image along with it."""

    bounds_slope: ClassVar[bool] = False
    """It keeps the discriminator's slope bounded, as the Wasserstein distance requires."""

    copies_networks: ClassVar[bool] = False
    """It is attached after those that may change the networks."""

    steps_per_generator_update: int = 1
    """Training steps to an update of the generator, where `generator_moves` is not always true."""

    def overrides(self, hooks: Iterable[str]) -> bool:
        """Whether it has any of these hooks of its own."""
        return any(getattr(type(self), hook) is not getattr(Trick, hook) for hook in hooks)

    def discriminator_shape(self, shape: Shape) -> Shape:
        """The shape of what the discriminator sees, where images have `shape`."""
        return shape

    def attach(self, gan: "GAN") -> None:
        """Builds what depends on the networks, and may change them.

        Raises:
            ValueError: the trick does not fit this model.
        """

    def generator_parameters(self) -> list[Parameter]:
        """What is trained along with the generator."""
        return []

    def discriminator_parameters(self) -> list[Parameter]:
        """What is trained along with the discriminator."""
        return []

    def tune(self, generator_optimizer: Optimizer, discriminator_optimizer: Optimizer) -> None:
        """Changes the optimizers' settings."""

    def before_step(self, gan: "GAN") -> None:
        """Follows a schedule: `gan.progress` is the share of the run that is done, `gan.steps` the number of steps."""

    def transform(self, images_BCHW: Tensor) -> Tensor:
        """Images as the discriminator is to see them: augmented, or with noise."""
        return images_BCHW

    def present(self, images_BCHW: Tensor, z_BZ: Tensor | None) -> Tensor:
        """Transformed images in the form of `discriminator_shape`; `z_BZ` is the noise behind generated ones."""
        return images_BCHW

    def discriminator_term(self, step: Step) -> Tensor | float:
        """A penalty for the discriminator."""
        return 0.0

    def after_discriminator(self, gan: "GAN", step: Step) -> None:
        """Corrects the discriminator's weights after their update, or learns from the verdicts that led to it."""

    def generator_moves(self, gan: "GAN") -> bool:
        return True

    def opponent(
        self, gan: "GAN", discriminator: Discriminator, real_BCHW: Tensor, fake_BCHW: Tensor, z_BZ: Tensor
    ) -> Discriminator:
        """The discriminator for the generator to face in place of the present one; gradients pass through `fake`."""
        return discriminator

    def select(self, step: Step) -> Step:
        """The part of the generator's step that its loss is taken of."""
        return step

    def generator_term(self, step: Step) -> Tensor | float:
        """A penalty for the generator."""
        return 0.0

    def after_step(self, gan: "GAN") -> None:
        """Follows the networks after the step; `gan.images_seen` already counts it."""

    def charts(self) -> dict[str, float | Tensor]:
        """Quantities for TensorBoard's `tricks/…`."""
        return {}

    def evaluated_generator(self, generator: nn.Module) -> nn.Module:
        """The generator to draw samples from in place of `generator`."""
        return generator
