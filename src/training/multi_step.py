"""Several training steps in one of Lightning's calls, and updates without its wrappers where those do nothing.

B batch, C channels, H height, W width.
"""

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from lightning import Callback, LightningModule
from lightning.pytorch.strategies import SingleDeviceStrategy
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch import Tensor
from torch.optim import Optimizer

from src.data.spec import DataSpec
from src.training.module import Counted

BATCH_HOOKS = ("on_train_batch_start", "on_train_batch_end")
UPDATE_HOOKS = ("on_before_backward", "on_after_backward", "on_before_optimizer_step")


class Ahead(Counted):
    """A module that makes all its steps up to the next pause by itself; a step is an `update`.

    A callback with something to do around single batches either sees every step, one a call, or says by a class
    attribute `heeds_pauses = True` that it adds the steps after which it has to `pauses`.
    """

    def __init__(self, spec: DataSpec):
        super().__init__(spec)
        self.automatic_optimization = False
        self.wrapped = True

    def on_train_start(self) -> None:
        super().on_train_start()
        self.wrapped = self.needs_wrappers

    @abstractmethod
    def update(self, batch_BCHW: Tensor) -> dict[str, Tensor]:
        """One step; what the charts show of it."""

    def training_step(self, batch_BCHW: Tensor, batch_index: int) -> dict[str, Tensor]:
        """One update or, where no callback has anything to do in between, several."""
        torch.set_autocast_cache_enabled(True)  # which Lightning turns off, as its context spans updates
        outputs = self.update(batch_BCHW)
        runs_ahead = self.runs_ahead
        while runs_ahead and self.steps not in self.pauses and not self.is_lost(outputs):
            outputs = self.update(next(self.trainer.train_dataloader.running).to(self.device, non_blocking=True))
        return outputs

    @property
    def runs_ahead(self) -> bool:
        """Lightning spends half a millisecond to one between two calls, which can be more than a step takes."""
        whole = self.trainer.limit_train_batches == 1.0  # else Lightning's count of calls is the limit
        return whole and self.trainer.world_size == 1 and not any(map(sees_every_step, self.trainer.callbacks))

    @property
    def needs_wrappers(self) -> bool:
        """Whether Lightning has a part in an update: several devices, scaled losses, cut gradients, or someone's hook.

        Else its wrappers take 0.3 ms of a GAN's step for nothing, and more with every callback.
        """
        trainer = self.trainer
        simple = type(trainer.strategy) is SingleDeviceStrategy and not trainer.scaler and not trainer.gradient_clip_val
        watched = any(sees_every_step(callback) or overrides(callback, UPDATE_HOOKS) for callback in trainer.callbacks)
        return not simple or watched or overrides(self, UPDATE_HOOKS)

    def optimizers(self, use_pl_optimizer: bool | None = None) -> Any:
        return super().optimizers(self.wrapped if use_pl_optimizer is None else use_pl_optimizer)

    def manual_backward(self, loss: Tensor, *args: Any, **kwargs: Any) -> None:
        (super().manual_backward if self.wrapped else Tensor.backward)(loss, *args, **kwargs)

    def is_lost(self, outputs: Mapping[str, Tensor]) -> bool:
        """Whether a loss is no longer finite; on other devices than a CPU, looking would cost more than a few steps."""
        losses = (value for name, value in outputs.items() if name.endswith("loss"))
        return self.device.type == "cpu" and not all(math.isfinite(loss) for loss in losses)

    def descend(self, optimizer: Optimizer, loss: Tensor) -> None:
        """One update of the optimizer's weights along the gradient of the loss."""
        optimizer.zero_grad()
        with torch.autocast(self.device.type, enabled=False):  # or it would round gradients of fp32 layers too
            self.manual_backward(loss)
        self.move(optimizer)
        torch.clear_autocast_cache()  # weights in bf16 that have just been updated

    def move(self, optimizer: Optimizer) -> None:
        """One step along the gradients; a recording of steps has its own way."""
        optimizer.step()


def sees_every_step(callback: Callback) -> bool:
    """Whether it does something around single batches, and does not say when."""
    return overrides(callback, BATCH_HOOKS) and not getattr(callback, "heeds_pauses", False)


def overrides(owner: Callback | LightningModule, hooks: Sequence[str]) -> bool:
    return any(is_overridden(hook, owner) for hook in hooks)
