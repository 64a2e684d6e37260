"""Checks of the arguments of Lightning's trainer, with what to use instead."""

from importlib.util import find_spec
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from src.core.argument_types import BUILT
from src.core.plain_data import is_number, read_yaml
from src.training.cluster import uses_one_device

CONTENT = read_yaml(Path(__file__).with_suffix(".yaml"))
TEXTS, REFUSED = CONTENT["texts"], CONTENT["refused"]
PACKAGES = {"lightning.pytorch.loggers.WandbLogger": "wandb", "lightning.pytorch.loggers.MLFlowLogger": "mlflow"}
STRATEGIES = ("auto", "ddp", "ddp_find_unused_parameters_true", "ddp_find_unused_parameters_false")
PRECISIONS = ("32", "32-true", "bf16", "bf16-mixed", "None")


def check_trainer_options(config: DictConfig) -> None:
    """Checks the arguments of Lightning's trainer.

    Raises:
        ValueError: one that a run would ignore or fail with; with its key, its value and what to use instead.
    """
    trainer = config.trainer
    for key, (harmless, instead) in REFUSED.items():
        if key not in trainer or OmegaConf.is_interpolation(trainer, key):
            continue
        value = trainer[key]
        if value != harmless or isinstance(value, bool) != isinstance(harmless, bool):
            steps = value if is_number(value) else 1
            numbers = {"steps": steps, "batch_size": config.batch_size, "samples": int(steps * config.batch_size)}
            words = instead.format(**TEXTS, **numbers)
            raise ValueError(f"trainer.{key}={value}: {words}")
    _check_devices(trainer)
    if OmegaConf.is_interpolation(trainer, "precision"):  # what suits the machine
        return
    if str(trainer.precision) in ("16", "16-mixed", "16-true"):
        raise ValueError(
            f"trainer.precision={trainer.precision}: fp16 loses the gradients of penalties, which loss scaling does "
            "not reach; choose bf16-mixed or 32-true"
        )
    if str(trainer.precision) not in PRECISIONS:
        raise ValueError(f"trainer.precision={trainer.precision}: choose bf16-mixed or 32-true")


def check_loggers(config: DictConfig) -> None:
    """Raises: ValueError: what is chosen is no logger, or its package is not installed."""
    for name, logger in (config.get("logger") or {}).items():
        if not BUILT.holds(logger):
            raise ValueError(f"logger.{name}={logger}: choose {BUILT.words}; ~logger.{name} leaves it out")
        package = PACKAGES.get(logger._target_)
        if package and find_spec(package) is None:
            raise ValueError(f"logger={name}: {package} is not installed: pip install -e '.[{package}]'")


def _check_devices(trainer: DictConfig) -> None:
    """Raises ValueError for several devices without DDP, and for other strategies."""
    strategy, devices = str(trainer.strategy), trainer.devices
    if strategy not in STRATEGIES:
        raise ValueError(f"trainer.strategy={strategy}: choose {', '.join(STRATEGIES)}")
    if strategy != "auto":
        return
    numbers = (is_number(devices) and devices > 1) or (OmegaConf.is_list(devices) and len(devices) > 1)
    if numbers or (devices in ("auto", -1, "-1") and not uses_one_device(trainer)):
        raise ValueError(f"trainer.devices={devices}: several devices need accelerator=ddp beside it")
    for key, harmless in (("num_nodes", 1), ("sync_batchnorm", False)):
        if trainer.get(key, harmless) != harmless:
            raise ValueError(f"trainer.{key}={trainer[key]}: this is for several devices, with accelerator=ddp")
