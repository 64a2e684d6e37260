"""One run: compose → data → model → fit → test → results."""

import atexit
import logging
import signal
import traceback
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import lightning
from hydra.core.hydra_config import HydraConfig
from hydra.errors import InstantiationException
from hydra.types import RunMode
from hydra.utils import instantiate
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import LambdaCallback
from omegaconf import DictConfig
from tensorboard.compat.proto.event_pb2 import Event, SessionLog

from src.core.config_checks import check_argument_types, check_config, check_gpu, warn_of_short_run
from src.core.device import has_gpu
from src.core.environment import process_rank
from src.core.errors import cause, is_user_error, message
from src.core.run_names import PRUNED
from src.core.signals import Interrupted, Pruned
from src.training import checkpoints
from src.training.callbacks.curves import DivergedError
from src.training.cluster import cluster
from src.training.loggers import boards, build_loggers, logged
from src.training.results import (
    NOT_MEASURED,
    describe_machine,
    hyperparameters,
    read_results,
    write_results,
)
from src.training.run_config import USUAL_CACHE, confined, resumed_config
from src.training.run_record import read_record, save_config

log = logging.getLogger(__name__)


def run(config: DictConfig, folder: Path) -> dict[str, Any]:
    """Trains and writes results.json whatever happens; returns its content."""
    results = dict.fromkeys(NOT_MEASURED) | {"metrics": {}, "controls": {}}
    results |= {"status": "failed", "error": None, "seed": config.seed}
    refused = False
    in_sweep, first_rank = HydraConfig.get().mode == RunMode.MULTIRUN, process_rank() == 0
    try:
        record = read_record(Path(config.resume or folder))
        results |= {"name": record.name, "model": record.family}
        changed = None
        if config.resume:
            results["seed"] = record.value("seed")
            config, changed = resumed_config(Path(config.resume), HydraConfig.get().overrides.task, config)
        else:
            record.resolved(confined(record, USUAL_CACHE), record.tree)  # or the run could never be resumed
        train(config, folder, results, changed)
        results["status"] = "completed"
    except DivergedError as error:
        results |= {"status": "diverged", "error": message(error)}
        if first_rank:
            log.warning("Diverged: %s", results["error"])
    except Pruned as verdict:
        results |= {"status": "interrupted", "error": f"{PRUNED}: {verdict}"}
    except Interrupted as request:
        results |= {"status": "interrupted", "error": str(request)}
        raise
    except Exception as error:
        results["error"] = message(error)
        if in_sweep or not is_user_error(error):
            log.error(results["error"] if is_user_error(error) else traceback.format_exc())
        refused = not in_sweep and not config.resume and is_user_error(error) and not results.get("train_seconds")
        name = "traceback" if first_rank else f"traceback_of_rank_{process_rank()}"
        if not refused:
            with suppress(OSError):  # on a full disk
                (folder / f"{name}.txt").write_bytes(traceback.format_exc().encode(errors="backslashreplace"))
    finally:
        # A resumed run that never got going leaves what it had reached before; a job's end is told with it.
        before = read_results(folder) if config.resume and not results.get("train_seconds") else {}
        if before:
            results = before | {key: results[key] for key in ("status", "error")}
        if first_rank and "name" in results and (in_sweep or not before) and not refused:
            save(folder, results)
    return results


def save(folder: Path, results: dict[str, Any]) -> None:
    """Writes results.json.

    Raises:
        OSError: it cannot be written; how the run ended stands in the message. An interruption goes before.
    """
    try:
        write_results(folder, results)
    except OSError as error:
        ended = ": ".join(filter(None, (results["status"], results["error"])))
        text = f"results.json cannot be written ({error}); the run ended as {ended}"
        if results["status"] != "interrupted":
            raise OSError(text) from error
        log.error(text)


def train(config: DictConfig, folder: Path, results: dict[str, Any], changed: dict[str, Any] | None) -> None:
    """Fits and tests the model; fills `results` on the way, so that a failure keeps what was measured.

    Args:
        changed: of a resumed run, what goes on its record.
    """
    check_config(config)
    check_argument_types(config)
    check_gpu(config)
    if config.trainer.accelerator == "auto" and not has_gpu():
        config.trainer.accelerator = (
            "cpu"  # Lightning would take Apple's GPU, which lacks the double precision of metrics
        )
    warn_of_short_run(config)
    lightning.seed_everything(config.seed, verbose=False)
    callbacks = instantiate(config.callbacks)
    watching = list(callbacks.values())
    if changed:  # a value that is refused on the way to the first step must not be in the record
        watching.append(LambdaCallback(on_train_start=partial(go_on, changed=changed, folder=folder)))
    loggers = build_loggers(config.get("logger") or {}, folder if config.resume else None)
    machine = {"plugins": cluster(config.trainer), "logger": [*loggers.values()]}
    try:
        trainer: Trainer = instantiate(config.trainer, callbacks=watching, **machine)
    except InstantiationException as error:
        if isinstance(cause(error), TypeError):  # as Lightning raises it of devices that the accelerator does not have
            raise ValueError(f"trainer.devices={config.trainer.devices}: {cause(error)}") from error
        raise
    results |= describe_machine(trainer)

    data = instantiate(config.data)
    data.setup()
    results["dataset"] = asdict(data.spec)  # all that `DataSpec(**…)` needs without the data

    model = instantiate(config.model)(spec=data.spec)
    if config.get("budget_in") == "generator_steps":  # records of earlier versions lack the key
        data.budget = config.budget * model.steps_per_generator_update * config.batch_size
    if config.compile:
        model.compile_networks()
    if config.resume:
        checkpoints.load_weights(model, Path(config.resume))  # Lightning would tell of a misfit at length
    try:
        with logged(loggers, folder, hyperparameters(config, results), callbacks.evaluation.expected(model)):
            trainer.fit(model, data, ckpt_path=config.resume, weights_only=True)
    except BaseException:
        if trainer.strategy.launcher:  # other ranks, started by this one, would wait for it for ever
            atexit.register(trainer.strategy.launcher.kill, signal.SIGKILL)
        raise
    finally:
        results |= callbacks.evaluation.results()


def go_on(trainer: Trainer, module: LightningModule, changed: dict[str, Any], folder: Path) -> None:
    """Updates a resumed run's folder just before its first step.

    The record holds the configuration with which the run goes on. What an earlier start left behind after its last
    checkpoint goes: its traceback, and in TensorBoard the curves of steps that are now made again.
    """
    save_config(changed, folder)
    if trainer.is_global_zero:
        for path in folder.glob("traceback*.txt"):
            path.unlink(missing_ok=True)
        restart = Event(step=module.images_seen + 1, session_log=SessionLog(status=SessionLog.START))
        for board in boards(trainer.loggers):
            board.experiment.file_writer.add_event(restart)
