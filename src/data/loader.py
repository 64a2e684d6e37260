"""Training batches, indexed from data on the training device or streamed to it.

N images, B batch, C channels, S stacked samples, H height, W width.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from src.data.spec import Batch
from src.data.streaming import Rows, prefetched

ORDER_SEED = 0x0DE5  # makes the order's random numbers independent of the model's, which have the same seed


@dataclass(eq=False)
class ResidentLoader:
    """Seeded epochs over `images`, `num_batches` batches of stored levels [B, C, H, W] in all.

    Each epoch visits the images in a new permutation per stacked sample, so that these are independent, and drops
    the remainder after its last full batch. The order depends on seed and epoch only; `state_dict` holds the position.
    `running` is the current iterator, from which a training step can take further batches. Under DDP each rank
    takes its own part of each batch.

    Args:
        images: [N, H, W], or in colour [N, 3, H, W].
        stack: S, one channel each; 1 in colour.
        labels: [N], for batches with labels [B, S], each a `Batch`; None for images alone.
        streamed_to: the device for which batches of images on another one are prefetched, in pinned memory for a GPU.
    """

    images: Tensor | Rows
    batch_size: int
    num_batches: int
    seed: int
    stack: int = 1
    rank: int = 0
    world_size: int = 1
    streamed_to: torch.device | None = None
    labels: Tensor | None = None
    batches_seen: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if self.batch_size > len(self.images):
            raise ValueError(f"batch_size={self.batch_size} exceeds the {len(self.images)} training samples")
        if self.batch_size % self.world_size:
            raise ValueError(f"batch_size={self.batch_size} does not divide over {self.world_size} devices")

    def __len__(self) -> int:
        return self.num_batches

    def __iter__(self) -> Iterator[Tensor | Batch]:
        self.running = self._run()
        return self.running

    def _run(self) -> Iterator[Tensor | Batch]:
        batches = self._batches(self.batches_seen)
        for batch in prefetched(batches) if self.streamed_to else batches:
            self.batches_seen += 1
            yield batch

    def _batches(self, start: int) -> Iterator[Tensor | Batch]:
        per_epoch = len(self.images) // self.batch_size
        order_NS = None
        for epoch, batch in (divmod(number, per_epoch) for number in range(start, self.num_batches)):
            if order_NS is None or batch == 0:
                order_NS = self._order(epoch)
            first = batch * self.batch_size
            yield self._batch(order_NS[first + self.rank : first + self.batch_size : self.world_size])

    def _batch(self, index_BS: Tensor) -> Tensor | Batch:
        images_BCHW = self.indexed(index_BS)
        batch = images_BCHW if self.labels is None else Batch(images_BCHW, self.labels[index_BS])
        return batch.pin_memory() if self.streamed_to and self.streamed_to.type == "cuda" else batch

    def indexed(self, index_BS: Tensor) -> Tensor:
        """Stored images [B, C, H, W]; on the CPU `index_select` is several times faster than an index in brackets."""
        rows = self.images.index_select(0, index_BS.flatten())
        return rows.view(len(index_BS), -1, *self.images.shape[-2:])

    def _order(self, epoch: int) -> Tensor:
        entropy = np.random.SeedSequence((ORDER_SEED, self.seed, epoch))
        generator = torch.Generator().manual_seed(int(entropy.generate_state(1)[0]))
        orders = [torch.randperm(len(self.images), generator=generator) for _ in range(self.stack)]
        order_NS = torch.stack(orders, 1)
        if self.images.device.type == "cuda":  # from pageable memory the copy would synchronise
            order_NS = order_NS.pin_memory()
        return order_NS.to(self.images.device, non_blocking=True)

    def state_dict(self) -> dict[str, Any]:
        return {"batches_seen": self.batches_seen}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.batches_seen = state["batches_seen"]
