"""Training curves in TensorBoard, against images seen."""

from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor


class DivergedError(ArithmeticError):
    """Training left the finite numbers; what was measured before stands."""


class TrainingCurves(Callback):
    """Logs what `training_step` returns as `train/…`, each quantity averaged over its batch, every so many steps.

    Reading a number off the device stalls it, so in between nothing is read.

    Raises:
        DivergedError: one of the numbers is not finite.
    """

    def __init__(self, every: int):
        self.every = every

    def on_train_batch_end(
        self,
        trainer: Trainer,
        module: LightningModule,
        outputs: dict[str, Tensor],
        batch: Any,
        batch_index: int,
    ) -> None:
        if module.steps % self.every and batch_index + 1 < trainer.num_training_batches:
            return
        values = torch.stack([value.float().mean() for value in outputs.values()]).tolist()
        curves = {f"train/{name}": value for name, value in zip(outputs, values, strict=True)}
        trainer.logger.log_metrics(curves, step=module.images_seen)
        for name, value in curves.items():
            if not abs(value) < float("inf"):
                raise DivergedError(f"{name} is {value} after {module.images_seen:,} images")
