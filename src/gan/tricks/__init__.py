"""Stabilisers: one technique, one file."""

from src.gan.tricks.ema import EMA
from src.gan.tricks.r1 import R1
from src.gan.tricks.trick import Trick

__all__ = ["EMA", "R1", "Trick"]
