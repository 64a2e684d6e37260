"""Warning signals where the networks are so simple that every sign is known."""

import math
from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from torch import nn

from src.evaluation.gan_diagnostics import warning_signals
from src.gan.interfaces import DiscriminatorNetwork, GeneratorNetwork
from src.gan.tricks import MinibatchStddev, Packing


class Affine(GeneratorNetwork):
    """G(z) = a z + b, one pixel."""

    z = 1

    def __init__(self, shape, a=0.5, b=0.0):
        super().__init__()
        self.a, self.b = nn.Parameter(torch.tensor(a)), nn.Parameter(torch.tensor(b))

    def forward(self, z_BZ):
        return (self.a * z_BZ + self.b).view(-1, 1, 1, 1)


class Slope(DiscriminatorNetwork):
    """D(x) = w x, whose feature is x."""

    def __init__(self, shape, w=2.0):
        super().__init__()
        self.w = nn.Parameter(torch.tensor(w))

    def forward(self, images_BCHW):
        features_BF = images_BCHW.flatten(1)
        return self.w * features_BF.squeeze(1), features_BF


@pytest.fixture
def gan_of(make_gan):
    def make(a: float, b: float, w: float):
        return make_gan(generator=lambda shape: Affine(shape, a, b), discriminator=lambda shape: Slope(shape, w))

    return make


def test_signals_of_a_collapsed_generator(gan_of):
    """All fakes are −1, real images are 1 or 3, D(x) = 2x."""
    real = torch.tensor([1.0, 3.0]).repeat(50).view(-1, 1, 1, 1)
    signals = warning_signals(gan_of(0.0, -1.0, 2.0), real, 100)
    assert signals["logit_gap"] == pytest.approx(2 * 2 - 2 * -1)
    assert signals["discriminator_accuracy"] == 1
    assert signals["feature_variance"] == 0
    sure = torch.tensor(-2.0).sigmoid().item()  # D's probability that a fake is real
    by_noise = -2 * (1 - sure)  # derivative of softplus(−D) by the fake
    # With respect to b the gradient is that, with respect to a it is that times the mean of the noise, which is random.
    assert signals["generator_gradient"] >= abs(by_noise) * (1 - 1e-5)
    assert signals["generator_gradient"] == pytest.approx(abs(by_noise), rel=0.1)
    real_part = -(torch.tensor([1.0, 3.0]) * (1 - torch.tensor([2.0, 6.0]).sigmoid())).mean().item()
    assert signals["discriminator_gradient"] == pytest.approx(abs(real_part + sure * -1), rel=1e-4)


def test_signals_of_a_healthy_generator(gan_of):
    """Fakes are spread like the real images, and D knows nothing."""
    torch.manual_seed(0)
    signals = warning_signals(gan_of(0.5, 0.0, 0.1), 0.5 * torch.randn(4000, 1, 1, 1), 1000)
    assert signals["logit_gap"] == pytest.approx(0, abs=0.01)
    assert signals["discriminator_accuracy"] == pytest.approx(0.5, abs=0.02)
    assert signals["feature_variance"] == pytest.approx(1, abs=0.1)


def test_nothing_is_learnt_from_looking(make_gan):
    gan = make_gan().train()
    before, passes = deepcopy(gan.state_dict()), gan.discriminator_passes
    warning_signals(gan, torch.randn(16, 1, 8, 8), 8)
    assert all(torch.equal(before[name], tensor) for name, tensor in gan.state_dict().items())
    assert gan.discriminator_passes == passes
    assert gan.generator.training
    assert all(weight.grad is None for weight in gan.parameters())


def test_a_discriminator_that_says_nothing_guesses(gan_of):
    signals = warning_signals(gan_of(0.5, 0.0, 0.0), torch.randn(64, 1, 1, 1), 16)
    assert signals["discriminator_accuracy"] == 0.5
    assert signals["logit_gap"] == 0


def test_batches_are_those_of_training(make_gan):
    """Packs of two make no sense of an odd number of images; the group of the deviation is a part of the batch."""
    gan = make_gan(tricks={"packing": Packing(m=2), "stddev": MinibatchStddev(group=4)})
    signals = warning_signals(gan, torch.randn(48, 1, 8, 8), 16)
    assert all(math.isfinite(value) for value in signals.values())


def test_signals_are_means_over_the_batches(gan_of):
    """Real images are 1 in one batch and 3 in the other, all fakes are −1, D(x) = 2x."""
    real = torch.tensor([1.0, 3.0]).repeat_interleave(10).view(-1, 1, 1, 1)
    signals = warning_signals(gan_of(0.0, -1.0, 2.0), real, 10)
    assert signals["logit_gap"] == pytest.approx((4 + 8) / 2)


class Sums(DiscriminatorNetwork):
    """D(x) = Σ w_c x̄_c of the channels' mean pixels."""

    def __init__(self, shape, weights):
        super().__init__()
        self.weight_C = nn.Parameter(torch.tensor(weights))

    def forward(self, images_BCHW):
        features_BC = images_BCHW.mean((2, 3))
        return features_BC @ self.weight_C, features_BC


@pytest.mark.parametrize(
    ("weights", "balance"), [((1.0, -1.0), 1), ((3.0, 1.0), 0.2), ((2.0, 0.0), 0), ((2.0, 1.0, 1.0), 0.5)]
)
def test_regard_for_each_channel(make_gan, spec, weights, balance):
    """The squared gradients of the channels are as the squares of their weights."""
    spec = replace(spec, shape=(len(weights), *spec.shape[1:]))
    gan = make_gan(spec=spec, discriminator=lambda shape: Sums(shape, weights))
    signals = warning_signals(gan, torch.randn(32, *spec.shape), 16)
    assert signals["channel_balance"] == pytest.approx(balance)
    assert "channel_balance" not in warning_signals(make_gan(), torch.randn(16, 1, 8, 8), 8)
