"""Training batches, indexed from data on the training device or streamed to it."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from src.data.streaming import Rows, prefetched

ORDER_SEED = 0x0DE5  # makes the order's random numbers independent of the model's, which have the same seed


class ResidentLoader:
    """Seeded epochs over `images_NHW`, `num_batches` batches of stored levels [B, C, H, W] in all.

    Each epoch visits the images in a new permutation per channel, so that stacked channels are independent, and drops
    the remainder after its last full batch. The order depends on seed and epoch only; `state_dict` holds the position.
    `running` is the current iterator, from which a training step can take further batches. Under DDP each rank
    takes its own part of each batch.

    Args:
        streamed_to: the device for which batches of images on another one are prefetched, in pinned memory for a GPU.
    """

    def __init__(
        self,
        images_NHW: Tensor | Rows,
        batch_size: int,
        num_batches: int,
        seed: int,
        num_channels: int = 1,
        rank: int = 0,
        world_size: int = 1,
        streamed_to: torch.device | None = None,
    ):
        if batch_size > len(images_NHW):
            raise ValueError(f"batch_size={batch_size} exceeds the {len(images_NHW)} training samples")
        if batch_size % world_size:
            raise ValueError(f"batch_size={batch_size} does not divide over {world_size} devices")
        self.images_NHW = images_NHW
        self.batch_size = batch_size
        self.num_batches = num_batches
        self.seed = seed
        self.num_channels = num_channels
        self.rank = rank
        self.world_size = world_size
        self.streamed_to = streamed_to
        self.batches_seen = 0

    def __len__(self) -> int:
        return self.num_batches

    def __iter__(self) -> Iterator[Tensor]:
        self.running = self._run()
        return self.running

    def _run(self) -> Iterator[Tensor]:
        batches = self._batches(self.batches_seen)
        for batch_BCHW in prefetched(batches) if self.streamed_to else batches:
            self.batches_seen += 1
            yield batch_BCHW

    def _batches(self, start: int) -> Iterator[Tensor]:
        per_epoch = len(self.images_NHW) // self.batch_size
        order_NC = None
        for epoch, batch in (divmod(number, per_epoch) for number in range(start, self.num_batches)):
            if order_NC is None or batch == 0:
                order_NC = self._order(epoch)
            first = batch * self.batch_size
            yield self._images(order_NC[first + self.rank : first + self.batch_size : self.world_size])

    def _images(self, index_BC: Tensor) -> Tensor:
        """`images_NHW[index_BC]`; on the CPU `index_select` is several times faster."""
        rows = self.images_NHW.index_select(0, index_BC.flatten())
        images_BCHW = rows.view(*index_BC.shape, *self.images_NHW.shape[1:])
        return images_BCHW.pin_memory() if self.streamed_to and self.streamed_to.type == "cuda" else images_BCHW

    def _order(self, epoch: int) -> Tensor:
        entropy = np.random.SeedSequence((ORDER_SEED, self.seed, epoch))
        generator = torch.Generator().manual_seed(int(entropy.generate_state(1)[0]))
        orders = [torch.randperm(len(self.images_NHW), generator=generator) for _ in range(self.num_channels)]
        order_NC = torch.stack(orders, 1)
        if self.images_NHW.device.type == "cuda":  # from pageable memory the copy would synchronise
            order_NC = order_NC.pin_memory()
        return order_NC.to(self.images_NHW.device, non_blocking=True)

    def state_dict(self) -> dict[str, Any]:
        return {"batches_seen": self.batches_seen}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.batches_seen = state["batches_seen"]
