"""Checks of the arguments of Lightning's trainer, with what to use instead."""

from importlib.util import find_spec
from typing import Any

from omegaconf import DictConfig, OmegaConf

from src.core.argument_types import BUILT
from src.core.plain_data import is_number
from src.training.cluster import uses_one_device

LENGTH = "a run's length is budget=, in training samples"
EVALUATED = "evaluations= says how often a run is evaluated, evaluator.num_samples= on how many samples"
LOGGERS = "logger=tensorboard, csv, wandb, mlflow or a list of them, [tensorboard,wandb], says where a run is logged"
MEMORY = "the data lie in memory, in one fixed order for each seed"
# Arguments of Lightning's trainer that a run ignores or fails with: the value that changes nothing, and what to use.
REFUSED: dict[str, tuple[Any, str]] = {
    "max_epochs": (1, f"{LENGTH}; a run is one epoch of that many"),
    "min_epochs": (None, LENGTH),
    "max_steps": (-1, f"{LENGTH}; {{steps}} steps of batch_size={{batch_size}} are budget={{samples}}"),
    "min_steps": (None, LENGTH),
    "max_time": (None, f"{LENGTH}; a run that is sent SIGTERM, as by timeout(1), leaves a checkpoint"),
    "fast_dev_run": (False, f"{LENGTH}; budget={{batch_size}} evaluations=1 is a single step"),
    "overfit_batches": (0.0, f"{LENGTH}, of the whole training split"),
    "limit_train_batches": (None, LENGTH),
    "limit_val_batches": (None, EVALUATED),
    "limit_test_batches": (None, EVALUATED),
    "limit_predict_batches": (None, EVALUATED),
    "val_check_interval": (None, EVALUATED),
    "check_val_every_n_epoch": (1, EVALUATED),
    "num_sanity_val_steps": (0, EVALUATED),
    "log_every_n_steps": (0, "callbacks.curves.every= says after how many steps the curves are logged"),
    "enable_checkpointing": (False, "last.ckpt and best.ckpt are saved after every evaluation; evaluations= says when"),
    "enable_progress_bar": (None, "callbacks=no_progress leaves the progress bar out"),
    "accumulate_grad_batches": (1, "models step their optimizers themselves; batch_size= is the samples of a step"),
    "gradient_clip_val": (None, "models step their optimizers themselves; a VAE clips at vae.max_gradient_norm="),
    "gradient_clip_algorithm": (None, "a VAE clips the gradient's norm at vae.max_gradient_norm="),
    "profiler": (None, "python -m benchmarks says where a step's time goes"),
    "barebones": (False, "it leaves nothing of a run; python -m benchmarks times training"),
    "logger": (None, LOGGERS),
    "callbacks": (None, "callbacks are named: +callbacks.NAME._target_=CLASS"),
    "plugins": (None, "trainer.precision=, trainer.strategy= and accelerator= choose these"),
    "default_root_dir": (None, "hydra.run.dir= says where a run's files go"),
    "inference_mode": (True, "a run is evaluated without Lightning's evaluation loops"),
    "use_distributed_sampler": (True, MEMORY),
    "reload_dataloaders_every_n_epochs": (0, MEMORY),
    "enable_autolog_hparams": (True, "the hyperparameters are always logged"),
    "model_registry": (None, "checkpoints are files in the run's folder"),
}
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
            words = instead.format(steps=steps, batch_size=config.batch_size, samples=int(steps * config.batch_size))
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
