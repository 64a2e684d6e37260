"""Steps with a discriminator of one's own choice, so that terms have closed forms."""

from collections.abc import Callable

import pytest
from torch import Tensor

from src.gan.module import GAN
from src.gan.step import Discriminator, Step


@pytest.fixture
def make_step(make_gan) -> Callable[..., Step]:
    """A step of a GAN in which `discriminator` judges; the images may require gradients."""

    def make(
        real_BCHW: Tensor,
        fake_BCHW: Tensor,
        discriminator: Discriminator | None = None,
        z_BZ: Tensor | None = None,
        gan: GAN | None = None,
    ) -> Step:
        gan = gan or make_gan()
        return Step(gan, gan.judge(real_BCHW, None, discriminator), gan.judge(fake_BCHW, z_BZ, discriminator))

    return make
