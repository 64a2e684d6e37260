import math
from types import SimpleNamespace

import pytest
import torch

from src.gan.losses import (
    FeatureMatching,
    Hinge,
    LeastSquares,
    Minimax,
    RawLogit,
    Relativistic,
    RelativisticAverage,
    Standard,
    Wasserstein,
)


def step_of(real_logits=None, fake_logits=None, real_features=None, fake_features=None) -> SimpleNamespace:
    return SimpleNamespace(
        real=SimpleNamespace(logits_B=real_logits, features_BF=real_features),
        fake=SimpleNamespace(logits_B=fake_logits, features_BF=fake_features),
    )


def sigmoid(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))


def test_standard_is_the_cross_entropy_of_real_and_fake():
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


def test_feature_matching_averages_bf16_features_in_full_precision():
    """In bf16 the means of 1, 1 and 1.01, and of 1, 1 and 1, are the same number."""
    real, fake = torch.ones(3, 1), torch.tensor([[1.0], [1.0], [1.01]])
    loss = FeatureMatching().generator(step_of(real_features=real.bfloat16(), fake_features=fake.bfloat16()))
    assert loss.item() == pytest.approx((fake.bfloat16().float().mean().item() - 1) ** 2, rel=1e-4)
    assert loss > 0


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


REAL, FAKE = [2.0, -1.0, 0.5], [0.3, -3.0, 1.0]


def mean(values) -> float:
    values = list(values)
    return math.fsum(values) / len(values)


def cross_entropy(logit: float, target: int) -> float:
    return -math.log(sigmoid(logit) if target else 1 - sigmoid(logit))


def both_sides(loss, real=REAL, fake=FAKE):
    """The losses of discriminator and generator, and the logits that they are of."""
    logits = torch.tensor(real, requires_grad=True), torch.tensor(fake, requires_grad=True)
    step = step_of(*logits)
    return loss.discriminator(step), loss.generator(step), *logits


def slopes(loss, *logits) -> list[list[float]]:
    return [gradient.tolist() for gradient in torch.autograd.grad(loss, logits, retain_graph=True)]


def test_the_raw_logit_has_the_same_slope_everywhere():
    """Where the cross-entropy of the standard loss flattens for fakes that pass as real."""
    discriminator, generator, _, fake = both_sides(RawLogit(), fake=[-8.0, 0.0, 8.0])
    assert slopes(generator, fake) == [pytest.approx([-1 / 3] * 3)]
    assert discriminator.item() == both_sides(Standard(), fake=[-8.0, 0.0, 8.0])[0].item()


def test_minimax_is_a_game_of_zero_sum():
    """The generator minimises E log(1 − D(G(z))), the part of minus the discriminator's loss that it can change."""
    discriminator, generator, _, _ = both_sides(Minimax())
    assert generator.item() == pytest.approx(mean(math.log(1 - sigmoid(f)) for f in FAKE), rel=1e-6)
    assert discriminator.item() == pytest.approx(
        mean(cross_entropy(r, 1) for r in REAL) + mean(cross_entropy(f, 0) for f in FAKE), rel=1e-6
    )


def test_minimax_saturates_where_the_discriminator_is_sure():
    """The slope is −D(G(z)): as good as none at a logit of −8, where the standard loss has almost −1."""
    _, generator, _, fake = both_sides(Minimax(), fake=[-8.0, 0.0, 8.0])
    (gradient,) = slopes(generator, fake)
    assert gradient == pytest.approx([-sigmoid(x) / 3 for x in (-8.0, 0.0, 8.0)], rel=1e-5)
    assert abs(gradient[0]) < 2e-4


def test_least_squares_by_hand():
    """((2−1)² + (−1−1)² + (½−1)²)/6 = 5.25/6 and (0.09 + 9 + 1)/6 = 10.09/6; the generator's (0.49 + 16 + 0)/6."""
    discriminator, generator, _, _ = both_sides(LeastSquares())
    assert discriminator.item() == pytest.approx((5.25 + 10.09) / 6)
    assert generator.item() == pytest.approx(16.49 / 6)


