"""Images that stay where they are stored, such as in a file larger than memory, and are read when they are needed.

N images, M of them, S stacked samples, C channels, H height, W width.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from torch import Size, Tensor, device

Item = TypeVar("Item")


@dataclass(frozen=True, eq=False)
class Rows:
    """Some rows of a tensor in this order, read when indexed, with the parts of a tensor's interface in use here."""

    stored_NHW: "Tensor | Rows"
    rows_M: Tensor

    def __len__(self) -> int:
        return len(self.rows_M)

    def __getitem__(self, index: Tensor | slice) -> Tensor:
        return self.stored_NHW[self.rows_M[index]].contiguous()

    def index_select(self, axis: int, index_B: Tensor) -> Tensor:
        return self.stored_NHW.index_select(axis, self.rows_M[index_B])

    def split(self, size: int) -> Iterator[Tensor]:
        return (self[start : start + size] for start in range(0, len(self), size))

    def to(self, place: device | str) -> Tensor:
        """Reads all rows."""
        return self[:].to(place)

    @property
    def shape(self) -> Size:
        return Size((len(self), *self.stored_NHW.shape[1:]))

    @property
    def device(self) -> device:
        return self.stored_NHW.device


@dataclass(frozen=True, eq=False)
class Stacks:
    """N images [N, C, H, W] that are S stored ones each, by the rows of these [N, S], read when indexed."""

    images: Tensor | Rows
    rows_NS: Tensor

    def __len__(self) -> int:
        return len(self.rows_NS)

    def __getitem__(self, index: Tensor | slice) -> Tensor:
        return self.images[self.rows_NS[index]].flatten(1, -3)


def prefetched(items: Iterator[Item]) -> Iterator[Item]:
    """The same items; a thread makes the next while one is in use."""
    with ThreadPoolExecutor(1) as thread:
        following = thread.submit(next, items, None)
        while (item := following.result()) is not None:
            following = thread.submit(next, items, None)
            yield item
