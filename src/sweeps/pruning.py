"""Pruning: ends runs of a search that are worse than the others."""

from pathlib import Path
from typing import Any

from lightning import Callback, LightningModule, Trainer
from optuna.pruners import MedianPruner
from optuna.trial import Trial, TrialState

from src.core.signals import Pruned
from src.evaluation.callback import Evaluation
from src.sweeps.search import JOB, JOURNAL, open_study


class Pruning(Callback):
    """Reports each evaluation to the search; ends the run once all of them lie below the others' median.

    The median is that of finished runs after as many samples (Golovin et al. 2017, Google Vizier, section 3.2.2). A run
    that belongs to no search, or to one that is through with it, is left alone.

    Args:
        folder: the run's folder.
        startup: how many runs must have finished first.

    Raises:
        Pruned: at the first step after such an evaluation.
    """

    uses_breakpoints = True

    def __init__(self, folder: str, startup: int):
        self.folder = Path(folder)
        self.pruner = MedianPruner(n_startup_trials=startup)

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        self.evaluation = next(callback for callback in trainer.callbacks if isinstance(callback, Evaluation))
        self.told = self.evaluation.latest.get("images_seen", 0)
        self.trial = self.find_trial()

    def find_trial(self) -> Trial | None:
        if not (self.folder.parent / JOURNAL).is_file():
            return None
        study = open_study(self.folder.parent, pruner=self.pruner)
        mine = [
            trial
            for trial in study.get_trials(deepcopy=False, states=[TrialState.RUNNING])
            if trial.user_attrs.get(JOB) == self.folder.name
        ]
        return Trial(study, mine[0]._trial_id) if mine else None

    def on_train_batch_start(self, trainer: Trainer, module: LightningModule, batch: Any, batch_index: int) -> None:
        latest = self.evaluation.latest
        if self.trial is None or latest.get("images_seen", 0) == self.told:
            return
        self.told, value = latest["images_seen"], latest[self.evaluation.monitor]
        self.trial.report(value, self.told)
        if self.trial.should_prune():
            raise Pruned(f"{self.evaluation.monitor} {value:.4g} after {self.told:,} samples is behind the other runs")
