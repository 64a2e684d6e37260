import pytest
import torch
from torch import nn

from src.gan.tricks import R1, R2


def linear(images_BCHW):
    """D(x) = w·x + b with w = 0, 1, 2, …"""
    weight = torch.arange(float(images_BCHW[0].numel()))
    return images_BCHW.flatten(-3) @ weight + 0.7, images_BCHW.flatten(-3)


@pytest.fixture
def penalty(make_step):
    """Of R1 on these images, or of R2 where they are the generated ones; the other images are their negatives."""

    def term(trick, discriminator, images):
        kinds = [images.requires_grad_(), -images.detach()]
        return trick.discriminator_penalty(make_step(*(kinds if isinstance(trick, R1) else kinds[::-1]), discriminator))

    return term


both = pytest.mark.parametrize("penalise", [R1, R2])


@pytest.mark.parametrize("gamma", [1.0, 0.3, 10.0])
@both
def test_a_linear_discriminator(penalty, penalise, gamma):
    """γ/2 |w|², whatever the images."""
    term = penalty(penalise(gamma), linear, torch.randn(6, 2, 3, 2))
    assert term.item() == pytest.approx(gamma / 2 * sum(i**2 for i in range(12)), rel=1e-5)


@both
def test_a_quadratic_discriminator(penalty, penalise):
    """D(x) = Σ x²/2 has the gradient x: the penalty is γ/2 times the mean |x|² of its own kind of images."""
    images = torch.tensor([[1.0, 2.0], [3.0, 0.0], [0.0, 0.0]]).view(3, 1, 1, 2)
    term = penalty(penalise(gamma=4.0), lambda x: (x.square().sum((1, 2, 3)) / 2, x), images)
    assert term.item() == pytest.approx(4 / 2 * (5 + 9 + 0) / 3)


@both
def test_channel_max_all_channels_cost_as_much_as_the_steepest(penalty, penalise):
    """D(x) = Σ w x with |w|² of 14 in the first channel and 126 in the second: twice the second's, not their sum."""
    slopes = torch.tensor([1.0, 2.0, 3.0, 3.0, 6.0, 9.0]).view(2, 3, 1)
    term = penalty(penalise(4.0, channel_max=True), lambda x: ((x * slopes).sum((1, 2, 3)), x), torch.randn(5, 2, 3, 1))
    assert term.item() == pytest.approx(4 / 2 * 2 * 126)


@both
def test_channel_max_over_the_batch_not_image_by_image(penalty, penalise):
    """One image is steep in the first channel, the other in the second: on average both are equally steep."""
    images = torch.tensor([[3.0, 1.0], [1.0, 3.0]]).view(2, 2, 1, 1)

    def quadratic(x):
        return x.square().sum((1, 2, 3)) / 2, x

    terms = [
        penalty(penalise(channel_max=channel_max), quadratic, images.clone()).item() for channel_max in (False, True)
    ]
    assert terms == pytest.approx([(9 + 1) / 2, 2 * (9 + 1) / 2 / 2])


@both
@pytest.mark.parametrize("channel_max", [False, True])
def test_leading_axes_stay_free(penalty, penalise, channel_max):
    images = torch.randn(3, 5, 2, 2, 2)

    def cubic(x):
        return x.pow(3).sum((-3, -2, -1)), x

    together = penalty(penalise(channel_max=channel_max), cubic, images.clone())
    alone = torch.stack([penalty(penalise(channel_max=channel_max), cubic, image.clone()) for image in images])
    assert together.shape == (3,)
    torch.testing.assert_close(together, alone)


@both
def test_the_discriminator_gets_a_gradient(penalty, penalise):
    """By hand: D(x) = a x has the penalty γ/2 a², and so the gradient γ a."""
    slope = nn.Parameter(torch.tensor(3.0))
    term = penalty(penalise(gamma=2.0), lambda x: ((slope * x).sum((1, 2, 3)), x), torch.randn(4, 1, 1, 1))
    term.backward()
    assert slope.grad.item() == pytest.approx(2 * 3.0)


@both
def test_it_is_no_term_of_the_generator(make_gan, make_step, penalise):
    gan = make_gan(tricks={"penalty": penalise()})
    real, fake = torch.randn(4, 1, 8, 8), gan.generate(gan.noise(4)).detach()
    step = make_step(real.requires_grad_(), fake.requires_grad_(), gan=gan)
    assert gan.tricks["penalty"].generator_penalty(step) == 0
    gan.tricks["penalty"].discriminator_penalty(step).backward()
    assert all(weight.grad is None for weight in gan.generator.parameters())
    assert gan.discriminator.body[0].weight.grad.abs().sum() > 0


@both
def test_channel_max_needs_several_channels(make_gan, penalise):
    name = penalise.__name__.lower()
    with pytest.raises(ValueError, match=f"gan.tricks.{name}.channel_max=true needs several characters per image"):
        make_gan(tricks={name: penalise(channel_max=True)})
