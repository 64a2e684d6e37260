from itertools import permutations

import numpy as np
import pytest

from src.core.multiple_tests import holm


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1, 1]
    assert holm([0.02]) == [0.02]
    assert holm([]) == []


def test_holm_rejects_what_its_procedure_rejects() -> None:
    """Step down: go on from the smallest p as long as it is below the level over how many are left."""
    random = np.random.default_rng(0)
    for p_values in random.beta(0.4, 8, size=(200, 6)):
        rejected = set()
        for left, place in zip(range(6, 0, -1), np.argsort(p_values), strict=True):
            if p_values[place] >= 0.05 / left:
                break
            rejected.add(place)
        assert {place for place, p in enumerate(holm(p_values)) if p < 0.05} == rejected


def test_holm_does_not_depend_on_the_order() -> None:
    p_values = (0.01, 0.02, 0.02, 0.9)
    corrected = dict(zip(p_values, holm(p_values), strict=True))
    assert all(holm(order) == [corrected[p] for p in order] for order in permutations(p_values))
