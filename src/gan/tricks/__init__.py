"""Stabilisers: one technique, one file."""

from src.gan.tricks.ema import EMA
from src.gan.tricks.trick import Trick
from src.gan.tricks.weight_clipping import WeightClipping
from src.gan.tricks.zero_centred import R1, R2

__all__ = [
    "EMA",
    "R1",
    "R2",
    "Trick",
    "WeightClipping",
]
