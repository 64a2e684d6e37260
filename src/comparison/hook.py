"""The report at the end of every sweep."""

from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from src.comparison.write import write_report


class ReportAfterSweep(Callback):
    """Hydra callback: reads the finished sweep's folder and writes its report beside the jobs."""

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        sweep = Path(config.hydra.sweep.dir)
        write_report([sweep], sweep / "report")
