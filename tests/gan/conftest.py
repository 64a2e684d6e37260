"""Small GANs of every option, and steps with a chosen discriminator, so that penalties have closed forms."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from torch import Tensor

from src.core import resolvers
from src.gan.interfaces import Discriminator, DiscriminatorOutput, Step
from src.gan.module import GAN

CONF = Path(__file__).parents[2] / "conf"
LOSSES = sorted(path.stem for path in (CONF / "gan.loss").glob("*.yaml"))
TRICKS = sorted(path.stem for path in (CONF / "gan.tricks").glob("*.yaml"))
UPDATES = sorted(path.stem for path in (CONF / "gan.update").glob("*.yaml"))
COMPANIONS = {
    "d2gan": ["gan.loss=kl"],
    "wasserstein": ["gan.tricks=[weight_clipping]"],  # without which it is refused
    "n_critic": ["gan.tricks.n_critic.n=2"],  # or the generator would not move in two steps
}
FEW_IMAGES = {"gan_self_conditioned": ("gan.conditional.clusters=4",)}  # recipes that need more than a test has
WAITING = {"gan_gdpp"}  # recipes whose steps wait for a GPU, and so are not recorded: eigenvalues do
OPTIONS = [("gan.loss", name) for name in LOSSES] + [("gan.tricks", name) for name in TRICKS]
OPTIONS += [("gan.update", name) for name in UPDATES]


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


@pytest.fixture
def build(spec):
    """A small GAN as the configuration makes it, with one loss, trick or update rule in place of the default.

    Further options, and changes of the data's specification.
    """
    resolvers.register()

    def build_with(group: str, name: str, *options: str, **changes: Any) -> GAN:
        choice = f"{group}=[{name}]" if group == "gan.tricks" else f"{group}={name}"
        with initialize_config_dir(str(CONF), version_base="1.3"):
            small = ["model=gan", "gan.generator.width=4", "gan.discriminator.width=4"]
            config = compose("train", [*small, choice, *COMPANIONS.get(name, []), *options])
        torch.manual_seed(0)
        return instantiate(config.model)(spec=replace(spec, **{"shape": (1, 12, 12)} | changes))

    return build_with


@pytest.fixture
def images():
    return torch.randint(0, 256, (32, 12, 12), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
