"""`python -m src.benchmark`: this laboratory's training loop against a plain one, and the loader alone.

The plain loop is what one would write by hand for the standard loss: same networks, optimizers, batch and precision.
Both are timed in turn, several times over, and the fastest round of each counts.
"""

import logging
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import Any

import torch
from hydra import compose, initialize
from hydra.utils import instantiate
from lightning import Callback, LightningModule, Trainer
from omegaconf import DictConfig
from torch import Tensor
from torch.nn.functional import softplus

from src import resolvers
from src.data.resident import ResidentLoader
from src.data.spec import DataSpec
from src.gan.networks import initialise
from src.quiet import quieten

WARM_UP_STEPS = 50
STEPS = 300
ROUNDS = 4
LOADER_BATCHES = 20_000


class Stopwatch(Callback):
    """Times the steps after the warm-up."""

    def on_train_batch_start(self, trainer: Trainer, module: LightningModule, batch: Any, batch_index: int) -> None:
        if batch_index == WARM_UP_STEPS:
            self.started = now(module.device)

    def on_train_end(self, trainer: Trainer, module: LightningModule) -> None:
        self.seconds = now(module.device) - self.started


def now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def lightning_loop(config: DictConfig, data: Any) -> tuple[float, Trainer]:
    """Seconds for `STEPS` steps of the laboratory's own loop, and the trainer that took them."""
    stopwatch = Stopwatch()
    model = instantiate(config.model)(spec=data.spec)
    trainer = instantiate(config.trainer, callbacks=[*instantiate(config.callbacks).values(), stopwatch])
    trainer.fit(model, data)
    return stopwatch.seconds, trainer


def plain_loop(config: DictConfig, images_NHW: Tensor, spec: DataSpec, device: torch.device, dtype: Any) -> float:
    """Seconds for `STEPS` steps of the standard GAN, written by hand."""
    images = images_NHW.to(device)
    generator = instantiate(config.gan.generator)(shape=spec.shape).to(device)
    discriminator = instantiate(config.gan.discriminator)(shape=spec.shape).to(device)
    initialise(generator)
    initialise(discriminator)
    generator_optimizer = instantiate(config.gan.generator_optimizer)(generator.parameters())
    discriminator_optimizer = instantiate(config.gan.discriminator_optimizer)(discriminator.parameters())
    batch, z = config.batch_size, generator.z
    for step in range(WARM_UP_STEPS + STEPS):
        if step == WARM_UP_STEPS:
            started = now(device)
        index = torch.randint(len(images), (batch,), device=device)
        real = images.index_select(0, index).unsqueeze(1).float() / (spec.levels / 2) - 1
        with torch.autocast(device.type, dtype, enabled=dtype is not None):
            with torch.no_grad():
                fake = generator(torch.randn(batch, z, device=device))
            logits_real, logits_fake = discriminator(real)[0], discriminator(fake)[0]
            loss = softplus(-logits_real).mean() + softplus(logits_fake).mean()
        discriminator_optimizer.zero_grad()
        loss.backward()
        discriminator_optimizer.step()

        discriminator.requires_grad_(False)
        with torch.autocast(device.type, dtype, enabled=dtype is not None):
            fake = generator(torch.randn(batch, z, device=device))
            loss = softplus(-discriminator(fake)[0]).mean()
        generator_optimizer.zero_grad()
        loss.backward()
        generator_optimizer.step()
        discriminator.requires_grad_(True)
    return now(device) - started


def loader_speed(images_NHW: Tensor, batch_size: int) -> float:
    """Images per second that the resident loader delivers."""
    loader = ResidentLoader(images_NHW, batch_size, LOADER_BATCHES, seed=0)
    started = time.perf_counter()
    for _ in loader:
        pass
    return LOADER_BATCHES * batch_size / (time.perf_counter() - started)


def main(overrides: Sequence[str]) -> None:
    quieten()
    logging.getLogger("lightning").setLevel(logging.ERROR)
    resolvers.register()
    with tempfile.TemporaryDirectory() as folder, initialize(version_base="1.3", config_path="../conf"):
        training_alone = ["~callbacks.evaluation", "~callbacks.progress", "trainer.enable_progress_bar=false"]
        chosen = ["experiment=gan_standard", "data=strokes", *overrides, f"trainer.logger.save_dir={folder}"]
        config = compose("train", [*chosen, *training_alone])
        config.budget = (WARM_UP_STEPS + STEPS) * config.batch_size
        compare(config)


def compare(config: DictConfig) -> None:
    data = instantiate(config.data)
    data.setup()
    images = data.splits["train"].images
    ours, plain = [], []
    for _ in range(ROUNDS):
        seconds, trainer = lightning_loop(config, data)
        ours.append(seconds)
        device, precision = trainer.strategy.root_device, str(trainer.precision)
        dtype = torch.bfloat16 if precision == "bf16-mixed" else None
        plain.append(plain_loop(config, images, data.spec, device, dtype))
    trained = STEPS * config.batch_size
    print(f"device {device}, precision {precision}, batch {config.batch_size}, {torch.get_num_threads()} threads")
    print(f"plain PyTorch loop  {trained / min(plain):12,.0f} images/s")
    print(f"this laboratory     {trained / min(ours):12,.0f} images/s")
    print(f"ratio               {min(plain) / min(ours):12.3f}")
    print(f"loader alone        {loader_speed(images, config.batch_size):12,.0f} images/s")


if __name__ == "__main__":
    main(sys.argv[1:])
