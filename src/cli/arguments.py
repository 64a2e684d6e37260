"""The command line: options are checked before anything is made, and a wrong one gets one line."""

import importlib
import shutil
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial, wraps
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from hydra import compose
from hydra._internal import utils
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.hydra_config import HydraConfig
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, ValueType
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from src.cli.explanations import check_words, explain, explain_flag, replaced
from src.cli.trainer_options import check_loggers, check_trainer_options
from src.cli.unknown_options import check_added_options, check_classes, check_own_options
from src.core.config_checks import check_argument_types, check_config, check_gpu
from src.core.console import announce_import
from src.core.environment import ignore_ranks, process_rank
from src.core.errors import exit_on_user_error, exit_with_error, is_user_error
from src.core.validation import COUNT
from src.training.cluster import is_alone

LISTED = (None, ValueType.ELEMENT, ValueType.CHOICE_SWEEP, ValueType.SIMPLE_CHOICE_SWEEP, ValueType.RANGE_SWEEP)
OWN_FOLDERS = ("csv", "samples", "checkpoints")
STARTED = (
    "train.log",
    "csv/version_*",
    "loggers.json",
    "events.out.tfevents.*",
)  # what is in a run's folder before its first step
HYDRA_MAIN = importlib.import_module("hydra.main")  # hydra.main itself is the function


def short_errors(program: Callable[..., Any]) -> Callable[..., Any]:
    """Makes a Hydra program report an error in its command line in one line, instead of Hydra's several."""

    @wraps(program)
    def run(config: DictConfig | None = None) -> Any:
        if config is not None:
            return program(config)
        report = utils.run_and_report
        with (
            _replaced(HYDRA_MAIN, "get_args_parser", hydra_parser),
            _replaced(utils, "run_and_report", lambda action: action()),
            _replaced(ConfigLoaderImpl, "get_group_options", _group_options),
        ):
            try:
                return program()
            except Exception as error:
                if is_user_error(error):
                    exit_with_error(explain(error))
                return report(partial(_raise, error))  # Hydra's traceback, without its own frames

    return run


@contextmanager
def _replaced(module: ModuleType | type, name: str, value: Any) -> Iterator[None]:
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)


def _group_options(loader: ConfigLoaderImpl, group_name: str, results_filter: Any = ObjectType.CONFIG) -> list[str]:
    """The files or folders of a group; Hydra copies the whole search path before, for each of `--help`'s groups."""
    return loader.repository.get_group_options(group_name, results_filter)


def _raise(error: Exception) -> NoReturn:
    raise error


class _Parser(ArgumentParser):
    """Hydra's parser of the command line; overrides may stand before and after its flags."""

    def parse_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]
        parsed = self.parse_intermixed_args(args, namespace)
        check_words(parsed.overrides)
        for note in [] if parsed.cfg else replaced(parsed.overrides):  # what --cfg prints may go to a file
            print(note)
        if parsed.experimental_rerun:
            raise ValueError("--experimental-rerun: a run goes on with resume=FOLDER")
        if parsed.resolve and not (parsed.cfg or parsed.help):
            raise ValueError("--resolve: only beside --cfg job")
        if parsed.config_dir and not Path(parsed.config_dir).is_dir():
            raise ValueError(f"--config-dir {parsed.config_dir}: there is no such folder")
        return parsed

    def error(self, message: str) -> NoReturn:
        raise ValueError(explain_flag(message, sys.argv[1:]))


def hydra_parser() -> ArgumentParser:
    parser = utils.get_args_parser()
    parser.__class__ = _Parser
    parser.allow_abbrev = False  # or --experiment would mean --experimental-rerun
    return parser


class CheckCommand(Callback):
    """Hydra callback that checks the options before a folder is made."""

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        with exit_on_user_error(explain):
            check(config)

    on_multirun_start = on_run_start


def check(config: DictConfig) -> None:
    """Checks all options of a command. Raises: ValueError: the first with which no run can be started."""
    if is_alone(config):
        ignore_ranks()
    HydraConfig.instance().set_config(config.copy())  # which it makes read-only
    for group in ("experiment", "study", "model", "data", "trainer", "accelerator", "callbacks"):
        if group not in config.hydra.runtime.choices:  # it was given as a list
            raise ValueError(f"{group}=[…]: choose one; -m {group}=…,… runs one after another")
    check_hydra(config.hydra)
    COUNT.check("study.seeds", config.study.seeds)
    check_options(config)
    check_config(config)
    if not config.study.dry_run:  # a listing needs no classes, whose import takes seconds
        announce_import("torch", "PyTorch")
        check_argument_types(config)
    if config.hydra.mode == RunMode.RUN and not config.resume:
        check_gpu(config)
        for name in config.data:
            if OmegaConf.is_missing(config.data, name):
                raise ValueError(f"data.{name}: this has no default; give data.{name}=FILE")


def check_hydra(hydra: DictConfig) -> None:
    """Raises: ValueError: an option of Hydra's that no run works with."""
    if hydra.job.chdir:
        raise ValueError(
            "hydra.job.chdir=true: a run stays in the folder where the command is given; all paths are relative to that"
        )
    for key, folder in (("hydra.run.dir", hydra.run.dir), ("hydra.sweep.dir", hydra.sweep.dir)):
        if not folder:
            raise ValueError(f"{key}={folder}: choose a folder; without this option there is a new one in multirun")
    # Lightning starts DDP's other ranks so.
    if not OmegaConf.is_interpolation(hydra, "output_subdir") and process_rank() == 0:
        raise ValueError(
            f"hydra.output_subdir={hydra.output_subdir}: a run's record is in .hydra, where resume=, src.sample and "
            "src.report look for it"
        )


def check_options(config: DictConfig) -> None:
    """Raises: ValueError: an option that a run would ignore."""
    overrides = [*config.hydra.overrides.hydra, *config.hydra.overrides.task]
    parsed = OverridesParser.create().parse_overrides(overrides)
    if config.hydra.mode == RunMode.RUN:  # the jobs of a sweep may run on machines that have other modules
        check_classes(parsed)
        check_own_options(config, parsed)
    elif not config.hydra.sweeper.params and all(each.value_type in LISTED for each in parsed):
        first = [_first_value(each) for each in parsed]  # of the jobs' options, which are composed much later
        compose(config.hydra.job.config_name, first)
    added = [each for each in parsed if each.is_add() or each.is_force_add()]
    added = [each for each in added if each.key_or_group not in config.hydra.runtime.choices]
    if added:
        others = [each.input_line for each in parsed if each not in added and not each.is_sweep_override()]
        check_added_options(compose(config.hydra.job.config_name, others, return_hydra_config=True), config, added)
    check_trainer_options(config)
    check_loggers(config)


def _first_value(override: Override) -> str:
    if not override.is_sweep_override():
        return override.input_line
    return f"{override.input_line.partition('=')[0]}={next(override.sweep_string_iterator())}"


def remove_unstarted(folder: Path) -> None:
    """Removes what a run that ended before its first step wrote, and the folders that are empty then."""
    if any((folder / name).exists() for name in ("history.csv", "results.json")):
        return
    shutil.rmtree(folder / ".hydra", ignore_errors=True)
    for path in [path for pattern in STARTED for path in folder.glob(pattern)]:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    for place in (*(folder / name for name in OWN_FOLDERS), folder, *folder.parents):
        if place in folder.parents and place.name not in ("single", "multirun"):
            break
        with suppress(OSError):  # it holds more, or is not there
            place.rmdir()
