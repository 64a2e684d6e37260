"""Controls: what is made of held-out images, and what is not."""

import torch
from torch.nn import functional as F

from src.evaluation.oracles.controls import bar_controls, controls_of, image_controls


def test_characters():
    torch.manual_seed(0)
    real, labels = (torch.rand(60, 1, 28, 28) > 0.85).float(), torch.arange(60) % 3
    made = dict(image_controls(real, labels))
    assert set(made) == {"blurred", "noisy", "thick", "noise", "grey", "cut_up", "superposed"}
    assert all(images.shape == real.shape and 0 <= images.min() <= images.max() <= 1 for images in made.values())
    torch.testing.assert_close(made["thick"], F.max_pool2d(real, 3, 1, 1))
    assert (made["blurred"].sum() / real.sum() - 1).abs() < 0.02, "ink is spread, not lost"
    assert made["blurred"].amax((1, 2, 3)).max() < 1
    kept = real > 0.5
    assert 0.1 < made["noisy"][~kept].std() < 0.2, "half of it is clipped at black"
    assert made["grey"].flatten(1).std(1).max() == 0
    assert (made["grey"].min(), made["grey"].max()) == (0, 1)
    assert (made["superposed"] >= real).all()
    assert (made["superposed"] != real).flatten(1).any(1).all()


def test_bars_have_neither_blur_nor_thickness_nor_grey():
    torch.manual_seed(0)
    real = (torch.rand(200, 1, 16, 9) < 0.15).float()
    made = dict(bar_controls(real))
    assert set(made) == {"noisy", "noise", "cut_up", "superposed"}
    assert all(set(grids.unique().tolist()) == {0.0, 1.0} for grids in made.values())
    assert 0.005 < (made["noisy"] != real).float().mean() < 0.015
    assert (made["noise"].mean() - real.mean()).abs() < 0.01
    assert torch.equal(made["cut_up"].sum(2), real.sum(2)), "each voice as often"
    assert set(dict(controls_of("drums", real, torch.zeros(200)))) == set(made)


def test_points_have_noise_and_a_diagonal():
    made = dict(controls_of("points", torch.zeros(50, 1, 1, 2), torch.zeros(50)))
    assert set(made) == {"noise", "grey"}
    assert torch.equal(made["grey"][..., 0], made["grey"][..., 1])
