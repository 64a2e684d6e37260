"""An argument of Lightning's trainer works, or is refused with what to use instead."""

import inspect

import pytest
import torch
from hydra import compose, initialize_config_dir
from lightning import Trainer
from omegaconf import DictConfig, OmegaConf, open_dict

from src.cli.trainer_options import REFUSED, check_trainer_options
from src.core import device, resolvers
from src.core.commands import CONFIGURATION

WORK = ("accelerator", "strategy", "devices", "num_nodes", "precision", "enable_model_summary", "deterministic")
WORK = (*WORK, "benchmark", "detect_anomaly", "sync_batchnorm")


@pytest.fixture(scope="module")
def composed() -> DictConfig:
    resolvers.register()
    with initialize_config_dir(version_base="1.3", config_dir=str(CONFIGURATION)):
        return compose("train", overrides=["accelerator=cpu", "model=gan"])


@pytest.fixture
def check(composed: DictConfig):
    """Sets keys of the trainer and checks them."""

    def run(**changes) -> None:
        config = composed.copy()
        with open_dict(config):
            for key, value in changes.items():
                OmegaConf.update(config, f"trainer.{key}", value)
        check_trainer_options(config)

    return run


def test_every_argument_of_the_trainer_is_decided_on():
    """A new one in Lightning is to be looked at."""
    assert set(inspect.signature(Trainer).parameters) == {*REFUSED, *WORK}


@pytest.mark.parametrize(
    ("key", "value", "instead"),
    [
        ("max_epochs", 100, "budget="),
        ("max_steps", 10, "10 steps of batch_size=64 are budget=640"),
        ("min_epochs", 3, "budget="),
        ("max_time", "00:00:01:00", "budget="),
        ("fast_dev_run", True, "budget=64 evaluations=1"),
        ("fast_dev_run", 1, "budget="),
        ("overfit_batches", 1, "budget="),
        ("limit_train_batches", 0.1, "budget="),
        ("limit_val_batches", 1, "evaluations="),
        ("val_check_interval", 10, "evaluations="),
        ("check_val_every_n_epoch", 2, "evaluations="),
        ("num_sanity_val_steps", 2, "evaluations="),
        ("log_every_n_steps", 50, "callbacks.curves.every="),
        ("logger", False, "logger=tensorboard"),
        ("enable_checkpointing", True, "evaluations="),
        ("enable_progress_bar", False, "callbacks=no_progress"),
        ("accumulate_grad_batches", 4, "batch_size="),
        ("gradient_clip_val", 1.0, "vae.max_gradient_norm="),
        ("profiler", "simple", "benchmarks"),
        ("barebones", True, "benchmarks"),
        ("callbacks", [], r"\+callbacks.NAME._target_"),
        ("plugins", [], "trainer.precision="),
        ("default_root_dir", "here", "hydra.run.dir="),
        ("use_distributed_sampler", False, "memory"),
        ("reload_dataloaders_every_n_epochs", 1, "memory"),
        ("precision", "64-true", "bf16-mixed or 32-true"),
        ("precision", "bf16-true", "bf16-mixed or 32-true"),
        ("precision", "16-mixed", "fp16"),
        ("devices", 2, "accelerator=ddp"),
        ("devices", [0, 1], "accelerator=ddp"),
        ("num_nodes", 2, "accelerator=ddp"),
        ("sync_batchnorm", True, "accelerator=ddp"),
        ("strategy", "fsdp", "choose auto, ddp"),
        ("strategy", "ddp_spawn", "choose auto, ddp"),
    ],
)
def test_what_does_not_fit(check, key: str, value, instead: str):
    with pytest.raises(ValueError, match=instead) as refusal:
        check(**{key: value})
    assert str(refusal.value).startswith(f"trainer.{key.partition('.')[0]}=")
    assert "\n" not in str(refusal.value)


def test_all_devices_are_several_where_there_are_several_gpus(check, monkeypatch: pytest.MonkeyPatch):
    check(accelerator="auto", devices="auto")
    monkeypatch.setattr(device, "has_gpu", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    for devices in ("auto", -1):
        with pytest.raises(ValueError, match="accelerator=ddp"):
            check(accelerator="auto", devices=devices, precision="32-true")


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"deterministic": True, "benchmark": True, "detect_anomaly": True},
        {"precision": 32},
        {"precision": "bf16-mixed"},
        {"devices": [0]},
        {"enable_model_summary": True},
        {"max_epochs": 1, "max_steps": -1},
        {"strategy": "ddp", "devices": 2, "num_nodes": 2, "sync_batchnorm": True},
    ],
    ids=str,
)
def test_what_fits(check, changes: dict):
    check(**changes)
