"""Clipped density and coverage (Salvy et al. 2026): by hand, by brute force, and calibrated."""

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from src.evaluation.metrics.fidelity import Balls, expected_filled, good_share, neighbourhoods


def normal(count, features=4, seed=0) -> torch.Tensor:
    return torch.randn(count, features, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def clipped(real, fake, k=5) -> tuple[float, float]:
    values = neighbourhoods(real, Balls.around(real, k), fake)
    return values["clipped_density"].item(), values["clipped_coverage"].item()


def by_scikit_learn(real, fake, k) -> tuple[float, float]:
    """Density, and the filling of balls before its calibration."""
    radius = NearestNeighbors(n_neighbors=k + 1).fit(real).kneighbors(real)[0][:, -1]
    small = np.minimum(radius, np.median(radius))
    gaps, own = (np.linalg.norm(points[:, None] - real[None], axis=2) for points in (fake, real))
    np.fill_diagonal(own, np.inf)
    density, ideal = (np.minimum((each <= small).sum(1) / k, 1).mean() for each in (gaps, own))
    return min(density / ideal, 1), np.minimum((gaps <= radius).sum(0) / k, 1).mean()


@pytest.mark.parametrize("k", [1, 3, 5])
def test_against_scikit_learn(k):
    real, fake = normal(70), 1.5 * normal(70, seed=1) + 0.7
    density, filled = by_scikit_learn(real.numpy(), fake.numpy(), k)
    assert clipped(real, fake, k) == pytest.approx((density, good_share(filled, 70, 70, k)))
    assert 0.2 < density < 1


def test_five_points_on_a_line():
    """With k = 1: no ball reaches farther than 2, so of the real points 0 and 1 are in the balls of others, 2 of 5.

    Of 0.5, 50 and 60 one is in a ball, of 0.5, 2.5 and 50 two are.
    """
    real, fake = torch.tensor([[0.0], [1], [3], [6], [100]]), torch.tensor([[0.5], [2.5], [50]])
    balls = Balls.around(real, 1)
    assert balls.radius_M.tolist() == [1, 1, 2, 3, 94]
    assert balls.clipped_M.tolist() == [1, 1, 2, 2, 2]
    assert balls.own_density == pytest.approx(2 / 5)
    assert clipped(real, torch.tensor([[0.5], [50], [60]]), 1)[0] == pytest.approx(1 / 3 / (2 / 5))
    assert clipped(real, fake, 1)[0] == 1, "no more than 1"


@pytest.mark.parametrize("bad", [0.0, 0.3, 0.7, 1.0])
def test_both_are_the_share_of_good_samples(bad):
    values = []
    for seed in range(8):
        real, fake = normal(600, seed=seed), normal(600, seed=100 + seed)
        fake[: round(600 * bad)] += 1000 * torch.arange(1, round(600 * bad) + 1).unsqueeze(1)
        values.append(clipped(real, fake))
    assert np.mean(values, 0) == pytest.approx([1 - bad] * 2, abs=0.05)


def test_an_outlier_among_real_images_catches_no_junk():
    """A far real image has a ball that holds half the space."""
    real = torch.cat([normal(200), torch.full((1, 4), 100.0)])
    junk = normal(201, seed=1) + 50
    values = neighbourhoods(real, Balls.around(real, 5), junk)
    assert values["precision"] == 1
    assert values["clipped_density"] == 0


def test_expected_filling_against_simulated_balls():
    """M real and N good samples on a line; a mass of the real distribution is a length of the unit interval."""
    num_real, num_good, k, random = 40, 30, 3, np.random.default_rng(0)
    filled = []
    for _ in range(4000):
        others, samples = random.random(num_real - 1), random.random(num_good)
        mass = np.sort(others)[k - 1]  # of a ball around 0 that reaches to the k-th of them
        filled.append(min((samples <= mass).sum(), k) / k)
    expected = expected_filled(num_real, 50, k)
    assert expected[num_good] == pytest.approx(np.mean(filled), abs=4 * np.std(filled) / 4000**0.5)
    assert expected[0] == 0
    assert (np.diff(expected) > 0).all()


def test_one_sample_fills_a_ball_with_the_chance_of_its_mass():
    """E Beta(k, M − k) = k/M, and one sample of k needed."""
    assert expected_filled(40, 1, 3)[1] == pytest.approx(3 / 40 / 3)


def test_the_calibration_inverts_the_expectation():
    expected = expected_filled(500, 200, 5)
    for good in (0, 1, 57, 199, 200):
        assert good_share(expected[good], 500, 200, 5) == pytest.approx(good / 200)
    assert good_share(1.0, 500, 200, 5) == 1
