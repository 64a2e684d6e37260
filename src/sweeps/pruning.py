"""Pruning: ends runs of a search whose setting is worse than the others'."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from lightning import Callback, LightningModule, Trainer
from optuna.trial import FrozenTrial, Trial, TrialState

from src.core.signals import Pruned
from src.evaluation.callback import Evaluation
from src.sweeps.search import JOBS, JOURNAL, open_study, over_seeds

STRIDE = 10**12  # between the steps of Optuna at which a trial's first seed, and its first two, three, … are evaluated


class Pruning(Callback):
    """Reports each evaluation to the search; ends the run once all of them lie below the others' median.

    What is compared is the search's objective over the seeds of a setting so far, after as many samples, with the
    median of settings that came to their ends (Golovin et al. 2017, Google Vizier, section 3.2.2). A run that belongs
    to no search, or to one that is through with it, is left alone.

    Args:
        folder: the run's folder.
        startup: how many settings must have come to their ends first.

    Raises:
        Pruned: at the first step after such an evaluation.
    """

    uses_breakpoints = True

    def __init__(self, folder: str, startup: int):
        self.folder = Path(folder)
        self.startup = startup

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        self.evaluation = next(callback for callback in trainer.callbacks if isinstance(callback, Evaluation))
        self.told = self.evaluation.latest.get("images_seen", 0)
        self.trial = self.find_trial()

    def find_trial(self) -> Trial | None:
        if not (self.folder.parent / JOURNAL).is_file():
            return None
        study = open_study(self.folder.parent)
        mine = [
            trial
            for trial in study.get_trials(deepcopy=False, states=[TrialState.RUNNING])
            if self.folder.name in trial.user_attrs.get(JOBS, ())
        ]
        return Trial(study, mine[0]._trial_id) if mine else None

    def on_train_batch_start(self, trainer: Trainer, module: LightningModule, batch: Any, batch_index: int) -> None:
        latest = self.evaluation.latest
        if self.trial is None or latest.get("images_seen", 0) == self.told:
            return
        self.told, value = latest["images_seen"], latest[self.evaluation.monitor]
        worth, seeds = self.report(self.trial, value)
        done = self.trial.study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
        if self.is_behind(self.trial.study.trials[self.trial.number], done, seeds):
            over = f" over {seeds} seeds" if seeds > 1 else ""
            raise Pruned(
                f"{self.evaluation.monitor} {worth:.4g}{over} after {self.told:,} samples is behind the other settings"
            )

    def report(self, trial: Trial, value: float) -> tuple[float, int]:
        """Notes the value of this run's seed; returns and reports the objective over seeds so far, and their number."""
        attributes, objective = trial.user_attrs, trial.study.user_attrs.get("objective", "mean")
        own = attributes.get(self.folder.name, {}) | {str(self.told): value}
        trial.set_user_attr(self.folder.name, own)
        # Seeds run one after another; those before this one, as far as they were evaluated here.
        names = attributes[JOBS][: attributes[JOBS].index(self.folder.name)]
        before = [attributes.get(name, {}).get(str(self.told)) for name in names]
        values = [value, *(other for other in before if other is not None)]
        worth = over_seeds(objective, values)
        trial.report(worth, (len(values) - 1) * STRIDE + self.told)
        return worth, len(values)

    def is_behind(self, trial: FrozenTrial, others: list[FrozenTrial], seeds: int) -> bool:
        """Whether no evaluation of so many seeds reached the median of the others' at the latest."""
        latest = (seeds - 1) * STRIDE + self.told
        own = [value for step, value in trial.intermediate_values.items() if (seeds - 1) * STRIDE < step <= latest]
        there = [other.intermediate_values[latest] for other in others if latest in other.intermediate_values]
        known = [value for value in there if not math.isnan(value)]
        return len(others) >= self.startup and bool(known) and not np.nanmax(own) >= np.median(known)
