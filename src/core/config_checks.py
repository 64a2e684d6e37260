"""Checks of a run's configuration that hold for every model."""

import logging
import math

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from src.core.argument_types import BUILT, arguments, kind
from src.core.run_names import key_of
from src.core.validation import COUNT, NOT_NEGATIVE, POSITIVE, SEED

log = logging.getLogger(__name__)

# By the parameter's name, whichever network, loss, trick or optimizer it belongs to.
FITTING = {
    **dict.fromkeys(("width", "cell_width", "blocks", "z", "z_high", "z_low", "every"), COUNT),
    **dict.fromkeys(("weight", "gamma", "noise", "epsilon", "weight_decay"), NOT_NEGATIVE),
    "lr": POSITIVE,
}


def check_config(config: DictConfig) -> None:
    """Raises: ValueError: an option that no run can be started with; with its key, its value and the ways out."""
    SEED.check("seed", config.seed)
    for key in ("budget", "evaluations", "batch_size"):
        COUNT.check(key, config[key])
    if config.get("budget_in", "samples") not in ("samples", "generator_steps"):
        raise ValueError(f"budget_in={config.budget_in}: choose samples or generator_steps")
    kind(bool).check("compile", config.compile)
    if OmegaConf.select(config, "study.tune") and HydraConfig.get().mode == RunMode.RUN:
        raise ValueError("study.tune=true: it precedes a sweep; add -m, or choose one with study=NAME")
    pair = [text for text in HydraConfig.get().overrides.task if key_of(text) in ("vae.z_high", "vae.z_low")]
    if pair and (levels := OmegaConf.select(config, "vae.levels")):
        raise ValueError(f"{pair[0]} vae.levels={list(levels)}: both say how large levels are; give only one of them")
    if "ddp" in str(config.trainer.strategy) and HydraConfig.get().mode == RunMode.MULTIRUN:
        raise ValueError("accelerator=ddp: every rank would start the sweep anew; sweep with one device per job")


def check_argument_types(config: DictConfig) -> None:
    """Checks values against the annotations of the class that takes them, and numbers against their range.

    Raises:
        ValueError: with the key, its value and what to choose from.
    """
    for part in ("gan", "vae", "data", "evaluator", "callbacks", "trainer", "logger"):
        node = config.get(part)
        for key, name, value, expected in arguments(node, part) if OmegaConf.is_dict(node) else ():
            if name in FITTING and not OmegaConf.is_dict(value):
                FITTING[name].check(key, value)
            expected.check(key, value)
    for name, callback in config.callbacks.items():
        if not BUILT.holds(callback):
            raise ValueError(f"callbacks.{name}={callback}: choose {BUILT.words}; ~callbacks.{name} leaves it out")


def check_gpu(config: DictConfig) -> None:
    """Raises: ValueError: a GPU is asked for and there is none."""
    chosen = config.trainer.accelerator
    if chosen not in ("gpu", "cuda"):
        return
    import torch

    if not torch.accelerator.is_available():
        raise ValueError(
            f"trainer.accelerator={chosen}: this machine has no GPU that PyTorch can use; choose accelerator=cpu or "
            "accelerator=auto"
        )


def warn_of_short_run(config: DictConfig) -> None:
    """Warns of fewer steps than evaluations, and of a budget below one batch."""
    in_samples = config.get("budget_in", "samples") == "samples"
    steps = math.ceil(config.budget / config.batch_size) if in_samples else config.budget
    if config.evaluations > steps:
        log.warning(
            "evaluations=%s: the run is evaluated %s times, after each of its steps (budget=%s, batch_size=%s)",
            config.evaluations,
            steps,
            config.budget,
            config.batch_size,
        )
    if in_samples and config.budget < config.batch_size:
        log.warning("budget=%s: the run sees %s samples, one batch", config.budget, config.batch_size)
