"""Hydra callbacks around the jobs of a sweep: progress, and the report at the end."""

import shlex
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from src.core.commands import resuming_sweep
from src.core.errors import exit_with_error, message
from src.core.run_names import TUNING_FOLDER
from src.sweeps.plan import Plan
from src.sweeps.running_table import line


class Progress(Callback):
    """After each job a line: how many are done, what it reached, how long it took, how long the rest will take."""

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        folder = Path(job_return.hydra_cfg.hydra.runtime.output_dir)
        plan = Plan.read(folder.parent)  # a run on its own has none
        for job in plan.jobs:
            if job.folder.name == folder.name:
                print(line(plan, job), flush=True)


class ReportAfterSweep(Callback):
    """Reads the sweep's folder, writes its report beside the jobs, and says where it is.

    Exit status 1 if a job failed or did not run; one that diverged is a finding.
    """

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        folder = Path(config.hydra.sweep.dir)
        untried = len(Plan.read(folder / TUNING_FOLDER).pending)
        if untried and not Plan.read(folder).jobs:
            given = config.hydra.overrides
            again = resuming_sweep(folder, given.task, given.hydra)
            print(f"{untried} tuning trials have no result. {again} runs those.")
            raise SystemExit(1)
        from src.report.write import write_report  # takes seconds: the command line is answered without it

        try:
            report = write_report([folder])
            missing = len(Plan.read(folder).pending)
            for sentence in report.sentences:
                print(f"  {sentence.text}")
            print(f"{len(report.runs)} runs, {missing} of the sweep's jobs without a result: {report.page}")
            if missing:
                given = config.hydra.overrides
                print(f"{resuming_sweep(folder, given.task, given.hydra)} runs those.")
        except Exception as error:  # Hydra would make a warning of it and call the sweep a success
            rebuild = shlex.join(["python", "-m", "src.report", str(folder)])
            exit_with_error(f"no report: {message(error)}; once that is fixed, {rebuild} makes it")
        if missing:
            raise SystemExit(1)
