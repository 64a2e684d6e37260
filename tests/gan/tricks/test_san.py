import numpy as np
import pytest
import torch
from torch import nn

from src.gan.conditional import Concat, Projection
from src.gan.losses import FeatureMatching, Hinge, LeastSquares, Relativistic, Standard
from src.gan.tricks import SAN, MinibatchStddev, SpectralNorm


@pytest.fixture
def pair(make_gan, make_step):
    """The same GAN with and without it, and a step of each on the same images."""
    torch.manual_seed(3)
    images = torch.randn(2, 6, 1, 8, 8)
    gans = [make_gan(tricks=tricks) for tricks in ({}, {"san": SAN()})]
    for gan in gans:
        with torch.no_grad():
            gan.discriminator.head.bias.fill_(0.3)
            for weight in gan.discriminator.body.parameters():
                weight.mul_(5)  # of DCGAN's small ones, so that features differ
    return [(gan, make_step(*images, gan=gan)) for gan in gans]


def raw_weight(gan):
    return gan.discriminator.head.parametrizations.weight.original


def test_logits_and_their_gradient_in_the_features_are_those_without(pair):
    (plain, step), (sliced, other) = pair
    torch.testing.assert_close(step.real.logits_B, other.real.logits_B)
    for gan, each in pair:
        gan.loss.discriminator(each).backward()
    for mine, theirs in zip(sliced.discriminator.body.parameters(), plain.discriminator.body.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad)
    torch.testing.assert_close(sliced.discriminator.head.bias.grad, plain.discriminator.head.bias.grad)


def test_the_gradient_of_the_last_layer_by_hand(pair):
    """Along ω that of the loss, across ω that of E[ω·h(G(z))] − E[ω·h(x)] (with the length of w, as both have it)."""
    _, (gan, step) = pair
    (gan.loss.discriminator(step) + gan.tricks["san"].discriminator_penalty(step)).backward()
    real, fake = (each.features_BF.detach().double().numpy() for each in (step.real, step.fake))
    weight = raw_weight(gan).detach().double().numpy()[0]
    direction = weight / np.linalg.norm(weight)
    slopes = [-1 / (1 + np.exp(real @ weight + 0.3)), 1 / (1 + np.exp(-fake @ weight - 0.3))]  # of the softplus
    loss_gradient = (slopes[0] @ real + slopes[1] @ fake) / 6
    gap = fake.mean(0) - real.mean(0)
    expected = direction * (direction @ loss_gradient) + gap - direction * (direction @ gap)
    np.testing.assert_allclose(raw_weight(gan).grad[0], expected, rtol=1e-3, atol=1e-6)


def test_the_direction_term_trains_no_features(pair):
    _, (gan, step) = pair
    gan.tricks["san"].discriminator_penalty(step).backward()
    assert all(weight.grad is None for weight in gan.discriminator.body.parameters())
    assert raw_weight(gan).grad.abs().sum() > 0


def test_the_direction_turns_to_where_means_differ_most(pair):
    """Not to where a logistic regression separates best, which weighs by the features' covariance."""
    _, (gan, step) = pair
    optimizer = torch.optim.SGD([raw_weight(gan)], lr=0.2)
    gap = (step.real.features_BF - step.fake.features_BF).detach().mean(0)
    gap = gap / gap.norm()
    scale = 1 / gap.norm().item()
    for _ in range(500):
        optimizer.zero_grad()
        gan.tricks["san"].discriminator_penalty(step).backward()
        raw_weight(gan).grad.mul_(scale)
        optimizer.step()
    direction = raw_weight(gan).detach()[0]
    assert (direction @ gap / direction.norm()).item() > 0.999


@pytest.mark.parametrize("loss", [Hinge(), Relativistic(), Standard()])
@pytest.mark.parametrize("order", ["san first", "spectral_norm first", "alone"])
def test_it_trains_beside_spectral_norm_and_under_most_losses(make_gan, fit, loss, order):
    tricks = {"san": SAN(), "spectral_norm": SpectralNorm()}
    if order == "spectral_norm first":
        tricks = dict(reversed(tricks.items()))
    if order == "alone":
        del tricks["spectral_norm"]
    gan = make_gan(loss={"chosen": loss}, tricks=tricks)
    before = raw_weight(gan).detach().clone()
    fit(gan, num_batches=3)
    assert not torch.equal(raw_weight(gan), before)
    assert all(tensor.isfinite().all() for tensor in gan.state_dict().values())


@pytest.mark.parametrize(
    ("loss", "reason"), [(FeatureMatching(), "looks at all of them"), (LeastSquares(), "falls with the real logits")]
)
def test_losses_that_cannot(make_gan, loss, reason):
    with pytest.raises(ValueError, match=rf"gan\.tricks=san .*{reason}"):
        make_gan(loss={"chosen": loss}, tricks={"san": SAN()})


def test_layers_of_other_tricks_come_first(make_gan):
    make_gan(tricks={"minibatch_stddev": MinibatchStddev(), "san": SAN()})
    with pytest.raises(ValueError, match="name spectral_norm last, and san"):
        make_gan(tricks={"san": SAN(), "minibatch_stddev": MinibatchStddev()})


def test_the_last_layer_must_be_linear(make_gan):
    class Own(nn.Module):
        def __init__(self, shape):
            super().__init__()
            self.layers = nn.Sequential(nn.Flatten(), nn.Linear(64, 1))

        def forward(self, images):
            return self.layers(images)

    with pytest.raises(ValueError, match=r"gan\.tricks=san needs a discriminator whose last layer is linear"):
        make_gan(tricks={"san": SAN()}, discriminator=Own)


def test_labels_beside_the_direction_are_refused(make_gan, fit):
    with pytest.raises(ValueError, match=r"gan\.conditional=projection adds to the logit what gan\.tricks=san"):
        make_gan(tricks={"san": SAN()}, conditional=Projection(4))
    fit(make_gan(tricks={"san": SAN()}, conditional=Concat(4)))
