"""Progress bar with headline metrics and speed instead of losses."""

from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import RichProgressBar

from src.evaluation.callback import Evaluation


class Progress(RichProgressBar):
    """Shows steps, the latest headline metrics, and training samples per second."""

    uses_breakpoints = True

    def on_train_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: Any, batch: Any, batch_index: int
    ) -> None:
        super().on_train_batch_end(trainer, module, outputs, batch, module.steps - 1)

    def get_metrics(self, trainer: Trainer, module: LightningModule) -> dict[str, Any]:
        evaluation = next(callback for callback in trainer.callbacks if isinstance(callback, Evaluation))
        latest = evaluation.latest
        if not latest:
            return {}
        metrics = {name: f"{latest[name]:.3g}" for name in evaluation.evaluator.headline if name in latest}
        return metrics | {"samples/s": f"{latest['images_seen'] / latest['seconds']:,.0f}"}
