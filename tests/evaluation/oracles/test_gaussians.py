"""The oracle of points: certain, untrained, and blind beyond three σ."""

from pathlib import Path

import pytest
import torch

from src.data.gaussians import LEVELS, GaussianGrid, GaussianRing, Mixture
from src.evaluation.oracles.factory import oracle_of
from src.evaluation.oracles.gaussians import NearestCentre

MIXTURE = Mixture({"left": (-1.0, 0.0), "right": (1.0, 0.0)}, sigma=0.1, reach=2)


def stored(points: list) -> torch.Tensor:
    """[N][C][2] coordinates as images [N, C, 1, 2]."""
    return ((torch.tensor(points, dtype=torch.double) / 2 + 1) * LEVELS / 2).round().int().unsqueeze(2)


@pytest.fixture
def oracle() -> NearestCentre:
    return NearestCentre(MIXTURE, MIXTURE.draw(100, 0), "0" * 64)


def test_predictions(oracle):
    points = [[[-1.0, 0.29]], [[1.0, 0.0]], [[1.0, -0.31]], [[0.0, 0.0]]]
    predictions = oracle.predict(stored(points))
    assert predictions.confidence_N.tolist() == [1, 1, 0, 0]
    assert predictions.classes_NS.tolist() == [[0], [1], [-1], [-1]]
    torch.testing.assert_close(
        predictions.features_NF, torch.tensor(points, dtype=torch.double)[:, 0], atol=1e-5, rtol=0
    )


def test_of_stacked_points_all_must_be_near(oracle):
    predictions = oracle.predict(stored([[[-1.0, 0.0], [1.0, 0.0]], [[-1.0, 0.0], [0.0, 0.0]]]))
    assert predictions.confidence_N.tolist() == [1, 0]
    assert predictions.classes_NS.tolist() == [[0, 1], [0, -1]]
    assert predictions.features_NF.shape == (2, 4)


def test_features_keep_distances_far_below_the_coordinates(oracle):
    """Neighbourhoods are measured in them: in single precision they would drown in the coordinates' squares."""
    features = oracle.predict(stored([[[1.0, 0.001]], [[1.0, 0.002]]])).features_NF
    assert torch.cdist(features.repeat(50, 1), features)[0, 1].item() == pytest.approx(0.001, rel=0.02)


@pytest.mark.parametrize("toy", [GaussianRing, GaussianGrid])
def test_every_toy_has_one_that_needs_no_training(toy, tmp_path: Path):
    data = toy(root="", budget=64, batch_size=8, seed=0, stack=1)
    data.setup()
    oracle = oracle_of(data, tmp_path, torch.device("cpu"))
    assert oracle.accuracy.item() == pytest.approx(0.989, abs=0.007)
    assert oracle.accuracy_k == 1, "no point lies nearer to another centre"
    assert not list(tmp_path.iterdir())
