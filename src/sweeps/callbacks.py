"""Hydra callbacks around the jobs of a sweep: progress, and the report at the end."""

import shlex
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from src.core.commands import resuming_sweep
from src.core.errors import exit_with_error, message
from src.core.metric_families import family
from src.core.metric_specs import metric_spec
from src.core.plain_data import is_number
from src.core.run_names import TUNING_FOLDER
from src.sweeps.plan import Job, Plan, minutes


class Progress(Callback):
    """After each job a line: how many are done, what it reached, how long it took, how long the rest will take."""

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        folder = Path(job_return.hydra_cfg.hydra.runtime.output_dir)
        plan = Plan.read(folder.parent)  # a run on its own has none
        for job in plan.jobs:
            if job.folder.name == folder.name:
                print(progress(plan, job), flush=True)


def progress(plan: Plan, job: Job) -> str:
    """As in "[12 of 96] gan_fm seed 2: modes 14.0, KL 0.531 · 1:03 min · about 48:10 min left"."""
    results, left = {} if job.running else job.results, plan.seconds_left()
    metrics = results.get("metrics", {})
    shown = family(results.get("model", ""))
    keys = [key for key in dict.fromkeys((*shown.headline, *shown.primary)) if is_number(metrics.get(key))]
    reached = ", ".join(f"{metric_spec(key).label} {metric_spec(key).text(metrics[key])}" for key in keys)
    status = "" if results.get("status") == "completed" else results.get("status", "no results")
    parts = [f"[{len(plan.jobs) - len(plan.pending)} of {len(plan.jobs)}] {job.name}"]
    parts[0] += f" seed {job.seed}" if job.seed else ""
    parts[0] += f": {', '.join(filter(None, (status, reached)))}"
    parts += [minutes(job.ended_at - job.started_at)] if results else []
    parts += [f"about {minutes(left)} left"] if left else []
    return " · ".join(parts)


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
