import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression

from src.evaluation.metrics import fidelity
from src.evaluation.metrics.fidelity import Fidelity, Gaussian, Subsets, beginnings, frechet_distance


def normal(count, features=8, seed=0) -> torch.Tensor:
    return torch.randn(count, features, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("count", [400, 900])
def test_it_is_unbiased_where_the_distance_is_not(count):
    """Two samples of one distribution; the mean over 40 pairs has an error far below the distance's bias."""
    pairs = [(normal(count, seed=2 * n), normal(count, seed=2 * n + 1)) for n in range(40)]
    plain = np.array([frechet_distance(*pair).item() for pair in pairs])
    infinite = np.array([Subsets(real).distance(fake).item() for real, fake in pairs])
    assert plain.mean() > 20 * plain.std() / 40**0.5, "biased"
    assert abs(infinite.mean()) < 4 * infinite.std() / 40**0.5
    assert abs(infinite.mean()) < 0.2 * plain.mean()


def test_a_known_distance_is_found_from_few_points():
    """Means 1 apart and deviations 1 and 2 in each of 8 features: 8 · (1 + 1)."""
    values = [Subsets(normal(300, seed=n)).distance(1 + 2 * normal(300, seed=100 + n)).item() for n in range(20)]
    assert np.mean(values) == pytest.approx(16, abs=4 * np.std(values) / 20**0.5)


def test_it_is_the_intercept_of_a_regression_on_the_reciprocal_size():
    real, fake = normal(500), normal(300, seed=1) + 0.5
    subsets = Subsets(real)
    shares = np.linspace(0.1, 1, fidelity.NUM_SIZES)
    pairs = zip(beginnings(real, shares), beginnings(fake, shares), strict=True)
    distances = [one.distance(other).item() for one, other in pairs]
    assert distances[-1] == pytest.approx(frechet_distance(real, fake).item())
    fit = LinearRegression().fit(1 / (300 * shares[:, None]), distances)
    assert subsets.distance(fake).item() == pytest.approx(fit.intercept_)
    assert subsets.distance(fake) == subsets.distance(fake), "the same subsets each time"


def test_beginnings_are_fitted_like_any_sample():
    points = 50 + normal(40, 3)
    order = torch.randperm(40, generator=torch.Generator().manual_seed(fidelity.SEED))
    for share, fitted in zip((0.25, 0.5, 1.0), beginnings(points, np.array([0.25, 0.5, 1.0])), strict=True):
        expected = Gaussian.fitted(points[order[: round(40 * share)]])
        assert torch.allclose(fitted.mean_F, expected.mean_F)
        assert torch.allclose(fitted.covariance_FF, expected.covariance_FF)


def test_the_smallest_subset_has_images_enough_for_its_features():
    subsets = Subsets(normal(100, 20))
    subsets.distance(normal(100, 20, seed=1))
    assert min(subsets.fitted) == 0.5, "2.5 per feature, and at most half of the images"
    subsets = Subsets(normal(100, 10))
    subsets.distance(normal(100, 10, seed=1))
    assert min(subsets.fitted) == 0.25


def test_final_evaluations_have_it():
    metric = Fidelity(normal(80), final=True)
    metric.update(normal(60, seed=1))
    assert metric.compute()["fid_infinity"] == Subsets(normal(80)).distance(normal(60, seed=1))
