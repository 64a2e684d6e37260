"""Convolutional networks of a VAE: sizes, channels, and that neighbours in an image are neighbours to them."""

from dataclasses import replace
from functools import partial

import pytest
import torch

from src.vae.convolutional import Convolutional, ConvolutionalEncoder
from src.vae.likelihoods import Bernoulli, LogisticMixture
from tests.coloured import shapes


@pytest.mark.parametrize("likelihood", [Bernoulli, LogisticMixture])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [28, 32, 64])
def test_every_size(make_vae, bar_spec, likelihood, channels: int, size: int):
    spec = replace(bar_spec, shape=(channels, size, size), levels=255, colour=channels == 3)
    networks = {"encoder": partial(ConvolutionalEncoder, width=4), "decoder": partial(Convolutional, width=4)}
    vae = make_vae(spec=spec, likelihood=likelihood, **networks)
    images_BCHW = shapes(4, size, seed=0).images[:, :channels]
    vae.objective(vae.to_cells(images_BCHW))["loss"].backward()
    assert all(weight.grad.isfinite().all() for weight in vae.parameters())
    assert vae.sample(3, seed=0).shape == (3, channels, size, size)


def test_few_weights_where_a_perceptron_has_millions(make_vae, bar_spec):
    spec = replace(bar_spec, shape=(3, 64, 64), levels=255, colour=True)
    vae = make_vae(spec=spec, likelihood=LogisticMixture, encoder=ConvolutionalEncoder, decoder=Convolutional)
    assert sum(weight.numel() for weight in vae.parameters()) < 3_500_000


def test_a_pixel_reaches_its_neighbourhood_of_every_channel(bar_spec):
    """The cells of a row are its channels side by side: the encoder's first map must not mix them up."""
    encoder = ConvolutionalEncoder((16, 48), image_channels=3, width=4).eval()
    seen = []
    encoder.body[0].register_forward_hook(lambda layer, inputs, output: seen.append(inputs[0]))
    images_BCHW = torch.rand(2, 3, 16, 16)
    encoder(images_BCHW.transpose(1, 2).flatten(2))
    torch.testing.assert_close(seen[0], 2 * images_BCHW - 1)


def test_parameters_lie_where_the_likelihood_expects_them():
    """A decoder whose last layer is the identity of its channels: image c's parameter p is c · P + p."""
    likelihood = LogisticMixture(levels=255, components=2)
    decoder = Convolutional(5, (8, 24), image_channels=3, likelihood=likelihood, width=4)
    images = []
    decoder.network.network.register_forward_hook(lambda layer, inputs, output: images.append(output))
    parameters_BTX = decoder(torch.randn(7, 2, 5), torch.zeros(0))
    assert parameters_BTX.shape == (7, 2, 8, 24 * 6)
    row, channel, column, parameter = 3, 1, 5, 4
    found = parameters_BTX[4, 1, row].view(24, 6)[channel * 8 + column, parameter]
    assert torch.equal(found, images[0].view(7, 2, 18, 8, 8)[4, 1, channel * 6 + parameter, row, column])


def test_it_learns(make_vae, bar_spec, fit_vae):
    spec = replace(bar_spec, shape=(3, 16, 16), levels=255, colour=True)
    vae = make_vae(spec=spec, likelihood=LogisticMixture, encoder=ConvolutionalEncoder, decoder=Convolutional)
    images = shapes(64, 16, seed=0).images
    before = vae.objective(vae.to_cells(images))["reconstruction"].mean().item()
    fit_vae(vae, num_batches=40, images=images)
    assert vae.objective(vae.to_cells(images))["reconstruction"].mean().item() < 0.9 * before


def test_an_autoregressive_decoder_of_many_cells_is_warned_of(make_vae, bar_spec, caplog):
    make_vae(spec=replace(bar_spec, shape=(3, 32, 32), levels=255, colour=True))
    assert "draws the 3,072 cells of a sample one after another" in caplog.text
