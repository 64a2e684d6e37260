"""The checkpoints of a run: the last one, the one before it, and the best."""

import logging
from pathlib import Path

import torch
from lightning import Trainer
from torch import Tensor, nn
from torch.optim import Optimizer

from src.core.files import check_archive, write_atomically

PARTS = {"state_dict", "optimizer_states", "loops", "callbacks"}

log = logging.getLogger(__name__)
written: set[Path] = set()  # by this process, which need not look whether they are whole


def checkpoint(run: Path, name: str) -> Path:
    return run / "checkpoints" / f"{name}.ckpt"


def save(trainer: Trainer, run: Path, best: bool = False) -> None:
    """Makes the present state the run's last checkpoint, and its best one too if it is.

    A process killed at any moment leaves a whole checkpoint behind, and a full disk no part of one.
    """
    newest, last = checkpoint(run, "next"), checkpoint(run, "last")
    try:
        trainer.save_checkpoint(newest)
        if not trainer.is_global_zero:
            return
        if best:
            write_atomically(checkpoint(run, "best"), newest.read_bytes())
        if (last in written and last.exists()) or is_whole(last):  # a torn one is not worth the one before
            last.replace(checkpoint(run, "previous"))
        newest.replace(last)
        written.add(last)
    except OSError:
        newest.unlink(missing_ok=True)
        raise


def exists(run: Path) -> bool:
    """Whether the run has something to go on from."""
    return checkpoint(run, "last").is_file() or checkpoint(run, "previous").is_file()


def newest_whole(run: Path) -> Path | None:
    """The last checkpoint, or the one before where the last is damaged, which a warning tells; None without any."""
    last, previous = checkpoint(run, "last"), checkpoint(run, "previous")
    if is_whole(last):
        return last
    if is_whole(previous):
        log.warning("%s is damaged or missing: going on from the checkpoint before it.", last)
        return previous
    return None


def is_whole(path: Path) -> bool:
    """Whether the file is there, every byte of it what was written, and it holds a run's state and nothing but data."""
    try:
        check_archive(path)
        return torch.load(path, map_location="cpu", weights_only=True).keys() >= PARTS
    except Exception:  # PyTorch stumbles over foreign files in many ways
        return False


def load_weights(model: nn.Module, path: Path) -> None:
    """Gives the model the weights of a checkpoint that is whole.

    Raises:
        ValueError: they are another model's.
    """
    try:
        model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True)["state_dict"])
    except (RuntimeError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} holds the weights of another model than .hydra/config.yaml describes") from error


def match_memory_layout(optimizer: Optimizer) -> None:
    """Lays moments out in memory as their weights are here, which fused optimizers rely on.

    In a checkpoint from another kind of device they can lie differently, and loading keeps that.
    """
    for weight, moments in optimizer.state.items():
        for name, moment in moments.items():
            if isinstance(moment, Tensor) and moment.shape == weight.shape and moment.stride() != weight.stride():
                moments[name] = torch.empty_like(weight, requires_grad=False).copy_(moment)
