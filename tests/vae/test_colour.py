"""VAEs of grey and coloured images of any size, under both likelihoods."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf

from src.vae.decoders import Parallel
from src.vae.likelihoods import Bernoulli, LogisticMixture
from tests.coloured import shapes

LIKELIHOODS = Path(__file__).parents[2] / "conf" / "vae.likelihood"
PARALLEL = partial(Parallel, width=8, depth=1, dropout=0.0)


@pytest.mark.parametrize("likelihood", ["bernoulli", "logistic_mixture"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [28, 32, 64])
def test_every_size(make_vae, bar_spec, likelihood, channels, size):
    spec = replace(bar_spec, shape=(channels, size, size), levels=255, colour=channels == 3)
    options = instantiate(OmegaConf.load(LIKELIHOODS / f"{likelihood}.yaml"))
    vae = make_vae(spec=spec, likelihood=options, decoder=PARALLEL)
    images_BCHW = shapes(4, size, seed=0).images[:, :channels]
    torch.testing.assert_close(vae.to_images(vae.to_cells(images_BCHW)), images_BCHW)
    outputs = vae.objective(vae.to_cells(images_BCHW))
    outputs["loss"].backward()
    assert outputs["reconstruction"].shape == (4,)
    assert all(weight.grad is None or weight.grad.isfinite().all() for weight in vae.parameters())
    assert vae.sample(3, seed=0).shape == (3, channels, size, size)


def test_autoregressive_decoders_take_colour(make_vae, bar_spec):
    spec = replace(bar_spec, shape=(3, 6, 5), levels=255, colour=True)
    vae = make_vae(spec=spec, likelihood=LogisticMixture)
    images_BCHW = torch.randint(0, 256, (4, 3, 6, 5), dtype=torch.uint8)
    vae.objective(vae.to_cells(images_BCHW))["loss"].backward()
    assert vae.sample(3, seed=0).shape == (3, 3, 6, 5)


def test_training_lowers_bits_per_dimension(make_vae, bar_spec, fit_vae):
    spec = replace(bar_spec, shape=(3, 12, 12), levels=255, colour=True)
    vae = make_vae(spec=spec, likelihood=LogisticMixture, decoder=PARALLEL)
    images = shapes(64, 12, seed=0).images
    before = vae.objective(vae.to_cells(images))["reconstruction"].mean().item()
    fit_vae(vae, num_batches=40, images=images)
    assert vae.objective(vae.to_cells(images))["reconstruction"].mean().item() < 0.9 * before


@pytest.mark.parametrize(("likelihood", "warns"), [(Bernoulli, True), (LogisticMixture, False)])
def test_a_likelihood_of_ink_warns_of_colour(make_vae, bar_spec, caplog, likelihood, warns):
    spec = replace(bar_spec, shape=(3, 8, 8), levels=255, colour=True)
    make_vae(spec=spec, likelihood=likelihood, decoder=PARALLEL)
    assert ("vae.likelihood=logistic_mixture" in caplog.text) == warns


def test_drum_bars_have_no_mixture(make_vae):
    with pytest.raises(ValueError, match=r"choose vae\.likelihood=bernoulli"):
        make_vae(likelihood=LogisticMixture)
