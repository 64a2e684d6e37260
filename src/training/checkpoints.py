"""The checkpoints of a run: the last one, the one before it, and the best.

The command line looks for checkpoints before torch is needed, so torch is imported by the functions that use it.
"""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lightning import Trainer
    from torch import nn
    from torch.optim import Optimizer

from src.core.files import check_archive, write_atomically

PARTS = {"state_dict", "optimizer_states", "loops", "callbacks"}

log = logging.getLogger(__name__)
written: set[Path] = set()  # by this process, which need not look whether they are whole


def checkpoint(run: Path, name: str) -> Path:
    return run / "checkpoints" / f"{name}.ckpt"


def save(trainer: "Trainer", run: Path, best: bool = False) -> None:
    """Saves the present state as the run's last checkpoint, and as its best one if `best`.

    A process killed at any moment leaves a valid checkpoint behind, and a full disk no part of one.
    """
    newest, last = checkpoint(run, "next"), checkpoint(run, "last")
    try:
        trainer.save_checkpoint(newest)
        if not trainer.is_global_zero:
            return
        if best:
            write_atomically(checkpoint(run, "best"), newest.read_bytes())
        if (last in written and last.exists()) or is_valid(last):  # a torn one is not worth the one before
            last.replace(checkpoint(run, "previous"))
        newest.replace(last)
        written.add(last)
    except OSError:
        newest.unlink(missing_ok=True)
        raise


def exists(run: Path) -> bool:
    """Whether the run can be resumed."""
    return checkpoint(run, "last").is_file() or checkpoint(run, "previous").is_file()


def newest_valid(run: Path) -> Path | None:
    """The last checkpoint; with a warning the one before, where the last is damaged; None without any."""
    last, previous = checkpoint(run, "last"), checkpoint(run, "previous")
    if is_valid(last):
        return last
    if is_valid(previous):
        log.warning("%s is damaged or missing: going on from the checkpoint before it.", last)
        return previous
    return None


def is_valid(path: Path) -> bool:
    """Whether the file is complete and holds a run's state and nothing but data."""
    import torch

    try:
        check_archive(path)
        return torch.load(path, map_location="cpu", weights_only=True).keys() >= PARTS
    except Exception:  # PyTorch stumbles over foreign files in many ways
        return False


def load_weights(model: "nn.Module", path: Path) -> None:
    """Loads the weights of a valid checkpoint. Raises: ValueError: they are another model's."""
    import torch

    try:
        model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True)["state_dict"])
    except (RuntimeError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} holds the weights of another model than .hydra/config.yaml describes") from error


def match_memory_layout(optimizer: "Optimizer") -> None:
    """Gives optimizer moments the memory layout of their weights, which fused optimizers rely on.

    In a checkpoint from another kind of device they can lie differently, and loading keeps that.
    """
    import torch

    for weight, moments in optimizer.state.items():
        for name, moment in moments.items():
            if isinstance(moment, torch.Tensor) and moment.shape == weight.shape and moment.stride() != weight.stride():
                moments[name] = torch.empty_like(weight, requires_grad=False).copy_(moment)
