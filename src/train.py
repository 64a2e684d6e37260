"""Trains one model: compose → data → model → fit → test → results. With -m or study=, many of them."""

import atexit
import gc
import logging
import signal
import sys
import traceback
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import hydra
import lightning
import torch
from hydra.core.hydra_config import HydraConfig
from hydra.errors import InstantiationException
from hydra.types import RunMode
from hydra.utils import instantiate
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import LambdaCallback
from lightning.pytorch.utilities import rank_zero_only
from omegaconf import DictConfig, OmegaConf
from tensorboard.compat.proto.event_pb2 import Event, SessionLog

from src.cli.arguments import remove_refused, short_errors
from src.core import device, resolvers
from src.core.commands import CONFIGURATION, command, override, prepare_arguments
from src.core.config_checks import refuse_impossible, refuse_missing_gpu, warn_of_short_run
from src.core.console import make_output_lossy
from src.core.errors import briefly, cause, give_up, is_mistake, message
from src.core.logging_setup import quieten
from src.core.run_names import PRUNED
from src.core.signals import Interrupted, Pruned, listening, stop
from src.evaluation.summary import print_summary
from src.training import checkpoints
from src.training.callbacks.curves import DivergedError
from src.training.cluster import be_the_only_process, cluster, is_alone
from src.training.results import (
    NOT_MEASURED,
    describe_dataset,
    describe_machine,
    hyperparameters,
    read_results,
    write_results,
)
from src.training.run_record import keep, read_record, resumed_config

log = logging.getLogger(__name__)
resolvers.register()


def main() -> None:
    """The command line: one run, or a sweep."""
    make_output_lossy()
    with briefly():
        sys.argv[1:] = prepare_arguments(sys.argv[1:])
    job()


@short_errors
@hydra.main(version_base="1.3", config_path=str(CONFIGURATION), config_name="train")
def job(config: DictConfig) -> None:
    """One run. On its own it ends the program when it fails; in a sweep the next job goes on."""
    make_output_lossy()  # in a launcher's worker too
    quieten()
    if is_alone(config):
        be_the_only_process()
    device.prepare()
    hydra_config = HydraConfig.get()
    folder = Path(hydra_config.runtime.output_dir)
    jobs_at_once = OmegaConf.select(hydra_config, "launcher.n_jobs") or 1
    if hydra_config.mode == RunMode.MULTIRUN and jobs_at_once > 1 and config.trainer.accelerator != "cpu":
        device.share_gpu(jobs_at_once)
    try:
        with listening(stop):
            results = run(config, folder)
    except Interrupted as request:
        if hydra_config.mode == RunMode.MULTIRUN:
            raise KeyboardInterrupt(request.number) from None  # for whoever runs the jobs
        hint = f"; {command(override('resume', folder))} goes on" if checkpoints.exists(folder) else ""
        give_up(f"{request}{hint}", request.exit_status)
    except OSError as error:
        if hydra_config.mode == RunMode.MULTIRUN:
            raise
        give_up(message(error))
    if results["status"] not in ("completed", "diverged") and hydra_config.mode == RunMode.RUN:
        if not (folder / "results.json").exists():
            remove_refused(folder)
        give_up(results["error"])
    gc.collect()
    torch.cuda.empty_cache()


def run(config: DictConfig, folder: Path) -> dict[str, Any]:
    """Trains and writes results.json, whatever happens; returns its content."""
    results = dict.fromkeys(NOT_MEASURED) | {"metrics": {}, "controls": {}}
    results |= {"status": "failed", "error": None, "seed": config.seed}
    refused = False
    in_sweep, first_rank = HydraConfig.get().mode == RunMode.MULTIRUN, rank_zero_only.rank == 0
    try:
        record = read_record(Path(config.resume or folder))
        results |= {"name": record.name, "model": record.family}
        changed = None
        if config.resume:
            results["seed"] = record.value("seed")
            config, changed = resumed_config(Path(config.resume), HydraConfig.get().overrides.task, config)
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
        if in_sweep or not is_mistake(error):
            log.error(results["error"] if is_mistake(error) else traceback.format_exc())
        refused = not in_sweep and not config.resume and is_mistake(error) and not results.get("train_seconds")
        name = "traceback" if first_rank else f"traceback_of_rank_{rank_zero_only.rank}"
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
    if results["status"] == "completed" and first_rank and not in_sweep:
        print_summary(results)
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
    """Fits and tests the model; `results` fills up on the way, so that a failure leaves what was reached.

    Args:
        changed: of a resumed run, what goes on its record.
    """
    refuse_impossible(config)
    refuse_missing_gpu(config)
    warn_of_short_run(config)
    lightning.seed_everything(config.seed, verbose=False)
    callbacks = instantiate(config.callbacks)
    watching = list(callbacks.values())
    if changed:  # a value that is refused on the way to the first step must not be in the record
        watching.append(LambdaCallback(on_train_start=partial(go_on, changed=changed, folder=folder)))
    try:
        trainer: Trainer = instantiate(config.trainer, callbacks=watching, plugins=cluster(config.trainer))
    except InstantiationException as error:
        if isinstance(cause(error), TypeError):  # as Lightning raises it of devices that the accelerator does not have
            raise ValueError(f"trainer.devices={config.trainer.devices}: {cause(error)}") from error
        raise
    results |= describe_machine(trainer)

    data = instantiate(config.data)
    data.setup()
    results["dataset"] = describe_dataset(data.spec)

    model = instantiate(config.model)(spec=data.spec)
    if config.get("budget_in") == "generator_steps":  # records of earlier versions lack the key
        data.budget = config.budget * model.steps_per_generator_update * config.batch_size
    if config.compile:
        model.compile_networks()
    if config.resume:
        checkpoints.load_weights(model, Path(config.resume))  # Lightning would tell of a misfit at length
    trainer.logger.log_hyperparams(hyperparameters(config, results), callbacks.evaluation.expected())
    try:
        trainer.fit(model, data, ckpt_path=config.resume, weights_only=True)
    except BaseException:
        if trainer.strategy.launcher:  # other ranks, started by this one, would wait for it for ever
            atexit.register(trainer.strategy.launcher.kill, signal.SIGKILL)
        raise
    finally:
        results |= callbacks.evaluation.results()


def go_on(trainer: Trainer, module: LightningModule, changed: dict[str, Any], folder: Path) -> None:
    """Makes a resumed run's folder that of one run, once its first step is near.

    The record holds the configuration with which the run goes on. What an earlier start left behind after its last
    checkpoint goes: its traceback, and in TensorBoard the curves of steps that are now made again.
    """
    keep(changed, folder)
    if trainer.is_global_zero:
        for path in folder.glob("traceback*.txt"):
            path.unlink(missing_ok=True)
        restart = Event(step=module.images_seen + 1, session_log=SessionLog(status=SessionLog.START))
        trainer.logger.experiment.file_writer.add_event(restart)


if __name__ == "__main__":
    main()
