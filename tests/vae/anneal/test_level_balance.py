"""Which level pays more while β climbs."""

import pytest
import torch

from src.vae.anneal import LevelBalance
from src.vae.latents import KLs


def test_the_louder_level_pays_more(at):
    """KL of 3 and 1 nats, halfway up: weights 1.5 and 0.5 times β = ½."""
    kls = KLs((torch.tensor([[2.0, 0.0], [1.0, 3.0]]), torch.tensor([[0.5], [1.5]])))
    high, low = at(LevelBalance(duration=0.4), 0.2).beta(kls)
    assert high.item() == pytest.approx(0.5 * 1.5, abs=0.005)
    assert low.item() == pytest.approx(0.5 * 0.5, abs=0.005)


@pytest.mark.parametrize(("high", "low"), [(0.0, 0.0), (5.0, 0.0), (0.3, 7.0), (-0.2, 1.0)])
def test_weights_average_to_beta(at, high, low):
    """Also with two silent levels, and with a sampled KL that happens to be negative."""
    betas = at(LevelBalance(duration=0.4), 0.1).beta(KLs((torch.full((3, 1), high), torch.full((3, 1), low))))
    assert sum(beta.item() for beta in betas) / 2 == pytest.approx(0.25)
    assert all(beta >= 0 for beta in betas)
    assert (betas[0] > betas[1]) == (abs(high) > abs(low))


def test_weights_have_no_gradient_of_their_own(at, kls):
    high, low = at(LevelBalance(), 0.2).beta(kls)
    assert not high.requires_grad
    assert not low.requires_grad


@pytest.mark.parametrize("share", [0.3, 0.31, 0.999])
def test_once_warm_it_is_the_bound(at, kls, share):
    assert at(LevelBalance(duration=0.3), share).beta(kls) == (1.0, 1.0)


def test_mistake():
    with pytest.raises(ValueError, match=r"vae\.anneal\.level_balance\.duration=0: choose a share"):
        LevelBalance(duration=0)
