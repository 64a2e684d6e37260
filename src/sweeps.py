"""What happens around a sweep, as Hydra callbacks."""

from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from src import resolvers
from src.comparison import write_report
from src.mistakes import give_up
from src.names import key_of

resolvers.register()  # in a launcher's worker processes this module is the first to be loaded


class StudyOverrides(Callback):
    """Refuses a key that a study sweeps and the command line sets: Hydra would run every pair of the two."""

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        given = {key_of(override) for override in config.hydra.overrides.task}
        for key in given.intersection(config.hydra.sweeper.params or {}):
            give_up(f"the study sweeps {key} itself: change its choice with 'hydra.sweeper.params.{key}=\"…\"'")


class ReportAfterSweep(Callback):
    """Reads the finished sweep's folder, writes its report beside the jobs, and says where it is.

    Exit status 1 if a job failed; one that diverged is a finding.
    """

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        report = write_report([Path(config.hydra.sweep.dir)])
        for sentence in report.sentences:
            print(f"  {sentence.text}")
        failed = [run for run in report.runs if not (run.completed or run.status == "diverged")]
        print(f"{len(report.runs)} runs, {len(failed)} failed: {report.page}")
        if failed:
            raise SystemExit(1)
