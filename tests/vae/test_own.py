"""Encoders and decoders of one's own: what they may take and return, and what is refused."""

from functools import partial

import pytest
import torch
from torch import nn

from src.vae.decoders import Parallel
from src.vae.likelihoods import Bernoulli, LogisticMixture
from src.vae.networks import Encoder
from src.vae.own import make_decoder, make_encoder

SHAPE = (4, 6)


class Convolutional(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Unflatten(1, (1, 4)), nn.Conv2d(1, 3, 2))


class Images(nn.Sequential):
    """Parameters of images [B, channels, 4, 3]."""

    def __init__(self, num_latents, channels=2):
        super().__init__(nn.Linear(num_latents, 12 * channels), nn.Unflatten(1, (channels, 4, 3)))


def test_features_of_any_shape_are_counted():
    encoder = make_encoder(partial(Convolutional, width=256, dropout=0.3), SHAPE)
    assert encoder.num_features == 3 * 3 * 5
    assert encoder(torch.zeros(7, *SHAPE)).shape == (7, 45)


def test_channels_lie_side_by_side_in_a_row_and_latents_may_have_more_axes():
    decoder = make_decoder(partial(Images, cell_width=4), 5, SHAPE, Bernoulli(255))
    latents = torch.randn(2, 3, 5)
    logits = decoder(latents, torch.zeros(3, *SHAPE))
    assert logits.shape == (2, 3, *SHAPE)
    own = decoder.network.network(latents[1])
    assert torch.allclose(logits[1, :, :, 3:], own[:, 1])
    cells, probability = decoder.generate(latents[0], torch.full((3, *SHAPE), 0.5))
    assert torch.equal(cells, (logits[0] > 0).float())
    assert torch.allclose(probability, logits[0].sigmoid())


def test_the_parameters_of_a_cell_are_channels_of_an_image():
    """The first of two channels has the first P of them."""
    likelihood = LogisticMixture(255, components=2)
    decoder = make_decoder(partial(Images, channels=12), 5, SHAPE, likelihood)
    latents = torch.randn(3, 5)
    own = decoder.network.network(latents)
    parameters = decoder(latents, torch.zeros(3, *SHAPE)).unflatten(-1, (2, 3, 6))
    assert torch.allclose(parameters[1, 2, 1, 0], own[1, 6:, 2, 0])
    assert torch.allclose(parameters[2, 3, 0, 2], own[2, :6, 3, 2])


def test_networks_of_this_project_are_as_before():
    assert type(make_encoder(partial(Encoder, width=4), SHAPE)) is Encoder
    decoder = partial(Parallel, width=4, depth=1, dropout=0.0)
    assert type(make_decoder(decoder, 5, SHAPE, Bernoulli(1))) is Parallel


def test_what_makes_no_features_or_logits_is_refused():
    with pytest.raises(ValueError, match=r"vae.encoder._target_=.*does not pass"):
        make_encoder(partial(nn.Linear, in_features=5, out_features=5), SHAPE)
    with pytest.raises(ValueError, match=r"makes \[2, 2, 4, 3\], and not \[2, 4, 5\]"):
        make_decoder(Images, 5, (4, 5), Bernoulli(1))
