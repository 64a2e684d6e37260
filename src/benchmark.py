"""`python -m src.benchmark [gan|vae] [OVERRIDE…]`: this laboratory's training loops against plain ones, and the loader.

Both loops are timed in turn, several times over, and the fastest round of each counts. Without a model's name both are
timed, and overrides must suit both.
"""

import logging
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from hydra import compose, initialize
from hydra.utils import instantiate
from lightning import Callback, LightningModule, Trainer
from omegaconf import DictConfig
from torch import Tensor

from src import resolvers
from src.data.resident import ResidentLoader
from src.mistakes import MISTAKES, give_up, message
from src.plain_loops import Step, batches, gan_step, vae_step
from src.quiet import quieten

WARM_UP_STEPS = 50
STEPS = 300
ROUNDS = 4
LOADER_BATCHES = 20_000
MODELS = {
    "gan": (("experiment=gan_standard", "data=strokes"), gan_step),
    "vae": (("experiment=vae_drums",), vae_step),
}


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


def plain_loop(step: Step, images_NHW: Tensor, batch_size: int) -> float:
    """Seconds for `STEPS` steps of the loop written by hand."""
    for number, images_BHW in enumerate(batches(images_NHW, batch_size, WARM_UP_STEPS + STEPS)):
        if number == WARM_UP_STEPS:
            started = now(images_NHW.device)
        step(images_BHW)
    return now(images_NHW.device) - started


def loader_speed(images_NHW: Tensor, batch_size: int) -> float:
    """Samples per second that the resident loader delivers."""
    loader = ResidentLoader(images_NHW, batch_size, LOADER_BATCHES, seed=0)
    started = time.perf_counter()
    for _ in loader:
        pass
    return LOADER_BATCHES * batch_size / (time.perf_counter() - started)


def main(arguments: Sequence[str]) -> None:
    named = [argument for argument in arguments if argument in MODELS]
    overrides = [argument for argument in arguments if argument not in MODELS]
    quieten()
    logging.getLogger("lightning").setLevel(logging.ERROR)
    resolvers.register()
    with tempfile.TemporaryDirectory() as folder, initialize(version_base="1.3", config_path="../conf"):
        training_alone = ["~callbacks.evaluation", "~callbacks.progress", "trainer.enable_progress_bar=false"]
        for recipe, make_step in (MODELS[name] for name in named or MODELS):
            chosen = [*recipe, *overrides, f"trainer.logger.save_dir={folder}", *training_alone]
            config = compose("train", chosen)
            config.budget = (WARM_UP_STEPS + STEPS) * config.batch_size
            print(" ".join([*recipe, *overrides]))
            compare(config, make_step)


def compare(config: DictConfig, make_step: Callable[..., Step]) -> None:
    data = instantiate(config.data)
    data.setup()
    ours, plain = [], []
    for _ in range(ROUNDS):
        seconds, trainer = lightning_loop(config, data)
        ours.append(seconds)
        device, precision = trainer.strategy.root_device, str(trainer.precision)
        dtype = torch.bfloat16 if precision == "bf16-mixed" else None
        images = data.splits["train"].images.to(device)
        plain.append(plain_loop(make_step(config, data.spec, device, dtype), images, config.batch_size))
    trained = STEPS * config.batch_size
    print(f"  device {device}, precision {precision}, batch {config.batch_size}, {torch.get_num_threads()} threads")
    print(f"  plain PyTorch loop  {trained / min(plain):12,.0f} samples/s")
    print(f"  this laboratory     {trained / min(ours):12,.0f} samples/s")
    print(f"  ratio               {min(plain) / min(ours):12.3f}")
    print(f"  loader alone        {loader_speed(images, config.batch_size):12,.0f} samples/s")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except MISTAKES as mistake:
        give_up(message(mistake))
