import pytest
import torch

from src.oracles import outliers
from src.oracles.outliers import OUTLIERS


@pytest.fixture
def real() -> torch.Tensor:
    """Characters of 16×9 in [0, 1], as different as noise can be, on a dark ground."""
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(1)
    return (torch.rand(18, 1, 16, 9, generator=generator) > 0.8).float() * 0.9


@pytest.mark.parametrize("make", OUTLIERS, ids=lambda make: make.__name__)
@pytest.mark.parametrize("shape", [(8, 1, 28, 28), (5, 1, 16, 9), (2, 1, 7, 5)])
def test_shape_and_range(make, shape):
    torch.manual_seed(0)
    real = torch.rand(shape)
    before = real.clone()
    made = make(real)
    assert made.shape == shape
    assert made.dtype == real.dtype
    assert made.isfinite().all()
    assert made.min() >= 0
    assert made.max() <= 1
    assert torch.equal(real, before)


@pytest.mark.parametrize("make", OUTLIERS, ids=lambda make: make.__name__)
def test_no_picture_is_the_character_it_was_made_from(make, real):
    assert ((make(real) - real).abs().flatten(1).max(1).values > 0.1).all()


def test_every_kind_in_equal_share(real):
    mixture = outliers.mixture(real)
    assert mixture.shape == real.shape
    grey, inverted = mixture[4:6], mixture[-2:]  # two of each of nine kinds
    assert (grey.flatten(1).std(1) < 1e-6).all()
    torch.testing.assert_close(inverted, 1 - real[-2:])
    assert (mixture[:4].flatten(1).std(1) > 1e-3).all()


def test_kinds_are_what_they_say(real):
    assert outliers.flat_grey(real).flatten(1).std(1).max() == 0
    assert outliers.flat_grey(real).unique().numel() == len(real)
    assert set(outliers.sparse_noise(real).unique().tolist()) == {0.0, 1.0}
    contrast = outliers.uniform_noise(real).flatten(1).max(1).values
    assert contrast.max() - contrast.min() > 0.3
    torch.testing.assert_close(outliers.inverted(real), 1 - real)
    shuffled = outliers.shuffled_pixels(real)
    torch.testing.assert_close(shuffled.flatten(1).sort().values, real.flatten(1).sort().values)
    torch.testing.assert_close(outliers.blended(real), (real + real.roll(1, 0)) / 2)
    assert ((outliers.overlaid(real) >= real) & (outliers.overlaid(real) >= real.roll(1, 0))).all()


def test_wrong_quarters_come_from_four_characters():
    real = torch.arange(1.0, 6).view(5, 1, 1, 1).expand(5, 1, 6, 6) / 5
    mixed = outliers.wrong_quarters(real)
    corners = torch.stack([mixed[:, 0, y, x] for y in (0, -1) for x in (0, -1)], 1)
    expected = torch.stack([real[:, 0, 0, 0].roll(turn) for turn in range(4)], 1)
    torch.testing.assert_close(corners, expected)
    assert all(len(set(row.tolist())) == 4 for row in corners)


def test_clouds_are_smooth_and_half_of_them_hard():
    torch.manual_seed(0)
    clouds = outliers.clouds(torch.zeros(200, 1, 28, 28))
    step = (clouds[..., 1:] - clouds[..., :-1]).abs().mean()
    noise = torch.rand_like(clouds)
    assert step < 0.5 * (noise[..., 1:] - noise[..., :-1]).abs().mean()
    hard = ((clouds < 0.1) | (clouds > 0.9)).float().flatten(1).mean(1)
    assert 0.25 < (hard > 0.6).float().mean() < 0.75
