"""The picture of the data as they were read."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from src.data.module import Loaded, ResidentData
from src.data.spec import Split
from src.evaluation.artifacts import real_images


class Shades(ResidentData):
    """Images of 28×28 in two shades, ten of each."""

    name = "shades"
    colour = False

    def load(self) -> Loaded:
        labels = torch.arange(20) % 2
        images = (100 * labels + 50).to(torch.uint8)[:, None, None].expand(20, 28, 28)
        images = images[:, None].expand(20, 3, 28, 28) if self.colour else images
        split = Split(images.contiguous(), labels)
        return Loaded(split, split, split, ("dark", "light"), self.name)


@pytest.mark.parametrize(("stack", "colour"), [(1, False), (3, False), (1, True)])
def test_a_row_per_class(monkeypatch, stack, colour):
    monkeypatch.setattr(Shades, "colour", colour)
    data = Shades(root="", budget=8, batch_size=4, seed=0, stack=stack)
    data.setup()
    (artifact,) = real_images(data).values()
    pixels = np.asarray(Image.open(io.BytesIO(artifact.png)))
    assert [(pixels == shade).sum() for shade in (50, 150)] == [10 * 56**2] * 2, "ten of each, twice as large"
