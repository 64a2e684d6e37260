"""Correction of p-values for several tests."""

from collections.abc import Sequence

import numpy as np

CHANCE = 0.05


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down corrected p-values (Holm 1979), in the given order."""
    corrected, largest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(np.argsort(p_values, kind="stable")):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = largest
    return corrected
