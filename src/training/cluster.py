"""Which cluster a run belongs to; one on a single device belongs to none."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from src.core import device
from src.training.run_record import read_record


def uses_one_device(trainer: Mapping[str, Any]) -> bool:
    """Whether the trainer's configuration asks for a single process on a single device."""
    if str(trainer["strategy"]) != "auto":
        return False
    devices = trainer["devices"]
    if devices in ("auto", -1, "-1"):
        if trainer["accelerator"] == "cpu" or not device.has_gpu():
            return True
        import torch

        return torch.cuda.device_count() == 1
    return str(devices) == "1" or (not isinstance(devices, int | str) and len(devices) == 1)


def is_alone(config: DictConfig) -> bool:
    """Whether neither the command nor the run that it resumes uses several devices."""
    trainers = [config.trainer]
    if config.resume:
        with suppress(ValueError, OSError):  # the run itself says what is wrong with the record
            trainers.append(read_record(Path(config.resume)).value("trainer"))
    return all(map(uses_one_device, trainers))


def cluster(trainer: Mapping[str, Any]) -> Any:
    """The cluster for a trainer: none for a run on one device, else the one that Lightning detects.

    Lightning detects SLURM, torchrun, LSF, Kubeflow, MPI and XLA by their variables, and would have a run on one device
    wait for, or complain about, tasks that have nothing to do with it.
    """
    if not uses_one_device(trainer):
        return None
    from lightning.fabric.plugins.environments import LightningEnvironment

    return LightningEnvironment()
