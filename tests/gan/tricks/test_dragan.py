import numpy as np
import pytest
import torch

from src.gan.losses import Wasserstein
from src.gan.tricks import Dragan


def test_places_from_the_formula(make_step):
    """x + α · 0.5 · σ · U with α per image and U per pixel, computed in numpy from the same random numbers."""
    real = torch.randn(5, 2, 3, 2, generator=torch.Generator().manual_seed(1))
    step = make_step(real, torch.full_like(real, 9.0))
    torch.manual_seed(0)
    places = Dragan().places(step)
    torch.manual_seed(0)
    share, uniform = torch.rand(5, 1, 1, 1).numpy(), torch.rand(5, 2, 3, 2).numpy()
    expected = real.numpy() + share * 0.5 * np.std(real.numpy()) * uniform
    np.testing.assert_allclose(places.numpy(), expected, rtol=1e-5)


@pytest.mark.parametrize("noise", [0.5, 2.0])
def test_around_the_real_images(make_step, noise):
    """Products of two uniform numbers on [0, noise · σ): mean a quarter; σ² = 4 over pixels that are −2 or 2."""
    torch.manual_seed(0)
    real = torch.where(torch.rand(300, 2, 3, 2) < 0.5, -2.0, 2.0)
    real[:150] = -real[150:]  # as many of one as of the other
    added = Dragan(noise=noise).places(make_step(real, torch.full_like(real, 9.0))) - real
    assert added.min().item() == pytest.approx(0, abs=0.01 * noise)
    assert 0.9 * noise * 2 < added.max().item() < noise * 2
    assert added.mean().item() == pytest.approx(noise * 2 / 4, rel=0.05)
    spread_B = added.flatten(1).amax(1)
    assert spread_B.min() < 0.2 * spread_B.max()  # α is drawn for each image


def test_the_spread_is_that_of_the_batch(make_step):
    """Pixels of 0 and 2 over the images have σ = 1, though each image by itself is even."""
    torch.manual_seed(0)
    real = torch.tensor([0.0, 2.0]).repeat(100).view(200, 1, 1, 1).expand(200, 1, 20, 20)
    added = Dragan(noise=1.0).places(make_step(real, real)) - real
    assert 0.9 < added.max().item() < 1


def test_it_does_not_bound_the_slope_everywhere(make_gan):
    with pytest.raises(ValueError, match=r"gan\.loss=wasserstein .* slope is bounded"):
        make_gan(loss={"wasserstein": Wasserstein()}, tricks={"dragan": Dragan()})
