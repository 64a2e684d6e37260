"""Evaluations during training: history.csv, loggers, artifacts, and a checkpoint after each."""

import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer

from src.core.files import write_atomically
from src.core.levels import expanded
from src.core.plain_data import as_word, is_number
from src.evaluation.artifact_writer import ArtifactWriter
from src.evaluation.artifacts import Artifact, real_images
from src.evaluation.samples import SampleEvaluator
from src.training import checkpoints
from src.training.callbacks.curves import require_finite_weights
from src.training.callbacks.randomness import own_randomness
from src.training.callbacks.stopwatch import Stopwatch
from src.training.loggers import boards


class Evaluation(Callback):
    """Evaluates the model on the validation split at equal intervals, and on the test split at the end.

    Evaluations use their own random streams, so they do not change the weights, and do not count as training time.
    Artifacts are written in a thread while training goes on, which takes some of a CPU's time from it; one that cannot
    be written ends the run at the next evaluation.

    Args:
        evaluator: of the model family.
        num_evaluations: during training, the last one at its end.
        monitor: best.ckpt holds the highest finite value of this metric.
        folder: the run's folder.
        primary: the metric that decides between recipes; runs of earlier versions did not record it.
    """

    uses_breakpoints = True

    def __init__(
        self, evaluator: SampleEvaluator, num_evaluations: int, monitor: str, folder: str, primary: str | None = None
    ):
        self.evaluator = evaluator
        self.num_evaluations = num_evaluations
        self.monitor = monitor
        self.folder = Path(folder)
        self.primary = primary
        self.history: list[dict[str, Any]] = []
        self.stopwatch = Stopwatch()
        self.final: dict[str, Any] = {"metrics": {}, "controls": {}}
        self.writer = ArtifactWriter(self.folder / "samples")

    @property
    def latest(self) -> dict[str, Any]:
        """The newest row of the history, empty before the first evaluation."""
        return self.history[-1] if self.history else {}

    def on_fit_start(self, trainer: Trainer, module: LightningModule) -> None:
        (self.folder / "samples").mkdir(parents=True, exist_ok=True)
        (self.folder / "checkpoints").mkdir(exist_ok=True)
        with own_randomness(module.device):
            self.evaluator.prepare(trainer.datamodule, module.device)
        for board in boards(trainer.loggers) if trainer.is_global_zero else ():
            board.experiment.add_custom_scalars(as_layout(self.evaluator.charts, module.levels))

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        total = trainer.num_training_batches
        self.due = {math.ceil(total * turn / self.num_evaluations) for turn in range(1, self.num_evaluations + 1)}
        module.breakpoints |= self.due
        self.stopwatch.start()

    def on_train_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: Any, batch: Any, batch_index: int
    ) -> None:
        if module.steps in self.due:
            if module.device.type == "cuda":
                torch.cuda.synchronize()
            self.stopwatch.stop()
            self._evaluate(trainer, module)
            self.stopwatch.start()

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        self.stopwatch.stop()

    def on_train_end(self, trainer: Trainer, module: LightningModule) -> None:
        self.writer.finish()
        if not self.history:  # resumed with a budget already used up before the first evaluation
            self._add_row(trainer, module)
        metrics, artifacts = self.measure(module, "test")
        self.final = {"metrics": metrics, "controls": self.controls(module.device)}
        self._log(trainer, module, "test", metrics, artifacts)
        self._log(trainer, module, "final", self.whole_run(), {})
        self._log(trainer, module, "val", {}, self.evaluator.timeline(self.history))
        self.writer.finish()

    def on_exception(self, trainer: Trainer, module: LightningModule, exception: BaseException) -> None:
        # An interrupted run continues later, and its user does not wait for pictures.
        if self.history and isinstance(exception, Exception):
            self._log(trainer, module, "val", {}, self.evaluator.timeline(self.history))
        self.writer.wait()

    def expected(self, module: LightningModule) -> dict[str, float]:
        """The headline metrics for TensorBoard's HParams page, unknown until the end."""
        return {f"test/{name}": math.nan for name in expanded(self.evaluator.headline, module.levels)}

    def whole_run(self) -> dict[str, Any]:
        """What runs of both families have, for tables in which they stand side by side, and averages over training."""
        results = self.results()
        metrics = results["metrics"]
        return {
            "primary": metrics.get(self.primary),
            "collapsed": float(results["outcome"] == "collapsed"),
            **{name: results[name] for name in ("images_seen", "train_seconds", "images_per_second")},
            **{name: value for name, value in metrics.items() if name not in self.final["metrics"]},
        }

    def results(self) -> dict[str, Any]:
        """The measured part of results.json; `metrics` are empty and `outcome` null in an unfinished run."""
        seconds, images = self.latest.get("seconds", self.stopwatch.seconds), self.latest.get("images_seen", 0)
        metrics = self.final["metrics"]
        summary = self.evaluator.over_training(self.history, metrics) if self.history else {}
        return {
            **self.final,
            **(self.evaluator.facts() if self.history else {}),
            "metrics": metrics | summary.get("metrics", {}) if metrics else {},
            "outcome": summary.get("outcome") if metrics else None,
            "onset": summary.get("onset"),
            "onset_reason": summary.get("onset_reason"),
            "images_seen": images,
            "generator_steps": self.latest.get("generator_steps", 0),
            "train_seconds": seconds,
            "images_per_second": images / seconds if seconds else None,
        }

    def _evaluate(self, trainer: Trainer, module: LightningModule) -> None:
        self.writer.finish()
        require_finite_weights(module)  # so that the last checkpoint can be resumed
        improved = self._add_row(trainer, module)
        if len(self.history) == 1 and trainer.datamodule is not None:  # before it, the run may still be refused
            self._log(trainer, module, "real", {}, real_images(trainer.datamodule))
        checkpoints.save(trainer, self.folder, best=improved)  # killed before this, the run repeats the evaluation

    def _add_row(self, trainer: Trainer, module: LightningModule) -> bool:
        """Adds an evaluation to the history; returns whether it is the best so far."""
        metrics, artifacts = self.measure(module, "val")
        row = {
            "images_seen": module.images_seen,
            "seconds": round(self.stopwatch.seconds, 3),
            "generator_steps": module.generator_steps,
            **metrics,
        }
        if not isinstance(metrics.get(self.monitor), int | float):
            choices = ", ".join(name for name, value in metrics.items() if is_number(value))
            raise ValueError(f"monitor={self.monitor}: not a number; choose one of {choices}")
        improved = all(worth(row[self.monitor]) > worth(before[self.monitor]) for before in self.history)
        self.history.append(row)
        self._log(trainer, module, "val", row, artifacts)
        if trainer.is_global_zero:
            write_atomically(self.folder / "history.csv", as_csv(self.history))
        return improved

    def measure(self, module: LightningModule, split: str) -> tuple[dict[str, Any], dict[str, Artifact]]:
        """Metrics and artifacts of the model."""
        # Compiled networks are specialised to the batch size and mode of training.
        with apart_from_training(module.device), torch.compiler.set_stance("force_eager"):
            return self.evaluator.evaluate(module, split)

    def controls(self, device: torch.device) -> dict[str, dict[str, Any]]:
        with apart_from_training(device):
            return self.evaluator.controls()

    def _log(
        self,
        trainer: Trainer,
        module: LightningModule,
        stage: str,
        metrics: Mapping[str, Any],
        artifacts: Mapping[str, Artifact],
    ) -> None:
        if not trainer.is_global_zero:
            return
        scalars = {f"{stage}/{name}": value for name, value in metrics.items() if is_number(value)}
        for logger in trainer.loggers if scalars else ():
            logger.log_metrics(scalars, step=module.images_seen)
        self.writer.write(artifacts, stage, trainer.loggers, module.images_seen)

    def on_load_checkpoint(self, trainer: Trainer, module: LightningModule, checkpoint: dict[str, Any]) -> None:
        # A finished run may be resumed with a larger budget.
        checkpoint["loops"]["fit_loop"]["epoch_loop.batch_progress"]["is_last_batch"] = False

    def state_dict(self) -> dict[str, Any]:
        return {"history": self.history, "train_seconds": self.stopwatch.seconds}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.history = state["history"]
        self.stopwatch.seconds_before = state["train_seconds"]


