"""Schedules against their closed forms."""

import math
from itertools import pairwise

import numpy as np
import pytest

from src.vae.anneal import Constant, Cosine, Cyclical, Exponential, Linear, NoAnnealing, Sigmoid

SHARES = [0.0, 0.001, 0.1, 0.25, 0.3, 0.4999, 0.5, 0.7, 0.999]


def test_unannealed_is_the_bound(kls, at):
    assert at(NoAnnealing(), 0.3).beta(kls) == (1.0, 1.0)


def test_constant_per_level(kls, at):
    assert at(Constant(0.3), 0.7).beta(kls) == (0.3, 0.3)
    assert at(Constant({"high": 0.1, "low": 4}), 0.0).beta(kls) == (0.1, 4)


@pytest.mark.parametrize(("over", "t", "expected"), [(0.5, 0.25, 0.5), (0.5, 0.8, 1), (1.0, 0.25, 0.25), (0.1, 0, 0)])
def test_linear(over, t, expected):
    assert Linear(over).shape(t) == pytest.approx(expected)


@pytest.mark.parametrize("t", SHARES)
@pytest.mark.parametrize(("steepness", "midpoint"), [(20.0, 0.25), (5.0, 0.5), (1e4, 0.3)])
def test_sigmoid(t, steepness, midpoint):
    exponent = np.longdouble(-steepness * (t - midpoint))  # e^7000 is finite in it
    assert Sigmoid(steepness, midpoint).shape(t) == pytest.approx(float(1 / (1 + np.exp(exponent))), abs=1e-12)


def test_sigmoid_takes_4_over_k_from_an_eighth_to_seven():
    k = 16.0
    assert Sigmoid(k, 0.5).shape(0.5 + 2 / k) - Sigmoid(k, 0.5).shape(0.5 - 2 / k) == pytest.approx(0.7616, abs=1e-4)


@pytest.mark.parametrize(
    ("over", "t", "expected"),
    [(0.6, 0.0, 0), (0.6, 0.1, 0.5 - math.sqrt(3) / 4), (0.6, 0.3, 0.5), (0.6, 0.6, 1), (0.6, 0.9, 1)],
)
def test_cosine(over, t, expected):
    assert Cosine(over).shape(t) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("cycles", [1, 4, 2.5, 3.7, 0.5])
@pytest.mark.parametrize("ramp", [0.5, 1.0, 0.2])
def test_cyclical_against_a_walk(cycles, ramp):
    """A walker who climbs until the ramp's end, rests, and falls back at the end of each cycle."""
    total = 1000
    length = total / cycles
    schedule = Cyclical(cycles, ramp)
    started = 0.0
    for step in range(total):
        if step - started >= length - 1e-9:
            started += length
        expected = min(1.0, (step - started) / (ramp * length))
        assert schedule.shape(step / total) == pytest.approx(expected, abs=1e-6), step


@pytest.mark.parametrize(
    ("iteration", "expected"),
    [(1, 0), (26, 0.2), (51, 0.4), (101, 0.8), (126, 1), (200, 1), (250, 1), (251, 0), (313, 0.496), (1000, 1)],
)
def test_golden_numbers_of_the_cyclical_schedule(iteration, expected):
    """Fu et al. 2019, arXiv:1903.10145, linear f, for T = 1000 iterations from 1, M = 4, R = 0.5.

    β_t = τ/R for τ ≤ R, else 1, with τ = mod(t − 1, ⌈T/M⌉) / (T/M), evaluated by hand.
    """
    assert Cyclical(cycles=4, ramp=0.5).shape((iteration - 1) / 1000) == pytest.approx(expected)


@pytest.mark.parametrize(("t", "expected"), [(0.0, 0.0), (0.1, 0.5), (0.2, 0.75), (0.3, 0.875)])
def test_saturating_halves_what_is_left(t, expected):
    assert Exponential(half_life=0.1).shape(t) == pytest.approx(expected)


def test_saturating_is_a_power_of_a_ratio():
    """1 − r^step, with the same r in every step of the run."""
    shape = Exponential(0.05).shape
    left = [1 - shape(step / 400) for step in range(400)]
    ratios = [after / before for before, after in pairwise(left)]
    assert ratios == pytest.approx([0.5 ** (1 / 20)] * 399)


@pytest.mark.parametrize("schedule", [Linear, Sigmoid, Cosine, Cyclical, Exponential])
def test_weight_per_level(schedule, kls, at):
    annealer = at(schedule(weight={"high": 2.0, "low": 0.5}), 0.4)
    assert annealer.beta(kls) == pytest.approx((2 * annealer.shape(0.4), 0.5 * annealer.shape(0.4)))
    assert all(0 <= annealer.shape(share) <= 1 for share in SHARES)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Linear(duration=0), r"vae\.anneal\.linear\.duration=0: choose a share above 0"),
        (lambda: Linear(duration=1.5), r"linear\.duration=1\.5"),
        (lambda: Linear(weight=-1), r"linear\.weight=-1: choose a number of at least 0"),
        (lambda: Linear(duration="long"), r"linear\.duration=long"),
        (lambda: Linear(duration=True), r"linear\.duration=True"),
        (lambda: Linear(weight=math.inf), r"linear\.weight=inf"),
        (lambda: Linear(weight={"high": 1}), r"linear\.weight={'high': 1}: give one number, or one for each of high"),
        (lambda: Linear(weight={"high": 1, "low": -2}), r"linear\.weight\.low=-2"),
        (lambda: Constant(beta=-0.1), r"vae\.anneal\.constant\.beta=-0\.1"),
        (lambda: Sigmoid(steepness=0), r"vae\.anneal\.sigmoid\.steepness=0"),
        (lambda: Sigmoid(midpoint=2), r"vae\.anneal\.sigmoid\.midpoint=2"),
        (lambda: Cosine(duration=-1), r"vae\.anneal\.cosine\.duration=-1"),
        (lambda: Cyclical(cycles=0), r"vae\.anneal\.cyclical\.cycles=0"),
        (lambda: Cyclical(ramp=0), r"vae\.anneal\.cyclical\.ramp=0"),
        (lambda: Exponential(half_life=0), r"vae\.anneal\.saturating\.half_life=0"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)
