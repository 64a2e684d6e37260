import pytest
import torch

from src.gan.losses import Wasserstein
from src.gan.tricks import Dragan


@pytest.mark.parametrize("noise", [0.5, 2.0])
def test_around_the_real_images(make_step, noise):
    """Uniform noise on [0, noise · σ), drawn for each pixel; σ² = 4 over pixels that are −2 or 2."""
    torch.manual_seed(0)
    real = torch.where(torch.rand(300, 2, 3, 2) < 0.5, -2.0, 2.0)
    real[:150] = -real[150:]  # as many of one as of the other
    added = Dragan(noise=noise).places(make_step(real, torch.full_like(real, 9.0))) - real
    assert added.min().item() == pytest.approx(0, abs=0.01 * noise)
    assert added.max().item() == pytest.approx(noise * 2, rel=0.01)
    assert added.mean().item() == pytest.approx(noise, rel=0.03)
    pixels = added.flatten(1)
    assert torch.corrcoef(pixels.T).fill_diagonal_(0).abs().max() < 0.25  # each pixel for itself


def test_the_spread_is_that_of_the_batch(make_step):
    """Pixels of 0 and 2 over two images have σ = 1, though each image by itself is even."""
    torch.manual_seed(0)
    real = torch.tensor([0.0, 2.0]).view(2, 1, 1, 1).expand(2, 1, 20, 20)
    added = Dragan(noise=1.0).places(make_step(real, real)) - real
    assert added.max().item() == pytest.approx(1, abs=0.01)


def test_it_does_not_bound_the_slope_everywhere(make_gan):
    with pytest.raises(ValueError, match=r"gan\.loss=wasserstein .* slope is bounded"):
        make_gan(loss={"wasserstein": Wasserstein()}, tricks={"dragan": Dragan()})
