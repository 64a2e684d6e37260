"""What the VAE draws: the same for the same seed, and from the prior of both levels.

B batch, L latent dims.
"""

from copy import deepcopy
from dataclasses import replace
from functools import partial

import pytest
import torch

from src.vae.decoders import Parallel
from src.vae.module import VAE
from src.vae.networks import Conditional, Standard

PARALLEL = partial(Parallel, width=8, depth=1, dropout=0.1)


def enlivened(vae: VAE) -> VAE:
    """With larger weights, so that samples differ from one another."""
    for parameter in vae.decoder.parameters():
        if parameter.ndim > 1:
            parameter.data.mul_(4)
    return vae


@pytest.mark.parametrize(("channels", "levels"), [(1, 1), (2, 1), (1, 255), (3, 255)])
def test_sampling_leaves_no_trace(make_vae, bar_spec, channels, levels):
    vae = enlivened(make_vae(spec=replace(bar_spec, shape=(channels, 4, 3), levels=levels)))
    weights, random = deepcopy(vae.state_dict()), torch.get_rng_state()
    first = vae.sample(40, seed=3)
    assert torch.equal(random, torch.get_rng_state())
    assert first.shape == (40, channels, 4, 3)
    assert first.dtype == torch.uint8
    assert not first.requires_grad
    assert (set(first.unique().tolist()) == {0, 1}) == (levels == 1)
    assert all(torch.equal(weights[name], tensor) for name, tensor in vae.state_dict().items())
    torch.manual_seed(99)
    assert torch.equal(first, vae.sample(40, seed=3))
    assert not torch.equal(first, vae.sample(40, seed=4))
    for mode in (True, False):
        vae.train(mode)
        assert torch.equal(first, vae.sample(40, seed=3)), "no dropout in samples"
        assert {module.training for module in vae.modules()} == {mode}


def test_samples_do_not_depend_on_chunks(make_vae, bar_spec):
    vae = enlivened(make_vae(spec=replace(bar_spec, levels=255)))
    whole = vae.sample(10, seed=0).int()
    assert (whole - vae.sample(10, seed=0, chunk=3)).abs().max() <= 1  # rounding alone
    assert whole.float().std(0).max() > 5


@pytest.mark.parametrize("prior", [Conditional, Standard])
@torch.no_grad()
def test_samples_come_from_the_prior_of_both_levels(make_vae, prior):
    """Mean of many samples = the decoder's mean over draws of both priors, drawn here in another way."""
    vae = enlivened(make_vae(decoder=PARALLEL, prior=partial(prior, width=8) if prior is Conditional else prior))
    for parameter in vae.prior.parameters():
        parameter.mul_(3)
    drawn = vae.eval().sample(20_000, seed=0).float().mean((0, 1))
    high_BL = torch.randn(20_000, 2)
    low_BL = vae.prior([high_BL]).sample()
    expected = vae.decoder(torch.cat([high_BL, low_BL], 1), torch.zeros(1, 4, 3)).sigmoid().mean(0)
    torch.testing.assert_close(drawn, expected, atol=0.02, rtol=0)


def test_cold_samples_are_the_likeliest_cells_and_hot_ones_toss_coins(make_vae):
    vae = enlivened(make_vae())
    cold = vae.sample(500, seed=0, temperature=1e-4)
    assert torch.equal(vae.sample(500, seed=0, temperature=1.0), vae.sample(500, seed=0))
    random = torch.Generator().manual_seed(0)  # draws as `sample` does, to give `decode` the same latents
    high_BL, noise_BL = torch.randn(500, 2, generator=random), torch.randn(500, 3, generator=random)
    with torch.no_grad():
        decode_mode = vae.decode(vae.prior.draw([high_BL, noise_BL]), torch.full((500, 4, 3), 0.5))
    assert torch.equal(cold, decode_mode)
    hot = vae.sample(500, seed=0, temperature=1e4).float().mean((0, 1))
    torch.testing.assert_close(hot, torch.full((4, 3), 0.5), atol=0.1, rtol=0)
    assert (decode_mode.float().mean((0, 1)) - 0.5).abs().max() > 0.2


@torch.no_grad()
def test_of_an_image_the_probability_is_shown(make_vae, bar_spec):
    vae = enlivened(make_vae(spec=replace(bar_spec, levels=255), decoder=PARALLEL))
    high_BL, low_BL = torch.randn(6, 2), torch.randn(6, 3)
    images = vae.decode((high_BL, low_BL), torch.rand(6, 4, 3))
    probability = vae.eval().decoder(torch.cat([high_BL, low_BL], 1), torch.zeros(6, 4, 3)).sigmoid()
    assert torch.equal(images[:, 0], (255 * probability).round().to(torch.uint8))
