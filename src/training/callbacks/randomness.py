"""Random streams: those of every rank, kept in the checkpoint, and those apart from training."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import numpy as np
import torch
import torch.distributed as dist
from lightning import Callback, LightningModule, Trainer
from torch import Tensor

State = TypeVar("State")
NOISE_SEED = 0x2015E  # keeps a GAN's noise apart from the global random stream, which starts from the same seed


class Randomness(Callback):
    """Saves and restores the state of every global random stream, so that resuming is exact.

    Under DDP all ranks build the same model from one seed; then each goes on with streams of its own. A checkpoint
    holds those of all ranks; a run that goes on with more ranks starts new streams for the others.
    """

    def __init__(self, seed: int):
        self.seed = seed
        self.resumed: list[dict[str, Any]] = []

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        if trainer.global_rank < len(self.resumed):
            restore(self.resumed[trainer.global_rank])
        elif trainer.world_size > 1:
            torch.manual_seed(self.seed + trainer.global_rank)

    def state_dict(self) -> dict[str, Any]:
        return {"ranks": of_all_ranks(snapshot())}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.resumed = state["ranks"]


def of_all_ranks(state: State) -> list[State]:
    """Gathers a state from all ranks, in their order."""
    if not dist.is_initialized():
        return [state]
    states = [state] * dist.get_world_size()
    dist.all_gather_object(states, state)
    return states


def snapshot() -> dict[str, Any]:
    """The states of torch, CUDA, numpy and python, in types that a weights-only load accepts."""
    name, keys, *position = cast("tuple[Any, ...]", np.random.get_state())  # noqa: NPY002  the global stream
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else [],
        "numpy": (name, keys.tolist(), *position),
        "python": random.getstate(),
    }


def restore(state: dict[str, Any]) -> None:
    """Puts the random streams back to a `snapshot`, perhaps of a machine with more GPUs."""
    torch.set_rng_state(state["torch"].cpu())
    for device, stream in enumerate(state["cuda"][: torch.cuda.device_count()]):
        torch.cuda.set_rng_state(stream.cpu(), device)
    np.random.set_state(state["numpy"])  # noqa: NPY002
    random.setstate(state["python"])


@contextmanager
def own_randomness(device: torch.device, seed: int | None = None) -> Iterator[None]:
    """Restores torch's random streams afterwards; within they go on, or start from a seed."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        if seed is not None:
            torch.manual_seed(seed)
        yield


def noise_stream(device: torch.device, rank: int, saved: Sequence[Tensor] = ()) -> torch.Generator:
    """A random stream for this rank, continued if a checkpoint holds its state for this kind of device."""
    stream = torch.Generator(device)
    if rank < len(saved) and saved[rank].shape == stream.get_state().shape:
        return stream.set_state(saved[rank])
    entropy = np.random.SeedSequence((NOISE_SEED, torch.initial_seed(), rank))
    return stream.manual_seed(int(entropy.generate_state(1)[0]))
