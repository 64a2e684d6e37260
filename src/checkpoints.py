"""The checkpoints of a run: the last one, the one before it, and the best."""

import logging
from pathlib import Path

import torch
from lightning import Trainer

from src.cache import DAMAGES
from src.files import check_archive, write_atomically

log = logging.getLogger(__name__)


def checkpoint(run: Path, name: str) -> Path:
    return run / "checkpoints" / f"{name}.ckpt"


def save(trainer: Trainer, run: Path, best: bool = False) -> None:
    """Makes the present state the run's last checkpoint, and its best one too if it is.

    A process killed at any moment leaves a whole checkpoint behind.
    """
    newest, last = checkpoint(run, "next"), checkpoint(run, "last")
    trainer.save_checkpoint(newest)
    if not trainer.is_global_zero:
        return
    if best:
        write_atomically(checkpoint(run, "best"), newest.read_bytes())
    if is_whole(last):  # a torn one is not worth the one before
        last.replace(checkpoint(run, "previous"))
    newest.replace(last)


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
    """Whether the file is there, every byte of it what was written, and nothing in it but data."""
    try:
        check_archive(path)
        torch.load(path, map_location="cpu", weights_only=True)
    except DAMAGES:
        return False
    return True
