"""Networks of one's own in a GAN: what they may take and return, and what is refused."""

from functools import partial

import pytest
import torch
from torch import Tensor, nn

from src.gan.losses import FeatureMatching
from src.gan.networks.dcgan import Discriminator as DCGAN
from src.gan.networks.own import make_discriminator, make_generator
from src.gan.tricks import EMA, MinibatchStddev, SpectralNorm

SHAPE = (1, 8, 8)


class Generator(nn.Sequential):
    def __init__(self, shape, z=6):
        super().__init__(nn.Linear(z, 64), nn.Tanh(), nn.Unflatten(1, shape))


class Convolutional(nn.Sequential):
    """As PyTorch's DCGAN example: noise as an image of one pixel, no arguments."""

    def __init__(self):
        super().__init__(nn.ConvTranspose2d(5, 4, 4), nn.BatchNorm2d(4), nn.ConvTranspose2d(4, 1, 2, 2), nn.Tanh())


class Sequence(nn.Sequential):
    def __init__(self, shape, width=4):
        super().__init__(nn.Flatten(), nn.Linear(64 * shape[0], width), nn.LeakyReLU(), nn.Linear(width, 1))


class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.last = nn.Sequential(nn.Conv2d(1, 3, 8), nn.LeakyReLU()), nn.Conv2d(3, 1, 1)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features = self.body(images)
        return self.last(features), features


class Certain(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Flatten(), nn.Linear(64, 1), nn.Sigmoid())


def test_a_generator_gets_the_options_that_it_takes():
    generator = make_generator(partial(Generator, z=7, width=32, norm="batch"), SHAPE)
    assert generator.z == 7
    assert generator(torch.zeros(3, 7)).shape == (3, *SHAPE)


def test_noise_may_be_an_image_of_one_pixel_and_the_trial_leaves_no_trace():
    torch.manual_seed(0)
    expected = Convolutional().state_dict()
    torch.manual_seed(0)
    generator = make_generator(partial(Convolutional, z=5), SHAPE)
    for name, value in generator.network.state_dict().items():
        assert torch.equal(value, expected[name]), "batch statistics too"
    assert generator.training
    assert generator(torch.zeros(3, 5)).shape == (3, *SHAPE)


@pytest.mark.parametrize(
    ("make", "num_features"), [(partial(Sequence, features=2), 4), (Pair, 3)], ids=["layer", "pair"]
)
def test_features_reach_the_loss(make, num_features: int, make_gan, fit):
    torch.manual_seed(0)
    gan = make_gan(
        generator=Generator, discriminator=make, loss={"feature_matching": FeatureMatching()}, tricks={"ema": EMA()}
    )
    before = gan.generator.network[0].weight.clone()
    fit(gan)
    assert not torch.equal(gan.generator.network[0].weight, before)
    logits_B, features_BF = gan.discriminator(torch.zeros(5, *SHAPE))
    assert logits_B.shape == (5,)
    assert features_BF.shape == (5, num_features)


def test_a_split_sequence_computes_what_the_sequence_does():
    torch.manual_seed(0)
    whole = Sequence(SHAPE)
    torch.manual_seed(0)
    split = make_discriminator(partial(Sequence, features="2"), SHAPE)
    images = torch.randn(4, *SHAPE)
    assert torch.equal(split(images)[0], whole(images).flatten())
    assert torch.equal(split(images)[1], nn.Sequential(*list(whole)[:3])(images))


def test_tricks_that_change_layers_find_those_of_a_sequence(make_gan, fit):
    tricks = {"minibatch_stddev": MinibatchStddev(), "spectral_norm": SpectralNorm()}
    fit(make_gan(generator=Generator, discriminator=partial(Sequence, features=2), tricks=tricks))


def test_networks_of_this_project_are_as_before():
    assert type(make_discriminator(partial(DCGAN, width=4), SHAPE)) is DCGAN


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (Convolutional, "how many latent dimensions"),
        (partial(Convolutional, z=6), r"does not pass .*; gan.generator.z=6 is the number"),
        (partial(Sequence, z=64), r"makes \[2, 1\], and not images \[2, 1, 8, 8\]"),
        (partial(Generator, colour="red"), "gan.generator.colour=red: .*Generator takes no colour"),
    ],
)
def test_what_is_no_generator_is_refused(make, expected: str):
    with pytest.raises(ValueError, match=expected):
        make_generator(make, SHAPE)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (Generator, "does not pass through it"),
        (Certain, "ends in a sigmoid"),
        (nn.Identity, "not a logit of each"),
        (partial(Sequence, features=3), "choose one of the layers 0, 1, 2"),
        (partial(Pair, features="body"), "no nn.Sequential"),
    ],
)
def test_what_is_no_discriminator_is_refused(make, expected: str):
    with pytest.raises(ValueError, match=expected):
        make_discriminator(make, SHAPE)


def test_logits_alone_are_refused_where_features_are_needed(make_gan):
    with pytest.raises(ValueError, match="returns logits alone"):
        make_gan(discriminator=Sequence, loss={"feature_matching": FeatureMatching()})
    for make in (Sequence, partial(Sequence, features=1)):
        with pytest.raises(ValueError, match="linear in its features"):
            make_gan(discriminator=make, tricks={"minibatch_stddev": MinibatchStddev()})
