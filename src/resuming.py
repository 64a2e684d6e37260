"""Hydra callback that looks at what a command is to resume, before Hydra makes a folder for it."""

from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from src.mistakes import give_up, message
from src.record import read_record


class ResumeRuns(Callback):
    """Ends a command whose `resume=` is no run's folder, or a damaged one: it leaves nothing behind."""

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        if config.resume:
            try:
                read_record(Path(config.resume))
            except Exception as mistake:  # Hydra would make a warning of it and go on
                give_up(message(mistake))

    on_multirun_start = on_run_start
