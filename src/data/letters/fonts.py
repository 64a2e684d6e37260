"""The data set of typeset capitals: small, black on white, of ten styles."""

import io
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from torch import Tensor

from src.core.cache import cached
from src.data.letters import typeset
from src.data.module import Loaded, ResidentData
from src.data.spec import Split

PER_CLASS = {"train": 200, "val": 30, "test": 30}
DTYPES = (np.uint8, np.int64, np.int64)


class Fonts(ResidentData):
    """Capitals drawn by `src.data.letters.typeset`, once, then kept in the cache: 5,200 to train on, 1,560 held out.

    Val and test are halves of the held-out images.

    Args:
        cache: folder of drawn letters.
    """

    name = "fonts"

    def __init__(self, cache: str, **common: Any):
        super().__init__(**common)
        self.cache = Path(cache)

    def load(self) -> Loaded:
        drawn = cached(self.cache / f"fonts-v{typeset.VERSION}.npz", _make, _read)
        self._styles = {part: torch.from_numpy(letters.styles_N) for part, letters in drawn.items()}
        splits = [Split.of(letters.images_NHW, letters.labels_N) for letters in drawn.values()]
        return Loaded(*splits, typeset.CLASSES, self.name, dark_ink=True)

    def known_factors(self, name: str) -> dict[str, Tensor]:
        """The style of the first channel, an index into `typeset.STYLES`."""
        return {"style": self._styles[name][self.held_out_order(name)[:, 0]]}


def _make() -> bytes:
    arrays = {}
    for seed, (part, per_class) in enumerate(PER_CLASS.items()):
        arrays |= {f"{part}_{key}": array for key, array in typeset.draw(per_class, seed)._asdict().items()}
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def _read(file: BinaryIO) -> dict[str, typeset.Letters]:
    """The splits in a cache file; what `_make` did not write is refused, so that it is drawn anew."""
    drawn = {}
    with np.load(file, allow_pickle=False) as arrays:
        for part, per_class in PER_CLASS.items():
            letters = typeset.Letters(*(arrays[f"{part}_{key}"] for key in typeset.Letters._fields))
            num_images = per_class * len(typeset.CLASSES)
            shapes = [(num_images, typeset.SIDE, typeset.SIDE), (num_images,), (num_images,)]
            if [(array.shape, array.dtype) for array in letters] != list(zip(shapes, DTYPES, strict=True)):
                raise ValueError(f"{part} has other shapes or types than typeset letters")
            for array_N, num in ((letters.labels_N, len(typeset.CLASSES)), (letters.styles_N, len(typeset.STYLES))):
                if (np.bincount(array_N, minlength=num) != num_images / num).any():
                    raise ValueError(f"{part} has other classes or styles than typeset letters")
            drawn[part] = letters
    return drawn
