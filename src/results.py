"""results.json: what a run was, how it ended and what it reached."""

import json
import math
import platform
import subprocess
from collections.abc import Iterator
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from lightning import Trainer
from omegaconf import DictConfig, OmegaConf

from src.data.spec import DataSpec
from src.files import write_atomically

PACKAGES = ("torch", "torchvision", "lightning", "hydra-core", "torchmetrics", "numpy")


def write_results(folder: Path, results: dict[str, Any]) -> None:
    """Writes results.json, in one step; numbers that are not finite become null."""
    write_atomically(folder / "results.json", json.dumps(_finite(results), indent=2, allow_nan=False) + "\n")


def describe_dataset(spec: DataSpec) -> dict[str, Any]:
    """Everything that `DataSpec(**…)` needs to be rebuilt without the data."""
    return asdict(spec) | {"classes": list(spec.classes), "shape": list(spec.shape)}


def hyperparameters(config: DictConfig, results: dict[str, Any]) -> dict[str, Any]:
    """Flat choices for TensorBoard's HParams page: what the run is, and every value of its model."""
    model = OmegaConf.to_container(config.model, resolve=True)
    return {
        "name": results["name"],
        "dataset": f"{results['dataset']['source']} {results['dataset']['digest'][:8]}",
        "seed": config.seed,
        "budget": config.budget,
        "batch_size": config.batch_size,
        "precision": results["precision"],
        **dict(_flat(model)),
    }


def _flat(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Leaves under dotted keys; an object to build is a leaf too, its class's name under its own key."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        elif key == "_target_":
            yield prefix.rstrip(".") or "model", value.rpartition(".")[2]
        elif key not in ("_partial_", "_convert_"):
            yield f"{prefix}{key}", value if isinstance(value, bool | int | float | str) else str(value)


def describe_machine(trainer: Trainer) -> dict[str, Any]:
    """Device, precision, versions and commit."""
    device = trainer.strategy.root_device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"cpu ({platform.machine()})"
    return {
        "device": name,
        "precision": str(trainer.precision),
        "versions": {"python": platform.python_version()} | {package: version(package) for package in PACKAGES},
        "git": commit(),
    }


@cache
def commit() -> str | None:
    """The commit of the code, with `-dirty` if it was changed since; None outside a repository."""
    here = Path(__file__).parent
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--exclude=*"], cwd=here, capture_output=True, text=True
        )
    except FileNotFoundError:  # no git on this machine
        return None
    return described.stdout.strip() or None


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
