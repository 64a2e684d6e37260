"""What holds for several losses, or for all."""

import pytest
import torch

from src.gan.interfaces import ScoredImages, Step
from src.gan.losses import (
    KL,
    FeatureMatching,
    Hinge,
    LeastSquares,
    Minimax,
    Relativistic,
    RelativisticAverage,
    Standard,
    Wasserstein,
)
from tests.gan.test_losses import FAKE, REAL, both_sides, step_of


@pytest.mark.parametrize("loss", [Relativistic(), RelativisticAverage()])
def test_relativistic_losses_do_not_see_a_common_shift(loss):
    shifted = both_sides(loss, [r + 7 for r in REAL], [f + 7 for f in FAKE])
    for one, other in zip(both_sides(loss)[:2], shifted[:2], strict=True):
        assert one.item() == pytest.approx(other.item(), rel=1e-5)


@pytest.mark.parametrize("loss", [KL(), Minimax(), Hinge(), Relativistic(), RelativisticAverage()])
def test_other_losses_stay_finite_at_huge_logits(loss):
    discriminator, generator, real, fake = both_sides(loss, [-1e4, 1e4], [1e4, -1e4])
    assert discriminator.isfinite()
    assert generator.isfinite()
    for gradient in torch.autograd.grad(discriminator + generator, (real, fake)):
        assert gradient.isfinite().all()


ALL = [
    KL(),
    FeatureMatching(),
    Hinge(),
    LeastSquares(),
    Minimax(),
    Relativistic(),
    RelativisticAverage(),
    Standard(),
    Wasserstein(),
]


@pytest.mark.parametrize("loss", ALL)
def test_leading_axes_stay_free(loss):
    """Several runs at once: a loss of [S, B] logits has S entries, each as if it were alone."""
    real, fake = torch.randn(3, 7), torch.randn(3, 7)
    real_features, fake_features = torch.randn(3, 7, 5), torch.randn(3, 7, 5)
    together = step_of(real, fake, real_features, fake_features)
    alone = [step_of(real[s], fake[s], real_features[s], fake_features[s]) for s in range(3)]
    for side in (loss.discriminator, loss.generator):
        assert side(together).shape == (3,)
        torch.testing.assert_close(side(together), torch.stack([side(step) for step in alone]))


COMPARE = (FeatureMatching, Relativistic, RelativisticAverage)


@pytest.mark.parametrize("loss", ALL)
def test_the_generator_gets_real_images_only_if_it_must(loss):
    """What a loss declares is what it uses."""
    images, logits = torch.randn(2, 1, 3, 3), torch.randn(2)
    scored = ScoredImages(images, None, logits, images.flatten(1))
    assert loss.generator_needs_real == isinstance(loss, COMPARE)
    assert loss.generator(Step(None, scored, scored)).isfinite()
    if loss.generator_needs_real:
        with pytest.raises(ValueError, match="set generator_needs_real"):
            loss.generator(Step(None, None, scored))
    else:
        assert loss.generator(Step(None, None, scored)).isfinite()
