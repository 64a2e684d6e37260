"""Small folders of images, and data sets made of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from src.data.images.datasets import Images

OPTIONS = {
    **{"label": None, "labels": None, "classes": None, "size": None, "colour": None, "dark_ink": None},
    **{"fit": "pad", "background": "white", "budget": 64, "batch_size": 8, "seed": 0, "stack": 1},
}


def drawn(number: int, side: int = 28) -> np.ndarray:
    """A dark grey image [H, W] that tells its number by the brightness of a square."""
    image = np.zeros((side, side), np.uint8)
    image[side // 4 : -side // 4, side // 4 : -side // 4] = 60 + number
    return image


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Thirty grey PNG files, ten of each class."""
    for number in range(30):
        place = tmp_path / "pictures" / ("cats", "dogs", "eels")[number % 3]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(drawn(number)).save(place / f"{number:02}.png")
    return tmp_path / "pictures"


@pytest.fixture
def images(tmp_path: Path) -> Callable[..., Images]:
    """Reads images with the defaults of conf/data/images.yaml."""

    def make(path: Path | str, **changes: Any) -> Images:
        data = Images(path=str(path), root=str(tmp_path), cache=str(tmp_path / "cache"), **(OPTIONS | changes))
        data.setup()
        return data

    return make
