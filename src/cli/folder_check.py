"""Hydra callback that checks a run's folder before Hydra writes to it."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from src.core.commands import command, override
from src.core.environment import process_rank
from src.core.errors import exit_with_error, message
from src.core.files import make_folder
from src.training import checkpoints
from src.training.run_record import read_record

# What only runs and sweeps leave in a folder.
RUN_RECORDS = (".hydra", "results.json")
TRACES = (*RUN_RECORDS, "checkpoints", "samples", "history.csv", "events.out.tfevents.*")
SWEEP_TRACES = ("multirun.yaml", "jobs.json")


class FolderCheck(Callback):
    """Ends a command that would mix two runs in one folder, or resume a folder without a run."""

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        # Of several processes the first has asked, and has made the folder since; torchrun starts all of them at once.
        if process_rank() or "TORCHELASTIC_RUN_ID" in os.environ:
            return
        folder = Path(config.hydra.run.dir)
        exit_if_raised(check_folder, config.resume, folder)
        exit_if_raised(make_folder, folder, "hydra.run.dir")

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        if config.resume:
            exit_if_raised(check_not_in_sweep, Path(config.resume))


def exit_if_raised(check: Callable[..., None], *arguments: Any) -> None:
    """Ends the program where the check raises: Hydra would make a warning of it and go on."""
    try:
        check(*arguments)
    except Exception as error:
        exit_with_error(message(error))


def check_folder(resume: str | None, folder: Path) -> None:
    """Raises ValueError or FileNotFoundError if the run must not write to this folder."""
    if not resume:
        check_unused(folder)
        return
    run = Path(resume)
    try:
        read_record(run)
    except FileNotFoundError as error:
        newest = max(Path("multirun", "single").glob("*/.hydra/config.yaml"), default=None)
        hint = f"; the newest run here is {newest.parents[1]}" if newest else ""
        raise FileNotFoundError(f"{error}{hint}") from None
    if run.resolve() != folder.resolve():
        raise ValueError(
            f"hydra.run.dir={folder}: resume={run} goes on in its own folder; leave hydra.run.dir out, or resume a copy"
        )
    if not checkpoints.exists(run):
        raise ValueError(
            f"resume={run}: it has no checkpoint, having been cut off too early; delete the folder and start anew"
        )


def check_unused(folder: Path) -> None:
    """Raises ValueError if there is a run or a sweep in the folder, finished or not."""
    if any((folder / name).exists() for name in SWEEP_TRACES):
        raise ValueError(f"hydra.run.dir={folder}: the folder holds a sweep; name another folder")
    if not any(any(folder.glob(name)) for name in TRACES):
        return
    if checkpoints.exists(folder):
        goes_on = command(override("resume", folder))
        raise ValueError(
            f"hydra.run.dir={folder}: the folder holds another run; name another one, or {goes_on} goes on"
        )
    raise ValueError(
        f"hydra.run.dir={folder}: the folder holds a run without a checkpoint; delete the folder or name another one"
    )


def check_not_in_sweep(run: Path) -> None:
    """Raises ValueError: jobs of a sweep have folders of their own."""
    read_record(run)
    raise ValueError(f"resume={run}: a sweep resumes no single run; leave out -m, or give study.resume=SWEEP")
