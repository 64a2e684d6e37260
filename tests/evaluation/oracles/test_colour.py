"""What the oracle of colour images does otherwise than that of ink."""

import pytest
import torch

from src.evaluation.oracles import outliers
from src.evaluation.oracles.augmentation import augment
from src.evaluation.oracles.base import train_oracle
from src.evaluation.oracles.characters import CharacterOracle
from src.evaluation.oracles.controls import controls_of
from src.evaluation.oracles.factory import oracle_of
from tests.coloured import CLASSES, Shapes, shapes
from tests.conftest import shorten_oracle_training


@pytest.mark.parametrize("make", [*outliers.PLAIN_IN_COLOUR, outliers.cut_up], ids=lambda make: make.__name__)
def test_outliers_are_coloured_images(make):
    torch.manual_seed(0)
    real = torch.rand(8, 3, 20, 16)
    made = make(real)
    assert made.shape == real.shape
    assert 0 <= made.min() < made.max() <= 1
    assert (made.std(1) > 0.05).any(), "not grey"


def test_shuffled_pixels_keep_their_colours():
    real = torch.rand(2, 3, 6, 5)
    shuffled = outliers.shuffled_pixels(real)
    colours = [{tuple(colour) for colour in image.flatten(1).T.tolist()} for image in (*real, *shuffled)]
    assert colours[:2] == colours[2:]


def test_superposed_colours_are_double_exposures():
    real, labels = torch.rand(6, 3, 4, 4), torch.arange(6)
    torch.manual_seed(0)
    other = real[outliers.of_other_classes(labels)]
    torch.manual_seed(0)
    torch.testing.assert_close(outliers.superposed(real, labels), (real + other) / 2)


def test_no_negative_is_an_outlier():
    """Of a photograph it may well be one of its class."""
    torch.manual_seed(0)
    real = torch.full((120, 3, 8, 8), 0.1)
    made = outliers.mixture(real, torch.arange(120) % 3)
    assert made.shape == real.shape
    assert not (made - 0.9).abs().flatten(1).amax(1).lt(1e-4).any()


def test_augmentations_keep_hues():
    """Channels change alike: of a plain image, but for noise, the order of its channels stays."""
    torch.manual_seed(0)
    plain = torch.tensor([0.8, 0.5, 0.2]).view(1, 3, 1, 1).expand(400, 3, 16, 16)
    mean_N3 = augment(plain).mean((2, 3))
    assert (mean_N3.diff(dim=1) < 0).all()
    assert mean_N3.std(0).min() > 0.02


def test_controls_of_colour_have_no_thick_strokes():
    real = torch.rand(10, 3, 12, 12)
    made = dict(controls_of("images", real, torch.arange(10) % 2))
    assert set(made) == {"blurred", "noisy", "noise", "grey", "cut_up", "superposed"}
    assert all(control.shape == real.shape and 0 <= control.min() <= control.max() <= 1 for control in made.values())


@pytest.mark.parametrize("size", [28, 64])
def test_colour_data_get_an_oracle_of_whole_images(monkeypatch, tmp_path, size):
    shorten_oracle_training(monkeypatch, 1)
    data = Shapes(size=size, sizes=(60, 20, 30), root="", budget=8, batch_size=8, seed=0, stack=1)
    data.setup()
    oracle = oracle_of(data, tmp_path, torch.device("cpu"))
    assert oracle.name == "colours"
    predictions = oracle.predict(data.held_out("test").images)
    assert predictions.classes_NS.shape == (30, 1)
    assert predictions.confidence_N.shape == (30,)


@pytest.mark.ci
def test_it_learns_hues_and_shapes(monkeypatch):
    shorten_oracle_training(monkeypatch, 60)
    oracle = CharacterOracle(len(CLASSES), colour=True)
    train_oracle(oracle, shapes(300, 16, seed=0), shapes(200, 16, seed=1))
    assert oracle.accuracy_k > 0.8
    classes_N = oracle.predict(shapes(200, 16, seed=2).images).classes_NS[:, 0]
    hue_N, shape_N = (torch.arange(200) % 10 // 2, torch.arange(200) % 2)
    assert (classes_N // 2 == hue_N).float().mean() > 0.9
    assert (classes_N % 2 == shape_N).float().mean() > 0.75
