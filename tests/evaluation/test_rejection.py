"""Rejection by the discriminator: its formula, its calibration, and that it mends a wrong share."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from src.evaluation.rejection import DiscriminatorRejection, MetropolisHastings, acceptance, calibration
from src.gan.interfaces import DiscriminatorNetwork, GeneratorNetwork
from src.gan.tricks import MinibatchStddev, Packing


def test_the_probability_is_the_papers():
    """Azadi et al. 2018, eqs. 6 to 8, with γ the percentile of F."""
    delta = np.log(np.array([0.05, 0.1, 0.2, 0.4, 0.8]))
    odds = delta - np.log(1 - np.exp(delta))
    for percentile in (0, 50, 80, 100):
        gamma = np.percentile(odds, percentile)
        np.testing.assert_allclose(acceptance(delta, percentile), 1 / (1 + np.exp(-(odds - gamma))))
    assert acceptance(delta, 50)[2] == pytest.approx(0.5)
    best = acceptance(np.array([-3.0, -1.0, 0.0]), 50)
    assert np.isfinite(best).all()
    assert best[2] > 0.999


def test_at_gamma_0_it_is_the_ratio_to_the_largest():
    np.testing.assert_allclose(acceptance(np.log([0.1, 0.5, 0.9]), None), [0.1, 0.5, 0.9])


def test_calibration_finds_the_density_ratio():
    """Logits from N(±1, 1): log p/q = 2 ℓ; a discriminator that is three times too sure and shifted is put right."""
    random = np.random.default_rng(0)
    real, fake = random.normal(1, 1, 20_000), random.normal(-1, 1, 20_000)
    assert calibration(real, fake) == (pytest.approx(2, abs=0.06), pytest.approx(0, abs=0.03))
    scale, shift = calibration(3 * real + 7, 3 * fake + 7)
    assert (3 * scale, 7 * scale + shift) == (pytest.approx(2, abs=0.06), pytest.approx(0, abs=0.03))


@pytest.mark.parametrize("start", [-np.inf, 40.0])
def test_a_chain_reaches_the_target(start):
    """Proposals N(0, 1), target N(1, 0.5²): log p/q = −2 (x − 1)² + x²/2 + ln 2. The chains are independent.

    From −∞ all begin at the proposals' distribution; a start that is far too good to be left ends in no chain at all.
    """
    random = np.random.default_rng(0)

    def propose(num):
        x_N = random.normal(size=num)
        return -2 * (x_N - 1) ** 2 + x_N**2 / 2 + np.log(2), torch.from_numpy(x_N).view(-1, 1, 1, 1)

    chains = MetropolisHastings(chain_length=60)
    if start > 0:
        assert not chains.run_chains(propose, np.full(50, start), random)[1].any()
        x_N = chains.select(propose, np.full(9, start), np.zeros(1), 20_000, random).images_NCHW.flatten()
    else:
        x_N = chains.run_chains(propose, np.full(20_000, start), random)[0].flatten()
    assert x_N.mean().item() == pytest.approx(1, abs=0.02)
    assert x_N.std().item() == pytest.approx(0.5, abs=0.015)
    assert np.corrcoef(x_N[:-1], x_N[1:])[0, 1] == pytest.approx(0, abs=0.03)
    once = MetropolisHastings(chain_length=1).run_chains(propose, np.full(20_000, -np.inf), random)[0]
    assert (once.mean().item(), once.std().item()) == (pytest.approx(0, abs=0.03), pytest.approx(1, abs=0.03))


class Coin(GeneratorNetwork):
    """Bright images where z₀ > 1, 16 % of them; else dark ones."""

    z = 2

    def __init__(self, shape):
        super().__init__()
        self.shape, self.none = shape, torch.nn.Parameter(torch.zeros(1))

    def forward(self, z_BZ):
        level_B111 = torch.where(z_BZ[:, :1] > 1, 0.8, -0.8)[..., None, None]
        return level_B111.expand(-1, *self.shape) + 0 * self.none


class Brightness(DiscriminatorNetwork):
    """Brighter images are more real."""

    def __init__(self, shape):
        super().__init__()
        self.slope = torch.nn.Parameter(torch.ones(1))

    def forward(self, images_BCHW):
        mean_B = images_BCHW.mean((1, 2, 3))
        return self.slope * mean_B, mean_B[:, None]


def real_images(share):
    bright = torch.rand(2000, generator=torch.Generator().manual_seed(3)) < share
    return torch.where(bright, 230, 25)[:, None, None, None].expand(-1, 1, 8, 8).to(torch.uint8)


@pytest.mark.parametrize("share", [0.5, 0.16])
def test_accepted_samples_have_the_data_shares(make_gan, share):
    """Of two kinds, 16 % bright, the rarer is accepted as much more often as it is rarer than in the data."""
    gan = make_gan(generator=Coin, discriminator=Brightness)
    random, passes = torch.get_rng_state(), gan.discriminator_passes
    rejection = DiscriminatorRejection(percentile=None)
    accepted = rejection.draw(gan, real_images(share), None, 2000, seed=0)
    bright = accepted.images_NCHW.flatten(1).float().mean(1) > 128
    assert len(bright) == 2000
    assert bright.float().mean().item() == pytest.approx(share, abs=0.04)
    assert torch.equal(random, torch.get_rng_state())
    assert gan.discriminator_passes == passes
    assert gan.training
    again = rejection.draw(gan, real_images(share), None, 2000, seed=0)
    assert torch.equal(again.images_NCHW, accepted.images_NCHW)


def test_chains_have_the_data_shares_and_no_real_image(make_gan):
    """A share p of the data is bright, s = 16 % of the proposals: w = p/s and (1 − p)/(1 − s) of bright and dark.

    In equilibrium a bright state accepts s + (1 − s) w_dark/w_bright of the proposals and a dark one all: 1 + s − p.
    """
    gan = make_gan(generator=Coin, discriminator=Brightness)
    random, passes = torch.get_rng_state(), gan.discriminator_passes
    real = torch.where(real_images(0.5) > 128, 231, 26).to(torch.uint8)  # nearly what the generator makes
    p, s = (real[:, 0, 0, 0] > 128).float().mean().item(), (1 - math.erf(2**-0.5)) / 2
    chains = MetropolisHastings(chain_length=30)
    accepted = chains.draw(gan, real, None, 2000, seed=0)
    kinds, counts = accepted.images_NCHW[:, 0, 0, 0].unique(return_counts=True)
    assert kinds.tolist() == gan.sample(100, 0)[:, 0, 0, 0].unique().tolist()
    assert counts[1].item() / 2000 == pytest.approx(p, abs=0.04)
    assert accepted.share == pytest.approx(1 + s - p, abs=0.02)
    assert torch.equal(random, torch.get_rng_state())
    assert (gan.discriminator_passes, gan.training) == (passes, True)
    assert torch.equal(chains.draw(gan, real, None, 2000, seed=0).images_NCHW, accepted.images_NCHW)
    assert not torch.equal(chains.draw(gan, real, None, 2000, seed=1).images_NCHW, accepted.images_NCHW)


def test_it_stops_where_too_few_are_accepted(make_gan):
    gan = make_gan(generator=Coin, discriminator=Brightness)
    accepted = DiscriminatorRejection(percentile=100.0, most_draws=1).draw(gan, real_images(0.5), None, 500, seed=0)
    assert accepted.share == pytest.approx(len(accepted.images_NCHW) / 500)
    assert accepted.share < 0.5


@pytest.mark.parametrize("trick", [Packing(), MinibatchStddev()])
def test_logits_of_several_images_accept_none(trick):
    with pytest.raises(ValueError, match=r"evaluator\.rejection .* gan\.tricks=trick a logit belongs to several"):
        DiscriminatorRejection().check(SimpleNamespace(tricks={"trick": trick}))


@pytest.mark.parametrize(("options", "key"), [({"percentile": 101.0}, "percentile"), ({"most_draws": 0}, "most_draws")])
def test_impossible_options(options, key):
    with pytest.raises(ValueError, match=rf"evaluator\.rejection\.{key}="):
        DiscriminatorRejection(**options)


def test_a_chain_has_at_least_one_proposal():
    with pytest.raises(ValueError, match=r"evaluator\.rejection\.chain_length=0"):
        MetropolisHastings(0)
