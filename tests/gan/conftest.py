"""Steps with a discriminator of one's own choice, so that penalties have closed forms."""

from collections.abc import Callable

import pytest
from torch import Tensor

from src.gan.interfaces import Discriminator, DiscriminatorOutput, Step
from src.gan.module import GAN


def pixel_sums(images_BCHW: Tensor) -> DiscriminatorOutput:
    return images_BCHW.sum((-3, -2, -1)), images_BCHW.flatten(-3)


@pytest.fixture
def make_step(make_gan) -> Callable[..., Step]:
    """A step with the output of `discriminator`, else of the GAN's own, else pixel sums; images may need gradients."""

    def make(
        real_BCHW: Tensor,
        fake_BCHW: Tensor,
        discriminator: Discriminator | None = None,
        z_BZ: Tensor | None = None,
        gan: GAN | None = None,
    ) -> Step:
        if gan is None:
            gan, discriminator = make_gan(), discriminator or pixel_sums
        real = gan.discriminate(real_BCHW, None, discriminator)
        return Step(gan, real, gan.discriminate(fake_BCHW, z_BZ, discriminator))

    return make
