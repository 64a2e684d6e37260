"""Training images that stay where they lie, such as in a file larger than memory, and are read as batches need them.

N images, M of them.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from torch import Size, Tensor, device

Item = TypeVar("Item")


class Rows:
    """Some rows of a tensor in an order of their own: as much of a tensor as those who read it in parts need.

    Indexing gives a contiguous tensor; nothing is read before.
    """

    def __init__(self, stored_NHW: Tensor, rows_M: Tensor):
        self.stored_NHW = stored_NHW
        self.rows_M = rows_M

    def __len__(self) -> int:
        return len(self.rows_M)

    def __getitem__(self, index: Tensor | slice) -> Tensor:
        return self.stored_NHW[self.rows_M[index]].contiguous()

    def index_select(self, axis: int, index_B: Tensor) -> Tensor:
        return self.stored_NHW.index_select(axis, self.rows_M[index_B])

    def split(self, size: int) -> Iterator[Tensor]:
        return (self[start : start + size] for start in range(0, len(self), size))

    def to(self, place: device) -> Tensor:
        """All of them at once."""
        return self[:].to(place)

    @property
    def shape(self) -> Size:
        return Size((len(self), *self.stored_NHW.shape[1:]))

    @property
    def device(self) -> device:
        return self.stored_NHW.device


def one_ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The same items; while one is in use, a thread makes the next."""
    with ThreadPoolExecutor(1) as thread:
        following = thread.submit(next, items, None)
        while (item := following.result()) is not None:
            following = thread.submit(next, items, None)
            yield item
