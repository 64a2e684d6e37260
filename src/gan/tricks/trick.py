"""The seam for stabilisers: a trick overrides the hooks it needs and leaves the others."""

from typing import TYPE_CHECKING

from torch import Tensor, nn

from src.gan.step import Step

if TYPE_CHECKING:
    from src.gan.module import GAN


class Trick(nn.Module):
    """Hooks into a GAN's training step, in the order in which they are called:

        attach                      once, when both networks exist
        discriminator_term          summed onto the discriminator's loss
        generator_term              summed onto the generator's loss
        after_step                  when both networks have been updated
        evaluated_generator         whenever samples are drawn

    It is a module, so that its buffers move with the GAN and are saved in its checkpoint.
    """

    needs_input_gradients: bool = False
    """The discriminator's term differentiates with respect to the images, one by one; batch normalisation in the
    discriminator mixes them and is refused."""

    def attach(self, gan: "GAN") -> None:
        """Builds what depends on the networks."""

    def discriminator_term(self, step: Step) -> Tensor | float:
        """A penalty for the discriminator."""
        return 0.0

    def generator_term(self, step: Step) -> Tensor | float:
        """A penalty for the generator."""
        return 0.0

    def after_step(self, gan: "GAN") -> None:
        """Follows the networks after both updates; `gan.images_seen` already counts this step."""

    def evaluated_generator(self, generator: nn.Module) -> nn.Module:
        """The generator to draw samples from in place of `generator`."""
        return generator
