"""Runs several optimizer steps per Lightning `training_step`, without Lightning's wrappers where they have no effect.

B batch, C channels, H height, W width.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from lightning import Callback, LightningModule
from lightning.pytorch.strategies import SingleDeviceStrategy
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch import Tensor
from torch.optim import Optimizer

from src.data.spec import Batch, DataSpec
from src.training.module import ProgressModule

BATCH_HOOKS = ("on_train_batch_start", "on_train_batch_end")
UPDATE_HOOKS = ("on_before_backward", "on_after_backward", "on_before_optimizer_step")


def step_optimizer(optimizer: Optimizer) -> None:
    """Updates the weights along their gradients."""
    optimizer.step()


class MultiStepModule(ProgressModule, ABC):
    """Makes all steps up to the next breakpoint in one call of `training_step`; a step is an `update`.

    A callback with hooks around batches either gets one call per step, or declares by the class attribute
    `uses_breakpoints = True` that it adds the steps it waits for to `breakpoints`.
    """

    def __init__(self, spec: DataSpec):
        super().__init__(spec)
        self.automatic_optimization = False
        self.uses_lightning_wrappers = True

    def on_train_start(self) -> None:
        super().on_train_start()
        self.uses_lightning_wrappers = self.needs_lightning_wrappers

    @abstractmethod
    def update(self, batch: Any) -> dict[str, Tensor | float]:
        """Makes one training step; returns values to log."""

    def training_step(self, batch: Tensor | Batch, batch_index: int) -> dict[str, Tensor | float]:
        """Makes one update or, where no callback waits for single steps, several."""
        torch.set_autocast_cache_enabled(True)  # which Lightning turns off, as its context spans updates
        outputs = self.update(batch)
        takes_several_steps = self.takes_several_steps
        while takes_several_steps and self.steps not in self.breakpoints and not self.has_diverged(outputs):
            outputs = self.update(next(self.trainer.train_dataloader.running).to(self.device, non_blocking=True))
        return outputs

    @property
    def takes_several_steps(self) -> bool:
        """Saves the half millisecond that Lightning spends between two calls, which can be more than a step takes."""
        trainer: Any = self.trainer  # which does not declare its `callbacks`
        whole = trainer.limit_train_batches == 1.0  # else Lightning's count of calls is the limit
        return whole and self.world_size == 1 and not any(map(sees_every_step, trainer.callbacks))

    @property
    def needs_lightning_wrappers(self) -> bool:
        """Whether Lightning acts within an update: several devices, scaled losses, clipped gradients or a hook.

        Otherwise its wrappers would add 0.3 ms to a GAN's step, and more with every callback.
        """
        trainer: Any = self.trainer
        simple = type(trainer.strategy) is SingleDeviceStrategy and not trainer.scaler and not trainer.gradient_clip_val
        watched = any(sees_every_step(callback) or overrides(callback, UPDATE_HOOKS) for callback in trainer.callbacks)
        return not simple or watched or overrides(self, UPDATE_HOOKS)

    def optimizers(self, use_pl_optimizer: bool | None = None) -> Any:
        return super().optimizers(self.uses_lightning_wrappers if use_pl_optimizer is None else use_pl_optimizer)

    def manual_backward(self, loss: Tensor, *args: Any, **kwargs: Any) -> None:
        (super().manual_backward if self.uses_lightning_wrappers else Tensor.backward)(loss, *args, **kwargs)

    def has_diverged(self, outputs: Mapping[str, Tensor | float]) -> bool:
        """Whether a loss is not finite. Only looked at on a CPU: reading a number from a GPU costs several steps."""
        losses = (value for name, value in outputs.items() if name.endswith("loss"))
        return self.device.type == "cpu" and not all(math.isfinite(loss) for loss in losses)

    def compute_gradients(self, optimizer: Optimizer, loss: Tensor) -> None:
        """Replaces the gradients of the optimizer's weights by those of the loss."""
        optimizer.zero_grad()
        with torch.autocast(self.device.type, enabled=False):  # or it would round gradients of fp32 layers too
            self.manual_backward(loss)

    def backward_and_step(
        self, optimizer: Optimizer, loss: Tensor, step_optimizer: Callable[[Optimizer], None] = step_optimizer
    ) -> None:
        """Updates the optimizer's weights along the gradient of the loss; `step_optimizer` does the last part."""
        self.compute_gradients(optimizer, loss)
        step_optimizer(optimizer)
        torch.clear_autocast_cache()  # bf16 copies of the weights that have just been updated


def sees_every_step(callback: Callback) -> bool:
    """Whether it has hooks around batches and does not use breakpoints."""
    return overrides(callback, BATCH_HOOKS) and not getattr(callback, "uses_breakpoints", False)


def overrides(owner: Callback | LightningModule, hooks: Sequence[str]) -> bool:
    return any(is_overridden(hook, owner) for hook in hooks)