@contextmanager
def apart_from_training(device: torch.device) -> Iterator[None]:
    """Full precision, no gradients; restores all random streams afterwards.

    TF32 would be too coarse for distances between samples, which are differences of large squares.
    """
    matrices = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with own_randomness(device), torch.no_grad(), torch.autocast(device.type, enabled=False):
            yield
    finally:
        torch.set_float32_matmul_precision(matrices)


def as_layout(charts: Mapping[str, Mapping[str, str]], levels: Iterable[str] = ()) -> dict[str, dict[str, list[Any]]]:
    """TensorBoard's layout of the charts; patterns end in $, since TensorBoard matches prefixes."""
    return {
        chapter: {
            title: ["Multiline", [f"{pattern}$"]]
            for title, pattern in zip(expanded(titles, levels), expanded(titles.values(), levels), strict=True)
        }
        for chapter, titles in charts.items()
    }


def worth(value: float) -> float:
    """Values that are not finite are worse than all others."""
    return value if math.isfinite(value) else -math.inf


def as_csv(history: Sequence[Mapping[str, Any]]) -> str:
    """A row per evaluation; missing values and numbers that are not finite are blank.

    Lists are joined by spaces; a space in a name is %20. Rows written by an earlier version may lack columns.
    """
    text = io.StringIO()
    columns = dict.fromkeys(name for row in history for name in row)
    writer = csv.DictWriter(text, fieldnames=list(columns), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in history)
    return text.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        return " ".join(f"{entry:.6g}" if isinstance(entry, float) else as_word(str(entry)) for entry in value)
    return value if is_number(value) else ""
