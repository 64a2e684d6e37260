"""The sweeper, Hydra's own product of choices run so that nothing of it can be lost, where Hydra looks for plug-ins."""

import logging
import time
from collections.abc import Sequence
from concurrent.futures import BrokenExecutor
from pathlib import Path

from filelock import FileLock, Timeout
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobStatus
from omegaconf import OmegaConf

from src.interruption import Interrupted, listening, stop
from src.mistakes import message
from src.names import key_of, swept_keys
from src.sweeps.plan import Job, Plan

log = logging.getLogger(__name__)


class Sweeper(BasicSweeper):
    """Every combination of the choices given, less what the sweep's folder already holds.

    Finished jobs are left alone, those that were cut short go on from their last checkpoint, and the others start. Any
    launcher runs them. What the command line says of a key takes the place of what a study says of it.

    Args:
        params: choices of a study, by key.
        dry_run: list the jobs and run none.
    """

    def __init__(self, params: dict[str, str] | None = None, dry_run: bool = False):
        super().__init__(max_batch_size=None, params=params)
        self.dry_run = dry_run

    def sweep(self, arguments: list[str]) -> None:
        folder = Path(self.config.hydra.sweep.dir)
        given = {key_of(argument) for argument in arguments}
        self.params = {key: value for key, value in (self.params or {}).items() if key not in given}
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        overrides = parser.parse_overrides([*self._parse_config(), *arguments])
        (jobs,) = self.split_arguments(overrides, None)
        self.validate_batch_is_legal(jobs)
        choices = self.config.hydra.runtime.choices
        swept = swept_keys(folder) or {override.key_or_group for override in overrides if override.is_sweep_override()}
        plan = Plan.of(folder, choices.experiment or choices.model, jobs, swept)
        if self.dry_run:
            print(plan.headline(), plan.listing(), sep="\n")
            raise SystemExit(0)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(folder / ".lock", timeout=0):
                self.run(plan)
        except Timeout:
            raise ValueError(f"hydra.sweep.dir={folder}: another sweep is running there") from None

    def run(self, plan: Plan) -> None:
        """Runs what is pending; Ctrl-C ends it, and the report is of what there is."""
        plan.save()
        if not (plan.folder / "multirun.yaml").is_file():  # jobs are named after the sweep's first start
            self.config.hydra.sweeper.params = self.params
            OmegaConf.save(self.config, plan.folder / "multirun.yaml")
        print(plan.headline())
        try:
            with listening(stop):
                self.launch(plan.pending)
        except (Interrupted, KeyboardInterrupt):  # here or in a job
            print("interrupted")

    def launch(self, jobs: Sequence[Job]) -> None:
        """Runs jobs to their ends.

        A process that dies takes those beside it along: they are run again one by one, and the one that dies again is
        recorded as failed.
        """
        if not jobs:
            return
        start = time.time()
        try:
            for returned in self.launcher.launch([job.prepare() for job in jobs], initial_job_idx=0):
                if returned.status == JobStatus.FAILED:
                    log.error(message(returned._return_value))
        except BrokenExecutor:
            begun = [job for job in jobs if job.started_at >= start]
            cut_short = [job for job in begun if job.running]
            if not begun:
                raise
            if len(jobs) == 1:
                jobs[0].record_death()
                return
            self.launch([job for job in jobs if job not in begun])
            for job in cut_short:
                self.launch([job])
