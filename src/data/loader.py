"""Training batches: the data lie on the training device as uint8 and a batch is an index, or are streamed to it."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from src.data.streaming import Rows, one_ahead

ORDER_SEED = 0x0DE5  # keeps the order's random stream apart from the model's, which starts from the same seed


class ResidentLoader:
    """Endless seeded epochs over `images_NHW`, cut off after `num_batches` batches of uint8 [B, C, H, W].

    Every epoch visits the images in a fresh permutation, one per channel, so that stacked channels are independent
    characters; what is left over after the last full batch of an epoch is dropped. The order depends on the seed and
    the epoch alone. `state_dict` holds the position, so that a resumed run sees the batches it would have seen.
    `running` is the iterator last made, from which a training step can take more batches than it is given.
    Under DDP every rank takes its own part of each batch.

    Args:
        streamed_to: the device that batches of images which lie elsewhere are meant for. They come in the same order,
            read one ahead by a thread, and where that speeds the copy to the device up, in pinned memory.
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
        for batch_BCHW in one_ahead(batches) if self.streamed_to else batches:
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
        """`images_NHW[index_BC]`, several times faster on the CPU, since whole rows are copied."""
        rows = self.images_NHW.index_select(0, index_BC.flatten())
        images_BCHW = rows.view(*index_BC.shape, *self.images_NHW.shape[1:])
        return images_BCHW.pin_memory() if self.streamed_to and self.streamed_to.type == "cuda" else images_BCHW

    def _order(self, epoch: int) -> Tensor:
        entropy = np.random.SeedSequence((ORDER_SEED, self.seed, epoch))
        generator = torch.Generator().manual_seed(int(entropy.generate_state(1)[0]))
        orders = [torch.randperm(len(self.images_NHW), generator=generator) for _ in range(self.num_channels)]
        order_NC = torch.stack(orders, 1)
        if self.images_NHW.device.type == "cuda":  # a copy from memory that may be paged out would wait for the GPU
            order_NC = order_NC.pin_memory()
        return order_NC.to(self.images_NHW.device, non_blocking=True)

    def state_dict(self) -> dict[str, Any]:
        return {"batches_seen": self.batches_seen}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.batches_seen = state["batches_seen"]
