"""`python -m src.benchmark [gan|vae] [OVERRIDE…]`: this laboratory's training loops against plain ones, and the loader.

Both loops train in one process and take turns every few steps, so that a machine whose speed drifts slows both alike.
Medians over the turns count. Without a model's name both are timed, and overrides must suit both.
"""

import logging
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
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

TURNS = 40
STEPS = 25  # of a turn
WARM_UP_TURNS = 4
LOADER_BATCHES = 20_000
MODELS = {
    "gan": (("experiment=gan_standard", "data=strokes"), gan_step),
    "vae": (("experiment=vae_drums",), vae_step),
}


class TakeTurns(Callback):
    """Interrupts Lightning's loop every `STEPS` steps for as many steps of the plain loop, and times the two apart."""

    def __init__(self, make_step: Callable[[torch.device, torch.dtype | None], Step], images_NHW: Tensor, batch: int):
        self.make_step = make_step
        self.images_NHW = images_NHW
        self.batch = batch
        self.ours: list[float] = []
        self.plain: list[float] = []

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        dtype = torch.bfloat16 if trainer.precision == "bf16-mixed" else None
        self.step = self.make_step(module.device, dtype)
        self.images_NHW = self.images_NHW.to(module.device)
        self.started = now(module.device)

    def on_train_batch_start(self, trainer: Trainer, module: LightningModule, batch: Any, batch_index: int) -> None:
        if batch_index and batch_index % STEPS == 0:
            self.ours.append(now(module.device) - self.started)
            self.plain.append(self.plain_turn(module.device))
            self.started = now(module.device)

    def plain_turn(self, device: torch.device) -> float:
        started = now(device)
        for images_BHW in batches(self.images_NHW, self.batch, STEPS):
            self.step(images_BHW)
        return now(device) - started


def now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


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
        without = [f"~callbacks.{name}" for name in ("evaluation", "preemption", "progress")]
        training_alone = [*without, "trainer.enable_progress_bar=false"]
        for recipe, make_step in (MODELS[name] for name in named or MODELS):
            chosen = [*recipe, *overrides, f"trainer.logger.save_dir={folder}", *training_alone]
            config = compose("train", chosen)
            config.budget = ((WARM_UP_TURNS + TURNS) * STEPS + 1) * config.batch_size
            print(" ".join([*recipe, *overrides]))
            compare(config, make_step)


def compare(config: DictConfig, make_step: Callable[..., Step]) -> None:
    data = instantiate(config.data)
    data.setup()
    images = data.splits["train"].images
    model = instantiate(config.model)(spec=data.spec)
    turns = TakeTurns(lambda device, dtype: make_step(config, data.spec, device, dtype), images, config.batch_size)
    trainer = instantiate(config.trainer, callbacks=[*instantiate(config.callbacks).values(), turns])
    trainer.fit(model, data)

    ours, plain = np.array(turns.ours)[WARM_UP_TURNS:], np.array(turns.plain)[WARM_UP_TURNS:]
    trained = STEPS * config.batch_size
    device, threads = trainer.strategy.root_device, torch.get_num_threads()
    print(
        f"  device {device}, precision {trainer.precision}, batch {config.batch_size}, {threads} threads, {TURNS} turns"
    )
    for name, values, unit in (
        ("plain PyTorch loop", trained / plain, ",.0f"),
        ("this laboratory", trained / ours, ",.0f"),
        ("ratio", plain / ours, ".3f"),
    ):
        low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
        print(f"  {name:19} {middle:10{unit}}   quartiles {low:{unit}} to {high:{unit}}")
    print(f"  {'loader alone':19} {loader_speed(images.to(device), config.batch_size):10,.0f}   (samples/s, as above)")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except MISTAKES as mistake:
        give_up(message(mistake))
