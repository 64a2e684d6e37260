"""On a GPU: steps from CUDA graphs equal eager ones, and no step waits for the GPU."""

import math
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from lightning import Callback, Trainer

from src.core import device, resolvers
from src.data.loader import ResidentLoader
from src.gan.module import GAN
from src.gan.tricks.trick import Trick
from tests.conftest import BARE
from tests.gan.conftest import FEW_IMAGES, WAITING

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"),
    pytest.mark.filterwarnings("ignore:Synchronization debug mode is a prototype"),
]

CONF = Path(__file__).parents[2] / "conf"
RECIPES = sorted(path.stem for path in (CONF / "experiment").glob("gan_*.yaml"))
STEPS = 24
ADAM = partial(torch.optim.Adam, lr=2e-3, betas=(0.5, 0.999), fused=True)


class Impatient(Callback):
    """Training steps may not wait for the GPU."""

    def on_train_batch_start(self, *_: Any) -> None:
        torch.cuda.set_sync_debug_mode("error")

    def on_train_batch_end(self, *_: Any) -> None:
        torch.cuda.set_sync_debug_mode("default")

    def on_exception(self, *_: Any) -> None:
        torch.cuda.set_sync_debug_mode("default")


def trained(gan: GAN, precision: str, *callbacks: Callback, batch_size: int = 16) -> GAN:
    device.prepare()
    torch.manual_seed(0)
    images = torch.randint(0, 256, (64, *gan.spec.shape[1:]), dtype=torch.uint8)
    trainer = Trainer(accelerator="gpu", precision=precision, callbacks=list(callbacks), **BARE)
    labels = torch.arange(len(images), device="cuda") % len(gan.spec.classes) if gan.needs_labels else None
    trainer.fit(gan, ResidentLoader(images.cuda(), batch_size, STEPS, seed=0, stack=gan.spec.stack, labels=labels))
    return gan.cpu()


# In fp32, two eager runs of gan_r3 already differ from each other on one GPU.
@pytest.mark.parametrize(
    ("recipe", "precision"), [*((recipe, "bf16-mixed") for recipe in RECIPES), ("gan_standard", "32-true")]
)
def test_graphs_train_to_the_same_weights(recipe, precision, spec, monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", True)
    resolvers.register()
    gans = []
    for on in ("false", "true"):
        narrow = ("gan.generator.width=16", "gan.discriminator.width=16", f"gan.cuda_graphs={on}")
        narrow += FEW_IMAGES.get(recipe, ())
        with initialize_config_dir(str(CONF), version_base="1.3"):
            config = compose("train", [f"experiment={recipe}", *narrow])
        torch.manual_seed(0)
        gan = instantiate(config.model)(spec=replace(spec, shape=(1, 28, 28)))
        gans.append(trained(gan, precision, *([] if recipe in WAITING else [Impatient()])))
    plain, graphed = gans
    assert bool(graphed.graphed_step.captured) != (recipe in WAITING), "no step was captured"
    for name, weights in plain.state_dict().items():
        torch.testing.assert_close(graphed.state_dict()[name], weights, msg=lambda text, name=name: f"{name}: {text}")
    assert graphed.discriminator_passes == plain.discriminator_passes
    assert graphed.generator_steps == plain.generator_steps


class Waiting(Trick):
    def after_discriminator(self, gan, step):
        assert math.isfinite(step.real.logits_B.sum().item())


class WaitingWithKey(Waiting):
    def graph_key(self, gan):
        return None


def test_a_step_that_waits_is_not_captured(make_gan):
    gan = make_gan(tricks={"waiting": WaitingWithKey()}, generator_optimizer=ADAM, discriminator_optimizer=ADAM)
    trained(gan, "32-true")
    assert gan.steps == STEPS
    assert not gan.graphed_step.captured


def test_a_step_that_waits_without_saying_so_is_explained(make_gan):
    gan = make_gan(tricks={"waiting": Waiting()}, generator_optimizer=ADAM, discriminator_optimizer=ADAM)
    with pytest.raises(RuntimeError, match=r"return None from graph_key .* or set gan\.cuda_graphs=false"):
        trained(gan, "32-true")


def test_a_run_is_the_same_with_evaluations(make_gan):
    """Drawing numbers in between, and restoring the stream, does not change the graphs' random numbers."""

    class Drawing(Callback):
        def on_train_batch_end(self, trainer, module, outputs, batch, batch_index):
            with torch.random.fork_rng([module.device]):
                torch.manual_seed(5)
                torch.randn(100, device=module.device)

    gans = [make_gan(generator_optimizer=ADAM, discriminator_optimizer=ADAM) for _ in range(2)]
    for gan, callbacks in zip(gans, [(), (Drawing(),)], strict=True):
        gan.breakpoints |= {*range(0, STEPS, 5)}
        trained(gan, "32-true", *callbacks)
    for plain, drawn in zip(*(gan.state_dict().values() for gan in gans), strict=True):
        torch.testing.assert_close(plain, drawn)
