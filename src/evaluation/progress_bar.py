"""Progress of training with the headline metrics and the speed instead of losses."""

from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import ProgressBar

from src.core.console import Task
from src.core.levels import expanded, levels_in
from src.core.metric_specs import reached
from src.evaluation.callback import Evaluation


class Progress(ProgressBar):
    """Shows steps, the latest headline metrics, and training samples per second.

    Args:
        refresh_rate: steps between two updates, at least.
    """

    uses_breakpoints = True

    def __init__(self, refresh_rate: int):
        super().__init__()
        self.refresh_rate = refresh_rate

    def disable(self) -> None:
        """Lightning's request to all processes but the first, in which a `Task` shows nothing anyway."""

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        self.updated = module.steps
        self.task = Task("Training", trainer.num_training_batches, module.steps)

    def on_train_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: Any, batch: Any, batch_index: int
    ) -> None:
        if module.steps - self.updated >= self.refresh_rate:
            self.updated = module.steps
            evaluation = next(callback for callback in trainer.callbacks if isinstance(callback, Evaluation))
            self.task.update(module.steps, note(evaluation))

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        self.task.stop()  # before the evaluation at the end, which shows its own progress

    def on_exception(self, trainer: Trainer, module: LightningModule, exception: BaseException) -> None:
        if hasattr(self, "task"):
            self.task.stop()


def note(evaluation: Evaluation) -> str:
    """As in "modes 14, KL 0.531, 2,100/s", from the newest evaluation; empty before the first."""
    latest = evaluation.latest
    if not latest:
        return ""
    headline = expanded(evaluation.evaluator.headline, levels_in(latest))
    return f"{reached(latest, headline)}, {latest['images_seen'] / latest['seconds']:,.0f}/s"
