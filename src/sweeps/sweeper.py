"""The sweeper: Hydra's product of choices, resumable from the sweep's folder."""

import logging
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.core.utils import JobStatus
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from src.cli.arguments import check_options, explain
from src.cli.folder_check import RUN_RECORDS
from src.core import device
from src.core.commands import CONFIGURATION, override
from src.core.errors import exit_on_user_error, message
from src.core.files import make_folder, new_folder
from src.core.plain_data import check_links
from src.core.run_names import WHERE, concerns, key_of, swept_keys, value_of
from src.core.signals import Interrupted, listening, stop_after_jobs
from src.sweeps import mps
from src.sweeps.plan import Job, Plan
from src.sweeps.running_table import running_table
from src.training.run_record import reading

DEATH = "its process was killed, as happens when memory runs out"

FILES = ("experiment", "data")
SAME_IN_ALL = ("budget", "budget_in", "evaluations", "study", "compile", *WHERE)

log = logging.getLogger(__name__)


class ResumableSweeper(Sweeper):
    """Runs every combination of the choices that the sweep's folder does not hold yet.

    Finished jobs are left alone, those that were cut short go on from their last checkpoint, and the others start. Any
    launcher runs them. What the command line says of a key takes the place of what a study says of it.

    Args:
        params: choices of a study, by key.
        dry_run: list the jobs and run none.
        parts: further choices of a study that consists of several products, each with `params`. Of these the command
            line selects the parts that have its choice; where none has, it takes the place of all.
    """

    def __init__(
        self, params: dict[str, str] | None = None, dry_run: bool = False, parts: Sequence[dict[str, str]] = ()
    ):
        self.params = params or {}
        self.dry_run = dry_run
        self.parts = parts

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.hydra_context, self.config = hydra_context, config
        if self.dry_run:  # a launcher takes tenths of a second
            return
        with exit_on_user_error():
            self.launcher = Plugins.instance().instantiate_launcher(
                hydra_context=hydra_context, task_function=task_function, config=config
            )

    def sweep(self, arguments: list[str]) -> None:
        self.folder = Path(self.config.hydra.sweep.dir)
        # What another sweep of the same second has put into the default folder is none of this one's business.
        self.new = OmegaConf.is_interpolation(self.config.hydra.sweep, "dir") and not self.config.study.resume
        given = {key_of(argument) for argument in arguments}
        self.params = common = {key: value for key, value in self.params.items() if key not in given}
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)

        def values(words: Iterable[str]) -> dict[str, list[str]]:
            return {choice.key_or_group: choices_of(choice) for choice in parser.parse_overrides(list(words))}

        with exit_on_user_error(explain):
            parts = [values(as_words(part)) for part in self.parts]
            of_parts = [argument for argument in arguments if any(key_of(argument) in part for part in parts)]
            rest = [argument for argument in arguments if argument not in of_parts]
            chosen = selected(parts, values(of_parts)) or [{}]
            products = [
                parser.parse_overrides([*as_words(common | {k: ",".join(v) for k, v in part.items()}), *rest])
                for part in chosen
            ]
            self.params = common | named_after(chosen)
            # All together as `swept_keys` reads them from the record.
            self.run(products, parser.parse_overrides([*as_words(self.params), *arguments]))

    def run(self, products: list[list[Override]], overrides: list[Override]) -> None:
        """Runs the jobs of all products; `overrides` are those of all together, after which jobs are named."""
        jobs = [job for product in products for job in BasicSweeper.split_arguments(product, None)[0]]
        self.check_not_empty(overrides)
        if len(products) > 1:  # what is cut short then has every part
            seeds = list(dict.fromkeys(value_of("seed", job) for job in jobs))
            jobs = sorted(jobs, key=lambda job: seeds.index(value_of("seed", job)))
        plan = self.plan(jobs, overrides)
        if self.dry_run:
            for phase in (*([self.tuning(plan).plan] if self.config.study.tune else []), plan):
                print(phase.headline(), phase.listing(), sep="\n")
            raise SystemExit(0)
        with self.alone():
            plan = plan.moved(self.folder)
            if self.config.study.tune:
                tuning = self.tuning(plan)
                self.start(tuning.plan)
                plan = tuning.finish()
                print(tuning.outcome())
            self.start(plan)

    def start(self, plan: Plan) -> None:
        """Runs what is pending of a plan, once it is saved."""
        plan.folder.mkdir(exist_ok=True)
        plan.save()
        print(plan.headline(), flush=True)
        with running_table(Plan.read(plan.folder)):
            self.launch(plan.pending)

    def tuning(self, plan: Plan) -> Any:
        """The tuning phase before a plan's jobs."""
        from src.sweeps.tuning import Tuning  # imports the report

        composed = partial(self.hydra_context.config_loader.load_sweep_config, self.config)
        return Tuning(plan, lambda overrides: composed(list(overrides)), self.config.study)

    def check_not_empty(self, overrides: list[Override]) -> None:
        """Raises: ValueError: nothing is chosen for a key, as where a glob matches no name."""
        for choice in overrides:
            if choice.is_discrete_sweep() and not list(choice.sweep_string_iterator()):
                choices = self.hydra_context.config_loader.get_group_options(choice.key_or_group)
                raise ValueError(f"{choice.input_line}: nothing matches; choose {', '.join(choices)}")

    def plan(self, jobs: list[list[str]], overrides: list[Override]) -> Plan:
        """The plan, after checking every job's options; jobs are named after what is swept."""
        choices = self.config.hydra.runtime.choices
        swept = {given.key_or_group for given in overrides if given.is_sweep_override()}
        but_for_seeds = {tuple(word for word in job if key_of(word) != "seed"): job for job in jobs}
        for job in but_for_seeds.values():  # composing one takes tenths of a second
            if not chooses_files_only(job, swept):
                check_options(self.hydra_context.config_loader.load_sweep_config(self.config, job))
        if not self.new:
            with reading(self.folder / "multirun.yaml"):
                swept = swept_keys(self.folder) or swept
        return Plan.of(self.folder, choices.experiment or choices.model, jobs, swept)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Locks the sweep's folder; a signal ends the jobs, and the report is still written."""
        self.claim()
        try:
            with FileLock(self.folder / ".lock", timeout=0), listening(stop_after_jobs), self.sharing_a_gpu():
                if not (self.folder / "multirun.yaml").is_file():  # jobs are named after the sweep's first start
                    self.config.hydra.sweeper.params = self.params
                    OmegaConf.save(self.config, self.folder / "multirun.yaml")
                yield
        except Timeout:
            raise ValueError(f"hydra.sweep.dir={self.folder}: another sweep is running there") from None
        except (Interrupted, KeyboardInterrupt):  # here or in a job
            print("interrupted")

    def sharing_a_gpu(self) -> AbstractContextManager[None]:
        """Starts MPS where several jobs share a GPU."""
        several = (OmegaConf.select(self.config, "hydra.launcher.n_jobs") or 1) > 1
        on_gpu = self.config.trainer.accelerator != "cpu" and device.has_gpu()
        return mps.serving() if several and on_gpu and self.config.study.mps else nullcontext()

    def claim(self) -> None:
        """Makes the folder; if the default one exists, a new one beside it."""
        if not self.new:
            if any((self.folder / name).exists() for name in RUN_RECORDS):
                raise ValueError(f"hydra.sweep.dir={self.folder}: the folder holds a single run; name another folder")
            make_folder(self.folder, "hydra.sweep.dir")
            check_links(self.folder)
            return
        make_folder(self.folder.parent, "hydra.sweep.dir")
        self.new, self.folder = False, new_folder(self.folder)
        self.config.hydra.sweep.dir = str(self.folder)
        own = override("hydra.sweep.dir", self.folder)
        self.config.hydra.overrides.hydra.append(own)  # jobs compose their configuration anew

    def launch(self, jobs: Sequence[Job]) -> None:
        """Runs jobs to their ends and records as failed those that left no results.

        Where a process that dies takes those beside it along, or a job that cannot even write its configuration those
        after it, they are run again one by one, and the one that does so again has failed.
        """
        if not jobs:
            return
        start = time.time()
        try:
            returns = self.launcher.launch([job.prepare() for job in jobs], initial_job_idx=0)
        except (BrokenExecutor, OSError) as error:
            died = isinstance(error, BrokenExecutor)
            begun = [job for job in jobs if job.started_at >= start]
            if len(jobs) == 1:
                fail(jobs[0], DEATH if died else message(error))
                return
            if begun:
                self.launch([job for job in jobs if job not in begun])
            for job in [job for job in begun if job.running] if begun else jobs:
                self.launch([job])
            return
        for job, returned in zip(jobs, returns, strict=True):
            if returned and returned.status == JobStatus.FAILED:
                fail(job, message(returned._return_value))
            elif not returned and job.running:
                fail(job, DEATH)


