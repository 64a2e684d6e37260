"""Copies of training images: by hand, against scikit-learn and scipy, and for samplers known to copy or not."""

import numpy as np
import pytest
import torch
from scipy.stats import mannwhitneyu
from sklearn.neighbors import NearestNeighbors

from src.evaluation.metrics import fidelity
from src.evaluation.metrics.copies import Copies, data_copying, nearest_training
from src.evaluation.oracles.base import Predictions


def predicted(features, classes=None) -> Predictions:
    classes = torch.zeros(len(features), dtype=torch.long) if classes is None else torch.as_tensor(classes)
    return Predictions(torch.ones(len(features)), classes.unsqueeze(1), features)


def normal(count, features=8, seed=0) -> torch.Tensor:
    return torch.randn(count, features, generator=torch.Generator().manual_seed(seed))


def measured(train, samples, held_out) -> dict[str, float]:
    values = Copies(train, predicted(held_out)).measure(predicted(samples))
    return {name: value.item() for name, value in values.items()}


@pytest.mark.parametrize("rows", [7, 256])
def test_nearest_against_scikit_learn(monkeypatch, rows):
    monkeypatch.setattr(fidelity, "ROWS", rows)
    points, train = normal(30), normal(50, seed=1)
    distance, index = nearest_training(points, train, 2)
    expected = NearestNeighbors(n_neighbors=2).fit(train).kneighbors(points)
    assert index.tolist() == expected[1].tolist()
    assert distance.numpy() == pytest.approx(expected[0], rel=1e-5)
    own, _ = nearest_training(train, train, 1)
    assert own.numpy() == pytest.approx(NearestNeighbors(n_neighbors=1).fit(train).kneighbors()[0], rel=1e-5)


def test_four_training_points_by_hand():
    """Training at 0, 1, 10, 12, radii 1, 1, 2, 2; held out at 2 and 11, which are 1 from the nearest each.

    0.1 is 0.1 from 0 and 0.9 from 1: memorised, not authentic. 0.4 is 0.4 and 0.6: neither. 15 is 3 and 5: authentic.
    10.9 is 0.9 and 1.1: neither.
    """
    train, held_out = torch.tensor([[0.0], [1], [10], [12]]), torch.tensor([[2.0], [11]])
    values = measured(train, torch.tensor([[0.1], [0.4], [15], [10.9]]), held_out)
    assert values == {"memorised": 0.25, "authenticity": 0.25}, "and no C_T of four samples"


@pytest.mark.parametrize("scale", [1.0, 0.01])
def test_a_sampler_that_copies_and_one_that_does_not(scale):
    """Wherever in their space features lie: in float32 the distances of copies are not zero."""
    train, held_out, fresh = (100 + scale * normal(1500, seed=seed) for seed in range(3))
    copied = measured(train, train[:1000], held_out)
    assert copied["memorised"] == 1
    assert copied["authenticity"] == 0
    assert copied["c_t"] < -20
    honest = measured(train, fresh, held_out)
    assert honest["memorised"] < 0.01
    assert honest["authenticity"] == pytest.approx(0.5, abs=0.1)
    assert abs(honest["c_t"]) < 4
    half = measured(train, torch.cat([fresh[:500], train[:500]]), held_out)
    assert half["memorised"] == pytest.approx(0.5, abs=0.01)


def test_a_sample_in_the_middle_is_no_copy_though_near():
    """What authenticity and C_T cannot tell from a copy: the mean of many training images."""
    train, held_out = normal(500, 60), normal(300, 60, seed=1)
    values = measured(train, 0.05 * normal(300, 60, seed=2), held_out)
    assert values["authenticity"] < 0.05
    assert values["c_t"] < -10
    assert values["memorised"] == 0


def test_noise_is_authentic_and_far():
    values = measured(normal(400), 20 + normal(300, seed=2), normal(300, seed=1))
    assert values["authenticity"] == 1
    assert values["c_t"] > 10
    assert values["memorised"] == 0


def test_c_t_of_one_cell_against_scipy():
    random = np.random.default_rng(0)
    samples, held_out = random.random(60).round(1), random.random(40).round(1) + 0.1  # with ties
    u = mannwhitneyu(samples, held_out).statistic
    expected = (u - 60 * 40 / 2) / (60 * 40 * 101 / 12) ** 0.5
    cells = torch.zeros(60, dtype=torch.long), torch.zeros(40, dtype=torch.long)
    value = data_copying(torch.from_numpy(samples), cells[0], torch.from_numpy(held_out), cells[1])
    assert value.item() == pytest.approx(expected)
    assert value < -1


def test_c_t_weighs_cells_by_their_held_out_images_and_leaves_small_ones_out():
    """Nearer in cell 0, farther in cell 1, 20 samples only in cell 2."""
    near, far = torch.full((30,), 0.0), torch.full((30,), 2.0)
    samples, cells = torch.cat([near, far, torch.zeros(20)]), torch.tensor([0] * 30 + [1] * 30 + [2] * 20)
    held_out, held_cells = torch.ones(80), torch.tensor([0] * 45 + [1] * 15 + [2] * 20)
    z = [30 * m / 2 / (30 * m * (31 + m) / 12) ** 0.5 for m in (45, 15)]
    expected = (45 * -z[0] + 15 * z[1]) / 60
    assert data_copying(samples, cells, held_out, held_cells).item() == pytest.approx(expected)
    assert data_copying(samples[-20:], cells[-20:], held_out, held_cells) is None


def test_c_t_of_unseen_real_data_is_about_zero():
    values = [
        measured(normal(400, seed=n), normal(200, seed=1000 + n), normal(200, seed=2000 + n))["c_t"] for n in range(60)
    ]
    assert abs(np.mean(values)) < 4 / 60**0.5
    assert 0.5 < np.std(values) < 1.6
