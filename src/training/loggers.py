"""The loggers of a run: TensorBoard's, and those of Lightning that a user has beside it or instead of it.

What a run's folder holds depends on none of them.
"""

import json
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from filelock import FileLock
from hydra.utils import get_class, instantiate
from lightning.pytorch.loggers import Logger, MLFlowLogger, TensorBoardLogger, WandbLogger

from src.core.environment import process_rank
from src.core.errors import message
from src.core.files import write_atomically
from src.core.plain_data import read_json
from src.training.tensorboard import Board

RUN_IDS = "loggers.json"  # in the run's folder: what W&B and MLflow call the run, by logger
ID_ARGUMENTS = {WandbLogger: "id", MLFlowLogger: "run_id"}

log = logging.getLogger(__name__)


def build_loggers(nodes: Mapping[str, Any], run: Path | None) -> dict[str, Logger]:
    """Loggers by name, from their configurations.

    Args:
        run: folder of the run that is resumed; W&B and MLflow go on in the run that they have of it.

    Raises:
        ValueError: one cannot be built.
    """
    ids = _run_ids(run) if run else {}
    if left := sorted(ids.keys() - nodes.keys()):
        given = [*nodes, *left]
        choice = f"[{','.join(given)}]" if len(given) > 1 else given[0]
        log.warning("The run was also logged by %s; resume= goes on there with logger=%s.", " and ".join(left), choice)
    loggers = {}
    for name, node in nodes.items():
        with _named(name):
            loggers[name] = instantiate(node, **_identity(node, ids.get(name)))
    return loggers


@contextmanager
def _named(name: str) -> Iterator[None]:
    """Makes one line of whatever keeps a logger from beginning: a server that is away, a key that is missing."""
    try:
        yield
    except Exception as error:  # of the packages' own kinds
        raise ValueError(f"logger={name}: {message(error)}") from error


def _identity(node: Mapping[str, Any], run_id: str | None) -> dict[str, str]:
    """The argument that names a logger's run."""
    if run_id is None:
        return {}
    logger = get_class(node["_target_"])
    return {argument: run_id for kind, argument in ID_ARGUMENTS.items() if issubclass(logger, kind)}


def _run_ids(run: Path) -> dict[str, str]:
    try:
        ids = read_json(run / RUN_IDS)
    except (OSError, ValueError):
        return {}
    listed = ids.items() if isinstance(ids, dict) else ()
    return {name: text for name, text in listed if isinstance(text, str) and re.fullmatch(r"[\w-]+", text)}


@contextmanager
def logged(
    loggers: Mapping[str, Logger], folder: Path, choices: dict[str, Any], expected: dict[str, float]
) -> Iterator[None]:
    """Opens the run in every logger and, afterwards, ends it where Lightning leaves that to others.

    Args:
        choices: hyperparameters by name.
        expected: names of the final metrics, which TensorBoard wants to know beforehand.

    Raises:
        ValueError: a logger cannot begin, as where there is no server.
    """
    if process_rank() == 0:
        shared = any(isinstance(logger, MLFlowLogger) for logger in loggers.values())
        # Jobs beside each other would all create MLflow's database, or its experiment.
        with FileLock(folder.parent / ".mlflow.lock") if shared else nullcontext():
            for name, logger in loggers.items():
                with _named(name):
                    _begin(logger, choices, expected)
        ids = {name: logger.version for name, logger in loggers.items() if isinstance(logger, (*ID_ARGUMENTS,))}
        if ids:
            write_atomically(folder / RUN_IDS, json.dumps(ids) + "\n")
    failed = True
    try:
        yield
        failed = False
    finally:
        if process_rank() == 0 and any(isinstance(logger, WandbLogger) for logger in loggers.values()):
            import wandb

            wandb.finish(exit_code=int(failed))  # or the next job of this process would write to the same run


def _begin(logger: Logger, choices: dict[str, Any], expected: dict[str, float]) -> None:
    if isinstance(logger, Board):
        logger.log_hyperparams(choices, expected)
        return
    if isinstance(logger, MLFlowLogger):  # which changes no parameter, and leaves a run that goes on as ended
        recorded = logger.experiment.get_run(logger.run_id).data.params
        choices = {name: value for name, value in choices.items() if name not in recorded}
        logger.experiment.update_run(logger.run_id, status="RUNNING")
    logger.log_hyperparams(choices)


def log_file(logger: Logger, path: Path, tag: str, images_seen: int) -> None:
    """Hands a picture or a sound to W&B, and any file to MLflow; other loggers take none."""
    if isinstance(logger, MLFlowLogger):
        logger.experiment.log_artifact(logger.run_id, str(path), path.parent.name)
    elif isinstance(logger, WandbLogger) and path.suffix == ".png":
        logger.log_image(tag, [str(path)], step=images_seen)
    elif isinstance(logger, WandbLogger) and path.suffix == ".wav":
        logger.log_audio(tag, [str(path)], step=images_seen)


def boards(loggers: list[Logger]) -> list[TensorBoardLogger]:
    """Those among the loggers that write for TensorBoard."""
    return [logger for logger in loggers if isinstance(logger, TensorBoardLogger)]