def test_least_squares_still_pulls_from_far_beyond():
    """The slope grows with the distance from the target 1, on either side of it."""
    discriminator, generator, real, fake = both_sides(LeastSquares(), [1.0, 5.0], [1.0, 8.0])
    assert slopes(generator, fake) == [pytest.approx([0, 7 / 2])]
    assert slopes(discriminator, real, fake) == [pytest.approx([0, 4 / 2]), pytest.approx([1 / 2, 8 / 2])]


def test_hinge_by_hand():
    """Real: 0 + 2 + ½; fake: 1.3 + 0 + 2; the generator: −(0.3 − 3 + 1)."""
    discriminator, generator, _, _ = both_sides(Hinge())
    assert discriminator.item() == pytest.approx((2.5 + 3.3) / 3)
    assert generator.item() == pytest.approx(1.7 / 3)


def test_hinge_rests_beyond_the_margin():
    discriminator, generator, real, fake = both_sides(Hinge(), [0.9, 1.1], [-0.9, -1.1])
    assert slopes(discriminator, real, fake) == [[-0.5, 0], [0.5, 0]]
    assert slopes(generator, fake) == [[-0.5, -0.5]]


def test_wasserstein_by_hand():
    """Means of 0.5 and −1.7/3: the critic's loss is minus their distance."""
    discriminator, generator, real, fake = both_sides(Wasserstein())
    assert discriminator.item() == pytest.approx(-1.7 / 3 - 0.5)
    assert generator.item() == pytest.approx(1.7 / 3)
    third = pytest.approx([1 / 3] * 3)
    minus_third = pytest.approx([-1 / 3] * 3)
    assert slopes(discriminator, real, fake) == [minus_third, third]
    assert slopes(generator, fake) == [minus_third]


def test_relativistic_compares_image_by_image():
    discriminator, generator, _, _ = both_sides(Relativistic())
    pairs = list(zip(REAL, FAKE, strict=True))
    assert discriminator.item() == pytest.approx(mean(cross_entropy(r - f, 1) for r, f in pairs), rel=1e-6)
    assert generator.item() == pytest.approx(mean(cross_entropy(f - r, 1) for r, f in pairs), rel=1e-6)


def test_relativistic_slopes_depend_on_the_gap_alone():
    """σ(fake − real) for the discriminator's; a generator with the upper hand at a pair of images rests there."""
    discriminator, generator, real, fake = both_sides(Relativistic(), [100.0, -9.0], [97.0, 9.0])
    expected = [sigmoid(-3) / 2, sigmoid(18) / 2]
    assert slopes(discriminator, real, fake) == [
        pytest.approx([-slope for slope in expected], rel=1e-5),
        pytest.approx(expected, rel=1e-5),
    ]
    (gradient,) = slopes(generator, fake)
    assert gradient == pytest.approx([-sigmoid(3) / 2, -sigmoid(-18) / 2], rel=1e-5)


def test_relativistic_average_compares_with_the_mean_of_the_other_kind():
    discriminator, generator, _, _ = both_sides(RelativisticAverage())
    real, fake = [r - mean(FAKE) for r in REAL], [f - mean(REAL) for f in FAKE]
    assert discriminator.item() == pytest.approx(
        (mean(cross_entropy(r, 1) for r in real) + mean(cross_entropy(f, 0) for f in fake)) / 2, rel=1e-6
    )
    assert generator.item() == pytest.approx(
        (mean(cross_entropy(r, 0) for r in real) + mean(cross_entropy(f, 1) for f in fake)) / 2, rel=1e-6
    )


def test_relativistic_average_learns_through_the_means_as_well():
    """With equal logits x and y the loss is softplus(y − x), so all slopes together sum to ±σ(y − x)."""
    discriminator, generator, real, fake = both_sides(RelativisticAverage(), [2.0, 2.0], [1.5, 1.5])
    assert discriminator.item() == pytest.approx(math.log(1 + math.exp(-0.5)))
    half = sigmoid(-0.5) / 2
    assert slopes(discriminator, real, fake) == [pytest.approx([-half, -half]), pytest.approx([half, half])]
    assert slopes(generator, fake) == [pytest.approx([-sigmoid(0.5) / 2] * 2)]
