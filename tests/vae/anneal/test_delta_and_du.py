"""Posteriors whose KL has a floor: the committed rate of δ-VAE, the spread and the variances of DU-VAE."""

import math
from functools import partial

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from src.vae.anneal import DU, Delta
from src.vae.anneal.posteriors import CommittedRate, DiverseAndCertain
from src.vae.flows import IAF
from src.vae.networks import BottomUp, Standard, TopDown
from src.vae.priors import Flow
from src.vae.vmf import VMF


@pytest.mark.parametrize("nats", [0.01, 0.15, 2.0])
def test_the_kl_is_delta_and_half_of_what_the_network_adds(nats):
    mean_BL, std_BL = 3 * torch.randn(500, 4), 10 ** (4 * torch.rand(500, 4) - 2)
    posterior = Normal(*CommittedRate(nats)(mean_BL, std_BL))
    expected_BL = nats + mean_BL.relu() / 2
    torch.testing.assert_close(kl_divergence(posterior, Normal(0.0, 1.0)), expected_BL, atol=1e-4, rtol=1e-4)


def test_standard_deviations_lie_between_the_roots():
    rate = CommittedRate(0.3)
    for root in (rate.smallest, rate.largest):
        assert math.log(root**2) - root**2 + 2 * 0.3 + 1 == pytest.approx(0, abs=1e-9)
    _, std_BL = rate(torch.zeros(3, 1), torch.tensor([[1e-3], [1.0], [1e4]]))
    assert rate.smallest < std_BL[0] < std_BL[1] < std_BL[2] < rate.largest


@pytest.mark.parametrize(("inference", "prior"), [(TopDown, None), (TopDown, Standard), (BottomUp, Standard)])
def test_no_level_falls_below_delta_however_little_the_encoder_says(make_vae, bars, inference, prior):
    changes = {"prior": prior} if prior else {}
    anneal = {"x": Delta({"high": 0.5, "low": 0.1})}
    vae = make_vae(inference=partial(inference, width=8), anneal=anneal, **changes)
    with torch.no_grad():
        for weight in vae.inference.parameters():
            weight.mul_(0.01)
    high_BL, low_BL = vae.infer(vae.to_cells(bars[:, None])).kls().levels_BL
    assert high_BL.min() >= 0.5 - 1e-4
    assert low_BL.min() >= 0.1 - 1e-4


@pytest.mark.parametrize(
    "changes",
    [
        {"inference": partial(BottomUp, width=8)},
        {"prior": Flow},
        {"inference": partial(IAF, width=8)},
        {"inference": partial(VMF, width=8)},
    ],
)
def test_where_no_family_keeps_the_rate_delta_is_refused(make_vae, changes):
    with pytest.raises(ValueError, match=r"vae\.anneal\.delta: .* choose vae\.(inference=top_down|prior=conditional)"):
        make_vae(anneal={"delta": Delta()}, **changes)


def test_means_of_du_have_a_fixed_mean_square_spread_and_learn_which_dimension_has_it():
    module = DiverseAndCertain(3, 0.8, 0.0)
    with torch.no_grad():
        module.weight_L.copy_(torch.tensor([1.0, 2.0, 5.0]))
        module.bias_L.copy_(torch.tensor([1.0, 0.0, -2.0]))
    mean_BL, _ = module(3 * torch.randn(200, 3) + 1, torch.ones(200, 3))
    spread_L = mean_BL.std(0, correction=0)
    assert spread_L.square().mean().sqrt().item() == pytest.approx(0.8, rel=1e-4)
    torch.testing.assert_close(spread_L / spread_L[0], torch.tensor([1.0, 2.0, 5.0]), atol=1e-3, rtol=0)
    torch.testing.assert_close(mean_BL.mean(0), module.bias_L.detach(), atol=1e-4, rtol=0)


def test_variances_of_du_are_dropped_to_entropy_zero_in_training_only():
    """The others grow by 1/(1 − p), as dropout has it."""
    torch.manual_seed(0)
    module, std_BL = DiverseAndCertain(2, 0.5, 0.2), torch.full((10_000, 2), 0.7)
    _, dropped_BL = module(torch.randn(10_000, 2), std_BL)
    least = Normal(0.0, dropped_BL.min())
    assert least.entropy().item() == pytest.approx(0, abs=1e-5)
    assert (dropped_BL == dropped_BL.min()).float().mean().item() == pytest.approx(0.2, abs=0.01)
    floor = 1 / (2 * math.pi * math.e)
    assert dropped_BL.max().item() == pytest.approx((floor + 0.49 / 0.8) ** 0.5, rel=1e-5)
    _, kept_BL = module.eval()(torch.randn(10, 2), std_BL[:10])
    torch.testing.assert_close(kept_BL, torch.full((10, 2), (floor + 0.49) ** 0.5))


def test_the_bound_of_du_over_a_batch(make_vae, bars):
    vae = make_vae(anneal={"x": DU({"high": 1.2, "low": 0.6}, rate=0.0)})
    with torch.no_grad():
        for weight in vae.encoder.parameters():
            weight.mul_(0.3)
    high_BL, low_BL = vae.infer(vae.to_cells(bars[:, None])).kls().levels_BL
    assert high_BL.mean(0).sum() >= 2 * 1.2**2 / 2 - 1e-3
    assert low_BL.mean(0).sum() >= 3 * 0.6**2 / 2 - 1e-3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Delta(0.0), r"vae\.anneal\.delta\.nats=0\.0: choose a number above 0"),
        (lambda: DU({"high": 1, "low": 0}), r"vae\.anneal\.du\.gamma\.low=0: choose a number above 0"),
        (lambda: DU(rate=1.5), r"vae\.anneal\.du\.rate=1\.5: choose a number from 0 to 1"),
    ],
)
def test_mistakes(make, message):
    with pytest.raises(ValueError, match=message):
        make()
