"""Intervals against scipy's, against what defines them, and against normal theory."""

import numpy as np
import pytest
import torch
from scipy.stats import binomtest

from src.evaluation.latents.intervals import ratio, share


@pytest.mark.parametrize(("hits", "num"), [(0, 10), (1, 10), (5, 10), (10, 10), (37, 400), (400, 400)])
def test_a_share_has_wilsons_interval(hits, num):
    fact = share(torch.arange(num) < hits)
    expected = binomtest(hits, num).proportion_ci(method="wilson")
    assert fact["share"] == hits / num
    assert fact["interval"] == pytest.approx([expected.low, expected.high], abs=1e-6)


def test_wilsons_ends_are_as_far_from_the_share_as_chance_at_them_reaches():
    for end in share(torch.arange(120) < 30)["interval"]:
        assert abs(30 / 120 - end) == pytest.approx(1.959964 * (end * (1 - end) / 120) ** 0.5)


def test_the_bootstrap_of_a_mean_is_as_wide_as_normal_theory_says():
    values_N = np.random.default_rng(0).normal(3, 2, 400)
    fact = ratio(torch.from_numpy(values_N), torch.ones(400))
    half = 1.96 * values_N.std(ddof=1) / 20
    assert fact["value"] == pytest.approx(values_N.mean())
    assert fact["interval"] == pytest.approx([values_N.mean() - half, values_N.mean() + half], abs=0.15 * half)


def test_a_ratio_weighs_by_the_whole():
    assert ratio(torch.tensor([1.0, 6.0]), torch.tensor([1.0, 2.0]))["value"] == pytest.approx(7 / 3)
    always_half = ratio(torch.tensor([1.0, 2.0, 0.0]), torch.tensor([2.0, 4.0, 0.0]))
    assert always_half == {"value": 0.5, "interval": [0.5, 0.5]}
    assert ratio(torch.zeros(3), torch.zeros(3)) is None
