import math
from types import SimpleNamespace

import pytest
import torch

from src.gan.losses import FeatureMatching, Standard
from src.gan.step import Judged, Step


def step_of(real_logits=None, fake_logits=None, real_features=None, fake_features=None) -> SimpleNamespace:
    return SimpleNamespace(
        real=SimpleNamespace(logits_B=real_logits, features_BF=real_features),
        fake=SimpleNamespace(logits_B=fake_logits, features_BF=fake_features),
    )


def sigmoid(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))


def test_standard_is_the_cross_entropy_of_telling_real_from_fake():
    real, fake = [2.0, -1.0, 0.5], [0.3, -3.0, 1.0]
    step = step_of(torch.tensor(real), torch.tensor(fake))
    expected = -sum(math.log(sigmoid(x)) for x in real) / 3 - sum(math.log(1 - sigmoid(x)) for x in fake) / 3
    assert Standard().discriminator(step).item() == pytest.approx(expected, rel=1e-6)


def test_standard_at_zero_logits():
    step = step_of(torch.zeros(5), torch.zeros(5))
    assert Standard().discriminator(step).item() == pytest.approx(2 * math.log(2))
    assert Standard().generator(step).item() == pytest.approx(math.log(2))


def test_standard_generator_does_not_saturate():
    """−log D(G(z)): the gradient is −(1 − D), near −1 where the discriminator is sure; log(1 − D) would give 0."""
    logits = torch.tensor([-8.0, 0.0, 8.0], requires_grad=True)
    loss = Standard().generator(step_of(fake_logits=logits))
    assert loss.item() == pytest.approx(-sum(math.log(sigmoid(x)) for x in (-8.0, 0.0, 8.0)) / 3, rel=1e-6)
    (gradient,) = torch.autograd.grad(loss, logits)
    expected = [-(1 - sigmoid(x)) / 3 for x in (-8.0, 0.0, 8.0)]
    torch.testing.assert_close(gradient, torch.tensor(expected))


def test_standard_stays_finite_at_huge_logits():
    logits = torch.tensor([-1e4, 1e4], requires_grad=True)
    loss = Standard().discriminator(step_of(logits, logits)) + Standard().generator(step_of(fake_logits=logits))
    (gradient,) = torch.autograd.grad(loss, logits)
    assert loss.isfinite()
    assert gradient.isfinite().all()


def test_feature_matching_is_the_squared_distance_of_mean_features():
    real = torch.tensor([[1.0, 2.0], [3.0, 6.0]])  # mean 2, 4
    fake = torch.tensor([[0.0, 1.0], [1.0, 1.0], [2.0, 4.0]])  # mean 1, 2
    loss = FeatureMatching().generator(step_of(real_features=real, fake_features=fake))
    assert loss.item() == pytest.approx(1**2 + 2**2)


def test_feature_matching_gradients():
    real = torch.randn(6, 3, requires_grad=True)
    fake = torch.randn(4, 3, requires_grad=True)
    FeatureMatching().generator(step_of(real_features=real, fake_features=fake)).backward()
    assert real.grad is None
    gap = (fake.mean(0) - real.mean(0)).detach()
    torch.testing.assert_close(fake.grad, (2 * gap / 4).expand(4, 3))


def test_feature_matching_keeps_the_standard_discriminator():
    step = step_of(torch.randn(5), torch.randn(5))
    assert torch.equal(FeatureMatching().discriminator(step), Standard().discriminator(step))


@pytest.mark.parametrize("loss", [Standard(), FeatureMatching()])
def test_leading_axes_stay_free(loss):
    """Several runs at once: a loss of [S, B] logits has S entries, each as if it were alone."""
    real, fake = torch.randn(3, 7), torch.randn(3, 7)
    real_features, fake_features = torch.randn(3, 7, 5), torch.randn(3, 7, 5)
    together = step_of(real, fake, real_features, fake_features)
    alone = [step_of(real[s], fake[s], real_features[s], fake_features[s]) for s in range(3)]
    for side in (loss.discriminator, loss.generator):
        assert side(together).shape == (3,)
        torch.testing.assert_close(side(together), torch.stack([side(step) for step in alone]))


class Counting:
    """A discriminator that counts how often it is asked."""

    def __init__(self):
        self.calls = 0

    def __call__(self, images):
        self.calls += 1
        return images.sum((1, 2, 3)), images.flatten(1)


@pytest.mark.parametrize(("loss", "looks_at_real"), [(Standard(), 0), (FeatureMatching(), 1)])
def test_generator_looks_at_real_images_only_if_it_must(loss, looks_at_real):
    on_real, on_fake = Counting(), Counting()
    real, fake = torch.randn(2, 1, 3, 3), torch.randn(2, 1, 3, 3)
    step = Step(None, Judged(real, None, lambda: on_real(real)), Judged(fake, None, lambda: on_fake(fake)))
    assert (on_real.calls, on_fake.calls) == (0, 0)
    loss.generator(step)
    assert (on_real.calls, on_fake.calls) == (looks_at_real, 1)


def test_images_are_judged_once():
    discriminator = Counting()
    images = torch.randn(2, 1, 3, 3)
    judged = Judged(images, None, lambda: discriminator(images))
    assert judged.logits_B.shape == (2,)
    assert judged.features_BF.shape == (2, 9)
    assert judged.logits_B is judged.logits_B
    assert discriminator.calls == 1
