"""Training curves, against images seen."""

from typing import Any

import torch
from lightning import Callback, Trainer
from torch import Tensor
from torch.nn.utils import get_total_norm

from src.training.module import ProgressModule


class DivergedError(ArithmeticError):
    """A loss or weight is no longer finite."""


class TrainingCurves(Callback):
    """Logs the outputs of `training_step` every `every` steps, averaged over the batches of all devices.

    Names without a group of their own come under `train/…`.

    Training whose loss diverges is stopped at once on a CPU, where a GAN's call ends with the step in which it does.
    Reading a number stalls any other device, so there nothing is read in between, and the stop comes that many steps
    late at most.

    Raises:
        DivergedError: one of the numbers, or a weight, is not finite. Weights are looked at only where curves are
            logged: the next step's numbers show what became of them.
    """

    uses_breakpoints = True

    def __init__(self, every: int):
        self.every = every

    def on_train_start(self, trainer: Trainer, module: ProgressModule) -> None:
        module.breakpoints |= {*range(0, int(trainer.num_training_batches), self.every)}

    def on_train_batch_end(
        self, trainer: Trainer, module: ProgressModule, outputs: dict[str, Tensor | float], batch: Any, batch_index: int
    ) -> None:
        due = module.steps % self.every == 0 or module.steps == trainer.num_training_batches
        if not due and module.device.type != "cpu":
            return
        watched = {name: value for name, value in outputs.items() if due or name.endswith("loss")}
        tensors = [torch.as_tensor(value, device=module.device).float().mean() for value in watched.values()]
        names = [name if "/" in name else f"train/{name}" for name in watched]
        means = trainer.strategy.reduce(torch.stack(tensors))  # all devices see the same, and so stop together
        curves = dict(zip(names, means.tolist(), strict=True))
        for logger in trainer.loggers if due else ():
            logger.log_metrics(curves, step=module.images_seen)
        for name, value in curves.items():
            if not abs(value) < float("inf"):
                raise DivergedError(f"{name} is {value} after {module.images_seen:,} images")
        if due:
            require_finite_weights(module)


def require_finite_weights(module: ProgressModule) -> None:
    """Raises DivergedError if a weight is not finite, though a loss may still be."""
    if not get_total_norm(module.parameters()).isfinite():
        names = (name for name, weights in module.named_parameters() if not weights.isfinite().all())
        lost = next(names, "the norm of all weights")
        raise DivergedError(f"{lost} is not finite after {module.images_seen:,} images")
