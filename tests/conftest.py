"""Tiny data, tiny GANs and a tiny trainer: everything at most 8×8 pixels and on the CPU."""

import logging
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback, Trainer
from torch import Tensor, nn

from src.data.letters.strokes import draw
from src.data.loader import ResidentLoader
from src.data.spec import DataSpec, Split
from src.evaluation.oracles import base
from src.gan.losses import Standard
from src.gan.module import GAN
from src.gan.networks.dcgan import Discriminator, Generator


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """On tiny tensors threads wait for each other longer than they work, above all on a busy machine."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def no_open_log():
    """A command's train.log, which lies in the test's folder, is closed: no later test writes to it."""
    before = {*logging.root.handlers}
    yield
    for handler in {*logging.root.handlers} - before:
        if isinstance(handler, logging.FileHandler):
            logging.root.removeHandler(handler)
            handler.close()


def shorten_oracle_training(patch: pytest.MonkeyPatch, num_steps: int) -> None:
    """A single cycle of so few steps, for tests that need an oracle but not a good one."""
    patch.setattr(base, "STEPS", num_steps)
    patch.setattr(base, "needs_second_cycle", lambda *_: False)


@pytest.fixture
def modest_memory():
    """No test takes a gigabyte."""

    def kilobytes(key: str) -> int:
        return int(re.search(rf"{key}:\s+(\d+)", Path("/proc/self/status").read_text())[1])

    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak of earlier tests
    before = kilobytes("VmRSS")
    yield
    assert kilobytes("VmHWM") - before < 2**20


BARE = {
    "devices": 1,
    "max_epochs": 1,
    "logger": False,
    "enable_checkpointing": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
}


class Reseed(Callback):
    """Gives training and each step its own random stream, so that a test can draw the same numbers."""

    def on_train_start(self, trainer: Trainer, module: GAN) -> None:
        torch.manual_seed(999)

    def on_train_batch_start(self, trainer: Trainer, module: GAN, batch: Tensor, batch_index: int) -> None:
        torch.manual_seed(1000 + batch_index)


@pytest.fixture
def not_to_machine_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiling as far as graphs of operations, which are then run as they stand: the rest takes a minute."""
    compile_in_place = nn.Module.compile
    monkeypatch.setattr(nn.Module, "compile", lambda network: compile_in_place(network, backend="aot_eager"))


@pytest.fixture
def spec() -> DataSpec:
    sizes = {"train": 64, "val": 16, "test": 16}
    return DataSpec("toy", "toy", "0" * 64, ("A", "B"), (1, 8, 8), sizes)


@pytest.fixture
def toy_images() -> Tensor:
    """Uint8 [64, 8, 8]."""
    return torch.randint(0, 256, (64, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


@pytest.fixture
def make_gan(spec) -> Callable[..., GAN]:
    """Builds a tiny GAN, the same every time; any argument can be replaced."""

    def make(seed: int = 0, **changes: Any) -> GAN:
        torch.manual_seed(seed)
        adam = partial(torch.optim.Adam, lr=2e-3, betas=(0.5, 0.999))
        arguments = {
            "spec": spec,
            "generator": partial(Generator, z=4, width=4, depth=2),
            "discriminator": partial(Discriminator, width=4, depth=2),
            "loss": {"standard": Standard()},
            "generator_optimizer": adam,
            "discriminator_optimizer": adam,
        }
        return GAN(**(arguments | changes))

    return make


@pytest.fixture
def fit(toy_images) -> Callable[..., Trainer]:
    """Trains a GAN for some batches in a real trainer."""

    def train(
        gan: GAN,
        num_batches: int = 2,
        batch_size: int = 8,
        images: Tensor = toy_images,
        callbacks: Sequence[Callback] = (),
        labels: Tensor | None = None,
        **options: Any,
    ) -> Trainer:
        trainer = Trainer(accelerator="cpu", callbacks=[Reseed(), *callbacks], **BARE, **options)
        if gan.needs_labels and labels is None:
            labels = torch.arange(len(images)) % len(gan.spec.classes)
        loader = ResidentLoader(images, batch_size, num_batches, seed=0, stack=gan.spec.stack, labels=labels)
        trainer.fit(gan, loader)
        return trainer

    return train


@pytest.fixture(scope="session")
def letters() -> Split:
    """Of five kinds, twenty each."""
    return Split.of(*draw("AOQXZ", 20, seed=0))
