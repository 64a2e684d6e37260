"""Collapse Lab: when generative models collapse, and which remedy helps."""

import sys

from src.core.environment import drop_leftovers

if "IPython" not in sys.modules:  # a program of its own, not a notebook that imports some of this
    drop_leftovers()
