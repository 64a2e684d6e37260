"""Launchers for several machines: Ray and SLURM."""

import logging
import os
import shutil
import signal
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, run_job, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict

from src.core.errors import import_optional, message
from src.core.run_names import key_of
from src.core.signals import listening
from src.sweeps.plan import Job

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Work:
    """A picklable sweep, to run its jobs on machines that share the same files and paths."""

    context: HydraContext
    config: DictConfig
    task: TaskFunction
    singletons: dict[Any, Any]
    place: Path

    def __call__(self, number: int, overrides: Sequence[str]) -> JobReturn:
        """Runs one job, or resumes one that began on a machine that was taken away."""
        os.chdir(self.place)
        setup_globals()
        Singleton.set_state(self.singletons)
        own = [override for override in overrides if key_of(override) != "resume"]
        config = self.context.config_loader.load_sweep_config(self.config, own)
        job = Job(Path(config.hydra.sweep.dir, config.hydra.sweep.subdir), "", tuple(own))
        config = self.context.config_loader.load_sweep_config(self.config, job.prepare())
        with open_dict(config):
            config.hydra.job.num = number
        try:
            return run_job(self.task, config, "hydra.sweep.dir", "hydra.sweep.subdir", self.context)
        except KeyboardInterrupt as request:
            if request.args == (signal.SIGUSR2,):
                signal.raise_signal(signal.SIGUSR2)  # for submitit, which has the job queued again
            raise

    def checkpoint(self, *arguments: Any) -> Any:
        """Called by submitit: what to submit when a job is queued again."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self, *arguments)


class RemoteLauncher(Launcher):
    """Starts all jobs at once and waits for them; the result of a lost job is None."""

    package: str
    extra: str

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.engine = import_optional(self.package, self.extra)
        self.context, self.task, self.config = hydra_context, task_function, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn | None]:
        work = Work(self.context, self.config, self.task, Singleton.get_state(), Path.cwd())
        with listening(signal.default_int_handler):  # a KeyboardInterrupt: in Ray's waiting nothing else gets through
            jobs = self.start(work, range(initial_job_idx, initial_job_idx + len(job_overrides)), job_overrides)
            try:
                return [self.result(job) for job in jobs]
            except KeyboardInterrupt:
                self.cancel(jobs)
                raise

    @abstractmethod
    def start(self, work: Work, numbers: Sequence[int], job_overrides: Sequence[Sequence[str]]) -> list[Any]: ...

    @abstractmethod
    def result(self, job: Any) -> JobReturn | None: ...

    @abstractmethod
    def cancel(self, jobs: list[Any]) -> None: ...


class RayLauncher(RemoteLauncher):
    """On a Ray cluster, or on this machine alone (Moritz et al. 2018, arXiv:1712.05889).

    A job whose process or machine dies is run again elsewhere.

    Args:
        address: of a cluster; null finds one that was started here or that RAY_ADDRESS names, else starts one.
        num_cpus: how many CPUs a job takes.
        num_gpus: how much of a GPU a job takes: 0.25 lets four share one, 0 hides them.
        max_retries: how often a job is run again.
    """

    package = extra = "ray"

    def __init__(self, address: str | None, num_cpus: float, num_gpus: float, max_retries: int):
        self.address = address
        self.each = {"num_cpus": num_cpus, "num_gpus": num_gpus, "max_retries": max_retries}

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn | None]:
        with self.engine.init(self.address, include_dashboard=False, logging_level=logging.WARNING):
            return super().launch(job_overrides, initial_job_idx)

    def start(self, work: Work, numbers: Sequence[int], job_overrides: Sequence[Sequence[str]]) -> list[Any]:
        # A process of its own for each job: what one leaves on a GPU is gone before the next.
        run = self.engine.remote(**self.each, max_calls=1)(Work.__call__)
        return [run.remote(work, *job) for job in zip(numbers, job_overrides, strict=True)]

    def result(self, job: Any) -> JobReturn | None:
        try:
            return self.engine.get(job)
        except self.engine.exceptions.RayError as loss:
            log.error(message(loss))
            return None

    def cancel(self, jobs: list[Any]) -> None:
        for job in jobs:
            self.engine.cancel(job)
        self.engine.wait(jobs, num_returns=len(jobs), timeout=60)


class SlurmLauncher(RemoteLauncher):
    """In SLURM's queue, by way of submitit.

    Args:
        max_num_timeout: how often a job may use up its time and be queued again.
        submission: what submitit's SlurmExecutor and sbatch take.
    """

    package = "submitit"
    extra = "slurm"

    def __init__(self, max_num_timeout: int, **submission: Any):
        self.max_num_timeout = max_num_timeout
        self.submission = submission

    def setup(self, **given: Any) -> None:
        super().setup(**given)
        if shutil.which("srun") is None:
            raise ValueError("hydra/launcher=slurm: there is no srun on this machine; start the sweep where there is")

    def start(self, work: Work, numbers: Sequence[int], job_overrides: Sequence[Sequence[str]]) -> list[Any]:
        folder = Path(self.config.hydra.sweep.dir).absolute() / ".submitit" / "%j"
        executor = self.engine.SlurmExecutor(folder, max_num_timeout=self.max_num_timeout)
        executor.update_parameters(**self.submission)
        return executor.map_array(work, numbers, job_overrides)

    def result(self, job: Any) -> JobReturn | None:
        try:
            return job.result()
        except RuntimeError as loss:  # cancelled, or out of time too often
            log.error(message(loss))
            return None

    def cancel(self, jobs: list[Any]) -> None:
        for job in jobs:
            job.cancel()
