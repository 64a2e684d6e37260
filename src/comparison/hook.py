"""The report at the end of every sweep."""

from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from src.comparison.write import write_report


class ReportAfterSweep(Callback):
    """Hydra callback: reads the finished sweep's folder, writes its report beside the jobs, and says where it is.

    Exit status 1 if a job failed; one that diverged is a finding.
    """

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        sweep = Path(config.hydra.sweep.dir)
        report = write_report([sweep])
        for sentence in report.sentences:
            print(f"  {sentence.text}")
        failed = [run for run in report.runs if not (run.completed or run.status == "diverged")]
        print(f"{len(report.runs)} runs, {len(failed)} failed: {report.page}")
        if failed:
            raise SystemExit(1)