def as_words(params: Mapping[str, str]) -> list[str]:
    return [f"{key}={value}" for key, value in params.items()]


def named_after(parts: Sequence[dict[str, list[str]]]) -> dict[str, str]:
    """What all parts choose from, by key; a key that not all of them have is swept even with one value."""
    union: dict[str, dict[str, None]] = {}
    for part in parts:
        for key, values in part.items():
            union.setdefault(key, {}).update(dict.fromkeys(values))
    in_all = {key for key in union if all(key in part for part in parts)}
    joined = {key: ",".join(values) for key, values in union.items()}
    return {key: text if key in in_all or len(union[key]) > 1 else f"choice({text})" for key, text in joined.items()}


def choices_of(choice: Override) -> list[str]:
    """The values that an override lets a key take, as text."""
    if choice.is_discrete_sweep():
        return list(choice.sweep_string_iterator())
    return [choice.get_value_element_as_str()]


def selected(parts: Sequence[dict[str, list[str]]], chosen: dict[str, list[str]]) -> list[dict[str, list[str]]]:
    """The parts that have what was chosen, and of them no more; where none has it, it takes the place of all."""
    for key, values in chosen.items():
        having = [part | {key: own} for part in parts if (own := [v for v in part.get(key, ()) if v in values])]
        parts = having or [part | {key: values} for part in parts]
    return [part for turn, part in enumerate(parts) if part not in parts[:turn]]


def chooses_files_only(job: Sequence[str], swept: Collection[str]) -> bool:
    """Whether the jobs of a sweep differ in existing recipes and data sets only, and set only what every run has.

    Such a job needs no check of its own: the sweep's configuration was composed with the same options.
    """
    for word in job:
        key, _, choice = word.partition("=")
        if key in FILES:
            fits = (CONFIGURATION / key / f"{choice}.yaml").is_file()
        else:
            fits = key not in swept and concerns(key, SAME_IN_ALL)
        if not fits and key != "seed":
            return False
    return True


def fail(job: Job, error: str) -> None:
    """Logs why a job without results failed, and records it if the disk allows."""
    log.error("%s: %s", job.folder.name, error)
    with suppress(OSError, ValueError):
        job.record_failure(error)
