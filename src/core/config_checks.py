"""What no run can be started with, whatever its model."""

import logging
import math
from collections.abc import Iterator
from typing import Any

import torch
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from src.core.validation import COUNT, NOT_NEGATIVE, POSITIVE, SEED

log = logging.getLogger(__name__)

# By the parameter's name, whichever network, loss, trick or optimizer it belongs to.
FITTING = {
    **dict.fromkeys(("width", "cell_width", "blocks", "z", "z_high", "z_low"), COUNT),
    **dict.fromkeys(("weight", "gamma", "noise", "epsilon", "weight_decay"), NOT_NEGATIVE),
    "lr": POSITIVE,
}
# Options that earlier versions called something else; only the last part of a key may differ.
RENAMED_OPTIONS = {
    "gan.replay": "gan.cuda_graphs",
    "gan.tricks.r1.evenly": "gan.tricks.r1.channel_max",
    "gan.tricks.r2.evenly": "gan.tricks.r2.channel_max",
}
FLAGS = ("compile", "resident", "transposed", "interpret", "fused")


def refuse_impossible(config: DictConfig) -> None:
    """Says at once, and in the user's words, what others would say late or not at all."""
    SEED.check("seed", config.seed)
    for key in ("budget", "evaluations", "batch_size"):
        COUNT.check(key, config[key])
    if config.get("budget_in", "samples") not in ("samples", "generator_steps"):
        raise ValueError(f"budget_in={config.budget_in}: choose samples or generator_steps")
    for part in ("gan", "vae", "data", "evaluator", "compile"):
        for key, value in _leaves(config.get(part), part):
            name = key.rpartition(".")[2]
            if name in FITTING:
                FITTING[name].check(key, value)
            if name in FLAGS and not isinstance(value, bool):
                raise ValueError(f"{key}={value}: choose true or false")
    if OmegaConf.select(config, "study.tune") and HydraConfig.get().mode == RunMode.RUN:
        raise ValueError("study.tune=true: it precedes a sweep; add -m, or choose one with study=NAME")
    if "ddp" in str(config.trainer.strategy) and HydraConfig.get().mode == RunMode.MULTIRUN:
        raise ValueError("accelerator=ddp: every rank would start the sweep anew; sweep with one device a job")


def refuse_missing_gpu(config: DictConfig) -> None:
    """Refuses a GPU where there is none; not for a sweep's start, since its jobs may run on other machines."""
    chosen = config.trainer.accelerator
    if chosen in ("gpu", "cuda") and not torch.accelerator.is_available():
        raise ValueError(
            f"trainer.accelerator={chosen}: this machine has no GPU that PyTorch can use; choose accelerator=cpu or "
            "accelerator=auto"
        )


def warn_of_short_run(config: DictConfig) -> None:
    """Says where a run has fewer steps than evaluations, or sees more samples than its budget."""
    steps = math.ceil(config.budget / config.batch_size)
    if config.evaluations > steps:
        log.warning(
            "evaluations=%s: the run is evaluated %s times, after each of its steps (budget=%s, batch_size=%s)",
            config.evaluations,
            steps,
            config.budget,
            config.batch_size,
        )
    if config.budget < config.batch_size:
        log.warning("budget=%s: the run sees %s samples, one batch", config.budget, config.batch_size)


def _leaves(node: Any, key: str) -> Iterator[tuple[str, Any]]:
    if OmegaConf.is_dict(node):
        for name in node:
            if not OmegaConf.is_missing(node, name):  # a sweep may be about to choose it
                yield from _leaves(node[name], f"{key}.{name}")
    else:
        yield key, node
