"""What gradient_penalty and dragan have in common: (‖∇D‖ − 1)², on discriminators with known slopes."""

import math
from functools import partial

import pytest
import torch
from torch import nn

from src.gan.networks.dcgan import Discriminator
from src.gan.tricks import Dragan, GradientPenalty

both = pytest.mark.parametrize("penalise", [GradientPenalty, Dragan])


@pytest.fixture
def facing(make_gan, make_step):
    """A step on these images, normal ones where only their shape is given, in front of this discriminator."""

    def make(discriminator, *shape, images=None):
        gan = make_gan()
        gan.discriminator.forward = discriminator
        kinds = [torch.randn(shape), torch.randn(shape)] if images is None else [images, images]
        return make_step(*kinds, gan=gan)

    return make


def linear(slope):
    """D(x) = w·x + b, where w has this norm."""

    def discriminator(images_BCHW):
        flat = images_BCHW.flatten(-3)
        direction = torch.arange(1.0, flat.shape[-1] + 1)
        return flat @ (slope * direction / direction.norm()) + 0.7, flat

    return discriminator


def cubic(images_BCHW):
    return images_BCHW.pow(3).sum((-3, -2, -1)), images_BCHW


@pytest.mark.parametrize("slope", [0.0, 0.25, 1.0, 3.0])
@both
def test_a_linear_discriminator(facing, penalise, slope):
    """λ (|w| − 1)², whatever the images: a slope of 1 is free, one below it is not."""
    penalty = penalise(weight=4.0).discriminator_penalty(facing(linear(slope), 6, 2, 3, 2))
    assert penalty.item() == pytest.approx(4 * (slope - 1) ** 2, abs=1e-5)


@both
def test_the_papers_weight(facing, penalise):
    assert penalise().discriminator_penalty(facing(linear(3.0), 6, 2, 3, 2)).item() == pytest.approx(10 * 4, rel=1e-5)


@both
def test_slopes_are_squared_one_by_one(facing, penalise):
    """Images far apart with slopes of 1/2 and 2 cost (1/4 + 1)/2: neither means nor norms of the batch do."""
    images = torch.tensor([0.0, 100.0]).view(2, 1, 1, 1).expand(2, 1, 2, 2)
    slope_B = torch.tensor([0.5, 2.0])

    def discriminator(images_BCHW):
        """The mean over 4 pixels has a slope of 1/2."""
        return 2 * slope_B * images_BCHW.mean((1, 2, 3)), images_BCHW

    penalty = penalise(1.0).discriminator_penalty(facing(discriminator, images=images))
    assert penalty.item() == pytest.approx((0.25 + 1) / 2)


@both
def test_the_discriminator_gets_a_gradient(facing, penalise):
    """By hand: D(x) = a x has the penalty λ (|a| − 1)², and so the gradient 2 λ (a − 1)."""
    slope = nn.Parameter(torch.tensor(3.0))
    step = facing(lambda x: ((slope * x).sum((1, 2, 3)), x), 4, 1, 1, 1)
    penalise(weight=5.0).discriminator_penalty(step).backward()
    assert slope.grad.item() == pytest.approx(2 * 5 * (3 - 1))


@both
def test_a_flat_discriminator_gives_no_nan(facing, penalise):
    """The norm has no derivative at 0."""
    slope = nn.Parameter(torch.tensor(0.0))
    penalty = penalise().discriminator_penalty(facing(lambda x: ((slope * x).sum((1, 2, 3)), x), 4, 1, 2, 2))
    penalty.backward()
    assert penalty.item() == 10
    assert slope.grad.isfinite()


@both
def test_leading_axes_stay_free(facing, penalise):
    """Several runs at once: each gets the penalty of its own images, drawn for itself."""
    step = facing(cubic, 3, 5, 1, 2, 2)
    torch.manual_seed(0)
    together = penalise(1.0).discriminator_penalty(step)
    torch.manual_seed(0)
    gradients = 3 * penalise(1.0).places(step).square()
    expected = [(math.dist(one.flatten(), torch.zeros(4)) - 1) ** 2 for run in gradients for one in run]
    torch.testing.assert_close(together, torch.tensor(expected).view(3, 5).mean(1))


@both
def test_it_counts_two_passes_and_leaves_the_generator_alone(make_gan, make_step, penalise):
    gan = make_gan(tricks={"penalty": penalise()})
    step = make_step(torch.randn(4, 1, 8, 8), gan.generate(gan.noise(4)), gan=gan)
    gan.tricks["penalty"].discriminator_penalty(step).backward()
    assert gan.discriminator_passes == 2 + 2
    assert all(weight.grad is None for weight in gan.generator.parameters())
    assert gan.discriminator.body[0].weight.grad.abs().sum() > 0
    assert gan.tricks["penalty"].generator_penalty(step) == 0


@both
def test_norms_are_taken_in_full_precision(make_gan, make_step, penalise):
    """Under autocast a generator's images are of half precision, unlike real ones."""
    gan = make_gan(tricks={"penalty": penalise()})
    with torch.autocast("cpu", torch.bfloat16):
        step = make_step(torch.randn(4, 1, 8, 8), torch.randn(4, 1, 8, 8).bfloat16(), gan=gan)
        penalty = gan.tricks["penalty"].discriminator_penalty(step)
    assert penalty.dtype == torch.float32
    assert penalty.isfinite()


@both
def test_batch_norm_is_refused(make_gan, penalise):
    batch_norm = partial(Discriminator, width=4, norm="batch")
    with pytest.raises(ValueError, match=r"gan\.tricks=penalty .* choose gan\.discriminator\.norm=none, layer"):
        make_gan(discriminator=batch_norm, tricks={"penalty": penalise()})
