"""Saves a checkpoint when a run is asked to stop."""

import signal
from pathlib import Path
from types import FrameType
from typing import Any

from lightning import Callback, LightningModule, Trainer

from src.core.signals import Interrupted, listen, stop
from src.training import checkpoints

TOGETHER = [signal.SIGUSR2, signal.SIGTERM]  # what SLURM sends to ask once


class Preemption(Callback):
    """On a signal, ends training after the current step with a checkpoint; on a second signal, at once.

    SIGUSR2, by which SLURM says that the job may queue again, comes beside SIGTERM: one of each asks once.

    It comes after the evaluation: one that has begun is finished first, and none that is due is skipped. Under DDP it
    is enough to ask one rank, which costs an exchange a step; the second time, the first rank, which ends the others.

    Args:
        folder: the run's folder.

    Raises:
        Interrupted: at the end of that step.
    """

    uses_breakpoints = True

    def __init__(self, folder: str):
        self.folder = Path(folder)
        self.heard: list[int] = []

    @property
    def asked(self) -> int | None:
        """The signal to end by; SIGUSR2 before the one beside it."""
        return signal.SIGUSR2 if signal.SIGUSR2 in self.heard else next(iter(self.heard), None)

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        self.module = module
        listen(self.ask)  # after Lightning, which would end the run without a checkpoint

    def ask(self, number: int, frame: FrameType | None = None) -> None:
        if self.heard and sorted([*self.heard, number]) != TOGETHER:
            stop(number)
        self.heard.append(number)
        self.module.breakpoints.add(self.module.steps + 1)

    def on_train_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: Any, batch: Any, batch_index: int
    ) -> None:
        if trainer.strategy.reduce_boolean_decision(self.asked is not None, all=False):
            checkpoints.save(trainer, self.folder)
            raise Interrupted(self.asked or signal.SIGTERM)

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        listen(stop)  # what is left has no steps, and its checkpoint is saved
        if self.asked is not None:
            stop(self.asked)
