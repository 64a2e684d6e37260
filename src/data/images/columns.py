"""Texts of many images, such as labels: the different ones once, and a small number for each image.

N images, K different texts, V values.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np


class Column(NamedTuple):
    """The texts of N images: `index_N` into `names`, in the smallest type; `names` differ, numbers in their own order.

    A list of texts would take some 60 bytes for each image.
    """

    index_N: np.ndarray
    names: list[str]

    def of(self, rows: np.ndarray) -> "Column":
        """Those of some images."""
        return column(self.index_N[rows], self.names)

    def rows(self, text: str) -> np.ndarray:
        """The images with this text."""
        return np.flatnonzero(self.index_N == self.names.index(text)) if text in self.names else np.empty(0, np.int64)


def column(index_N: np.ndarray, texts: Sequence[str]) -> Column:
    """The texts with these indices; some may be equal, and those without an image are left out."""
    used_V = np.flatnonzero(np.bincount(index_N, minlength=len(texts))).tolist()
    different = {texts[value] for value in used_V}
    numbers = all(text.isdecimal() for text in different)
    names = sorted(different, key=lambda text: (int(text) if numbers else 0, text))
    place_of = {name: place for place, name in enumerate(names)}
    place_V = np.zeros(len(texts), np.min_scalar_type(len(names)))
    place_V[used_V] = [place_of[texts[value]] for value in used_V]
    return Column(place_V[index_N], names)


def indexed(texts: Iterable[str]) -> Column:
    """The column of these texts, which are not kept."""
    index_of: dict[str, int] = {}
    index_N = np.fromiter((index_of.setdefault(text, len(index_of)) for text in texts), np.int32)
    return column(index_N, [*index_of])


def repeated(texts: Sequence[str], lengths: Sequence[int]) -> Column:
    """Each text for so many images in turn."""
    return column(np.repeat(np.arange(len(texts), dtype=np.min_scalar_type(len(texts))), lengths), texts)


def joined(columns: Sequence[Column]) -> Column:
    """The columns one after another."""
    *starts, total = np.cumsum([0, *(len(part.names) for part in columns)]).tolist()
    dtype = np.min_scalar_type(total)  # a part's own may be too small for the sum
    index_N = np.concatenate([part.index_N.astype(dtype) + start for part, start in zip(columns, starts, strict=True)])
    return column(index_N, [name for part in columns for name in part.names])
