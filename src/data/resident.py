"""Training batches from memory: the data lie on the training device as uint8 and a batch is an index."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

ORDER_SEED = 0x0DE5  # keeps the order's random stream apart from the model's, which starts from the same seed


class ResidentLoader:
    """Endless seeded epochs over `images_NHW`, cut off after `num_batches` batches of uint8 [B, C, H, W].

    Every epoch visits the images in a fresh permutation, one per channel, so that stacked channels are independent
    characters; what is left over after the last full batch of an epoch is dropped. The order depends on the seed and
    the epoch alone. `state_dict` holds the position, so that a resumed run sees the batches it would have seen.
    Under DDP every rank takes its own part of each batch.
    """

    def __init__(
        self,
        images_NHW: Tensor,
        batch_size: int,
        num_batches: int,
        seed: int,
        num_channels: int = 1,
        rank: int = 0,
        world_size: int = 1,
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
        self.batches_seen = 0

    def __len__(self) -> int:
        return self.num_batches

    def __iter__(self) -> Iterator[Tensor]:
        per_epoch = len(self.images_NHW) // self.batch_size
        order_NC = None
        while self.batches_seen < self.num_batches:
            epoch, batch = divmod(self.batches_seen, per_epoch)
            if order_NC is None or batch == 0:
                order_NC = self._order(epoch)
            first = batch * self.batch_size
            index_BC = order_NC[first + self.rank : first + self.batch_size : self.world_size]
            self.batches_seen += 1
            yield self._images(index_BC)

    def _images(self, index_BC: Tensor) -> Tensor:
        """`images_NHW[index_BC]`, several times faster on the CPU, since whole rows are copied."""
        rows = self.images_NHW.index_select(0, index_BC.flatten())
        return rows.view(*index_BC.shape, *self.images_NHW.shape[1:])

    def _order(self, epoch: int) -> Tensor:
        entropy = np.random.SeedSequence((ORDER_SEED, self.seed, epoch))
        generator = torch.Generator().manual_seed(int(entropy.generate_state(1)[0]))
        orders = [torch.randperm(len(self.images_NHW), generator=generator) for _ in range(self.num_channels)]
        return torch.stack(orders, 1).to(self.images_NHW.device)

    def state_dict(self) -> dict[str, Any]:
        return {"batches_seen": self.batches_seen}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.batches_seen = state["batches_seen"]
