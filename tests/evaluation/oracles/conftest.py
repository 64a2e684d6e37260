"""Letters drawn with the pen, which oracles are trained on for a moment."""

import pytest
import torch

from src.data.letters.strokes import draw
from src.data.spec import Split

CLASSES = "AKOSX"  # none that resembles stripes, which a briefly trained oracle would take for an E


def drawn(classes, per_class: int, seed: int) -> Split:
    return Split(*map(torch.from_numpy, draw(classes, per_class, seed)))


@pytest.fixture(scope="module")
def held_out() -> Split:
    return drawn(CLASSES, 100, seed=1)
