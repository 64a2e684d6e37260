"""Each rule on min_x max_y x·y, against its recursion in NumPy."""

from functools import partial

import numpy as np
import pytest
import torch

from src.gan.tricks import EMA, NCritic
from src.gan.updates import Alternating, Consensus, Extragradient, Lookahead, Simultaneous
from tests.gan.updates.conftest import RATE, START

FIELD = np.array([[0.0, -1.0], [1.0, 0.0]])  # v(w) = FIELD w
FIRST_Y, THEN_X = np.array([[1, 0], [-RATE, 1]]), np.array([[1, RATE], [0, 1]])
ALTERNATING = THEN_X @ FIRST_Y
SIMULTANEOUS = np.eye(2) - RATE * FIELD
EXTRAGRADIENT = np.eye(2) - RATE * FIELD @ (np.eye(2) - RATE * FIELD)


def power(matrix, exponent):
    return np.linalg.matrix_power(matrix, exponent) @ START


def distance(point):
    return np.linalg.norm(point) / np.linalg.norm(START)


def test_alternating_updates_go_round(play):
    point, _ = play(Alternating(), 200)
    np.testing.assert_allclose(point, power(ALTERNATING, 200), rtol=1e-3)
    assert 0.7 < distance(point) < 1.4


def test_simultaneous_updates_spiral_outwards(play):
    """By √(1 + η²) a step, as the eigenvalues of their matrix are 1 ± iη."""
    point, gan = play(Simultaneous(), 40)
    np.testing.assert_allclose(point, power(SIMULTANEOUS, 40), rtol=1e-3)
    assert distance(point) == pytest.approx((1 + RATE**2) ** 20, rel=1e-3)
    assert (gan.generator_steps, gan.discriminator_passes) == (40, 120)


def test_extragradient_spirals_inwards(play):
    point, gan = play(Extragradient(), 100)
    np.testing.assert_allclose(point, power(EXTRAGRADIENT, 50), rtol=1e-3)
    assert distance(point) < 0.2
    assert (gan.steps, gan.generator_steps) == (100, 50)
    assert distance(power(SIMULTANEOUS, 50)) > 5, "where both follow their own gradients"


def test_extrapolation_from_the_past_needs_one_gradient(play):
    now, ahead = START, START
    for _ in range(100):
        gradient = FIELD @ ahead
        now = now - RATE * gradient
        ahead = now - RATE * gradient
    point, gan = play(Extragradient(past=True), 100)
    np.testing.assert_allclose(point, ahead, rtol=1e-3)
    np.testing.assert_allclose(gan.current_generator.x.item(), now[0], rtol=1e-3)
    assert gan.generator_steps == 100
    assert distance(now) < 0.2


@pytest.mark.parametrize("past", [False, True])
def test_extra_adam(play, past):
    """Gidel et al. 2019, arXiv:1802.10551, algorithm 4: both moments follow both gradients."""
    mean, square, count = np.zeros(2), np.zeros(2), 0

    def change(gradient):
        nonlocal mean, square, count
        count += 1
        mean, square = 0.5 * mean + 0.5 * gradient, 0.9 * square + 0.1 * gradient**2
        return 0.01 * mean / (1 - 0.5**count) / (np.sqrt(square / (1 - 0.9**count)) + 1e-8)

    now, ahead = START, START
    for _ in range(20):
        if not past:
            ahead = now - change(FIELD @ now)
        gradient = FIELD @ ahead
        now = now - change(gradient)
        if past:
            ahead = now - change(gradient)
    adam = partial(torch.optim.Adam, lr=0.01, betas=(0.5, 0.9))
    point, _ = play(Extragradient(past=past), 20 if past else 40, adam)
    np.testing.assert_allclose(point, ahead if past else now, rtol=1e-4)


def test_a_trial_step_is_never_sampled_from(play):
    _, even = play(Extragradient(), 6)
    trial, odd = play(Extragradient(), 7, tricks={"ema": EMA()})
    assert odd.current_generator.x.item() == even.generator.x.item() != trial[0]
    assert even.current_generator.x.item() == even.generator.x.item()


def test_consensus_comes_to_rest(play):
    """‖v‖² = ‖w‖² here, so that γ is the rate at which both weights decay."""
    weight = 0.5
    point, gan = play(Consensus(weight), 40)
    np.testing.assert_allclose(point, power(np.eye(2) - RATE * (FIELD + weight * np.eye(2)), 40), atol=1e-6)
    assert distance(point) < 0.02
    assert gan.generator_steps == 40
    gone, _ = play(Consensus(0.0), 40)
    assert distance(gone) > 5, "without the penalty"


@pytest.mark.parametrize(("k", "alpha"), [(5, 0.5), (1, 0.25), (4, 1.0)])
def test_lookahead_goes_back(play, k, alpha):
    point, gan = play(Lookahead(k, alpha), 8 * k)
    np.testing.assert_allclose(
        point, power((1 - alpha) * np.eye(2) + alpha * np.linalg.matrix_power(ALTERNATING, k), 8), rtol=1e-3
    )
    assert gan.current_generator.x.item() == gan.generator.x.item()
    assert (distance(point) < 0.95) == (alpha < 1), "with α 1 nothing changes"


def test_lookahead_samples_from_the_slow_weights_between_their_updates(play):
    slow, _ = play(Lookahead(4, 0.5), 8)
    point, gan = play(Lookahead(4, 0.5), 11)
    assert gan.current_generator.x.item() == pytest.approx(slow[0], abs=1e-6)
    np.testing.assert_allclose(point, np.linalg.matrix_power(ALTERNATING, 3) @ slow, rtol=1e-4)


def test_lookahead_counts_updates_of_the_generator(play):
    """Five critic updates each, as in the authors' code."""
    updates = 2 * [np.linalg.matrix_power(FIRST_Y, 5)]
    cycle = THEN_X @ updates[0] @ THEN_X @ updates[1]
    point, gan = play(Lookahead(2, 0.5), 30, tricks={"n_critic": NCritic(5)})
    np.testing.assert_allclose(point, power((np.eye(2) + cycle) / 2, 3), rtol=1e-4)
    assert gan.generator_steps == 6


def test_the_average_under_lookahead_is_that_of_the_slow_weights(play):
    """EMA-slow (Chavdarova et al. 2021): fast weights do not enter it."""
    _, gan = play(Lookahead(6, 0.5), 5, tricks={"ema": EMA(half_life=8, ramp=100)})
    assert gan.generator.x.item() != pytest.approx(START[0], abs=1e-3)
    assert gan.tricks["ema"].average.x.item() == START[0]
