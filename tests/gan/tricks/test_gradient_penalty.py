import pytest
import torch

from src.gan.losses import Wasserstein
from src.gan.tricks import GradientPenalty


def test_between_real_and_generated_images(make_step):
    """Each image at a share of its own of the way from its real to its generated one, the same for all pixels."""
    torch.manual_seed(0)
    real, fake = torch.randn(200, 2, 3, 2), torch.randn(200, 2, 3, 2)
    places = GradientPenalty().places(make_step(real, fake))
    shares = ((places - real) / (fake - real)).flatten(1)
    torch.testing.assert_close(shares, shares[:, :1].expand_as(shares), atol=1e-3, rtol=0)
    share = shares.median(1).values
    assert 0 <= share.min() < 0.05
    assert 0.95 < share.max() <= 1
    assert share.mean().item() == pytest.approx(0.5, abs=0.06)
    assert share.std().item() == pytest.approx(12**-0.5, abs=0.03)  # a uniform distribution's


def test_a_kinked_critic(make_step):
    """D(x) = max(0, s x) has the slope s where x > 0: halfway from −1 to 1, so the penalty is λ ((s − 1)² + 1)/2."""
    torch.manual_seed(0)
    step = make_step(-torch.ones(4000, 1, 1, 1), torch.ones(4000, 1, 1, 1))
    step.gan.discriminator.forward = lambda x: ((4 * x).relu().sum((1, 2, 3)), x)
    penalty = GradientPenalty(weight=2.0).discriminator_penalty(step)
    assert penalty.item() == pytest.approx(2 * (9 + 1) / 2, rel=0.05)


def test_a_wasserstein_distance_may_rely_on_it(make_gan, fit):
    fit(make_gan(loss={"wasserstein": Wasserstein()}, tricks={"gradient_penalty": GradientPenalty()}))
