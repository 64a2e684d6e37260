"""results.json: what was run, how it ended and what was measured."""

import json
import logging
import math
import os
import platform
import subprocess
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from omegaconf import DictConfig, OmegaConf

from src.core.files import write_atomically
from src.core.plain_data import read_json

if TYPE_CHECKING:  # imports torch, which sweeps do not need
    from lightning import Trainer

log = logging.getLogger(__name__)
NOT_MEASURED = ("dataset", "oracle", "oracle_accuracy", "outcome", "onset", "onset_reason", "images_seen")
PACKAGES = ("torch", "torchvision", "lightning", "hydra-core", "torchmetrics", "numpy")


def write_results(folder: Path, results: dict[str, Any]) -> None:
    """Writes results.json, in one step; numbers that are not finite become null."""
    write_atomically(folder / "results.json", json.dumps(_finite(results), indent=2, allow_nan=False) + "\n")


def read_results(folder: Path) -> dict[str, Any]:
    """Content of results.json; empty as long as there is none, or none that can be read."""
    try:
        results = read_json(folder / "results.json")
    except (OSError, ValueError):
        return {}
    return results if isinstance(results, dict) else {}


def hyperparameters(config: DictConfig, results: dict[str, Any]) -> dict[str, Any]:
    """Flat choices for TensorBoard's HParams page: what the run is, then its model, losses and annealings by name."""
    model = cast("dict[str, Any]", OmegaConf.to_container(config.model, resolve=True))
    options = {key: value for key, value in model.items() if isinstance(value, dict) and "_target_" not in value}
    return {
        "name": results["name"],
        "seed": config.seed,
        "dataset": f"{results['dataset']['source']} {results['dataset']['digest'][:8]}",
        "primary": config.callbacks.evaluation.get("primary"),
        "budget": config.budget,
        "precision": results["precision"],
        "batch_size": config.batch_size,
        **{key: " + ".join(chosen) for key, chosen in options.items()},
        **dict(_flat(model)),
    }


def _flat(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Numbers and words under dotted keys; an object to build is a leaf too, its class's name under its own key."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        elif key == "_target_":
            yield prefix.rstrip(".") or "model", value.rpartition(".")[2]
        elif isinstance(value, int | float | str) and not isinstance(value, bool) and key != "_convert_":
            yield f"{prefix}{key}", value


def describe_machine(trainer: "Trainer") -> dict[str, Any]:
    """Device, precision, versions and commit."""
    import torch

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
    here = Path(__file__).parents[2]
    if not (here / ".git").exists():
        return None
    # Git refuses a repository of another owner, as in containers, unless told that this one is meant. Where a hook or
    # an editor has set GIT_DIR, it would describe that one's.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    command = ["git", "-c", f"safe.directory={here}", "describe", "--always", "--dirty", "--exclude=*"]
    try:
        described = subprocess.run(command, cwd=here, env=environment, capture_output=True, text=True)
    except FileNotFoundError:  # no git on this machine
        return None
    if described.returncode:
        log.warning("results.json names no commit: %s", " ".join(described.stderr.split()))
    return described.stdout.strip() or None


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
