"""The probe and the between-style share on codes that hold the style, and on codes that do not."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.special import log_softmax
from scipy.stats import f_oneway

from src.evaluation.latents.probe import PENALTY, Probe, between_share


@pytest.fixture
def random() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_separable_styles_are_read_without_error(random):
    styles_N = torch.randint(0, 4, (600,), generator=random)
    codes_NL = torch.randn(4, 6, generator=random)[styles_N] * 5 + 0.3 * torch.randn(600, 6, generator=random)
    probe = Probe(codes_NL[:300], styles_N[:300], 4)
    assert (probe(codes_NL[300:]) == styles_N[300:]).all()


def test_random_codes_are_read_by_chance(random):
    styles_N = torch.randint(0, 5, (2000,), generator=random)
    codes_NL = torch.randn(2000, 8, generator=random)
    right = (Probe(codes_NL[:1000], styles_N[:1000], 5)(codes_NL[1000:]) == styles_N[1000:]).double().mean().item()
    assert right == pytest.approx(0.2, abs=0.05)


def test_it_finds_the_optimum_that_scipy_finds(random):
    styles_N = torch.randint(0, 3, (200,), generator=random)
    codes_NL = torch.randn(200, 2, generator=random) + styles_N.unsqueeze(1)
    probe = Probe(codes_NL, styles_N, 3)
    inputs = ((codes_NL - codes_NL.mean(0)) / codes_NL.std(0)).double().numpy()

    def loss(parameters: np.ndarray) -> float:
        weight, bias = parameters[:6].reshape(2, 3), parameters[6:]
        log_chance = log_softmax(inputs @ weight + bias, 1)[np.arange(200), styles_N.numpy()]
        return PENALTY * (weight**2).sum() - log_chance.mean()

    found = minimize(loss, np.zeros(9))
    np.testing.assert_allclose(probe.weight_LK.numpy(), found.x[:6].reshape(2, 3), atol=2e-3)
    assert not probe.weight_LK.requires_grad


def test_codes_in_other_units_are_read_alike(random):
    styles_N = torch.randint(0, 3, (300,), generator=random)
    codes_NL = torch.randn(300, 3, generator=random) + styles_N.unsqueeze(1)
    other_NL = codes_NL * torch.tensor([100.0, 0.01, 1.0]) + 7
    assert torch.equal(Probe(codes_NL, styles_N, 3)(codes_NL), Probe(other_NL, styles_N, 3)(other_NL))


def test_a_dimension_that_never_moves_and_a_style_without_bars_do_no_harm(random):
    styles_N = torch.randint(0, 2, (100,), generator=random)
    codes_NL = torch.stack([styles_N.float(), torch.zeros(100)], 1)
    assert torch.equal(Probe(codes_NL, styles_N, 5)(codes_NL), styles_N)


def test_between_share_agrees_with_the_analysis_of_variance(random):
    styles_N = torch.arange(4).repeat_interleave(torch.tensor([5, 20, 30, 45]))
    codes_N = torch.randn(100, generator=random).double() + 0.5 * styles_N
    by_style = [codes_N[styles_N == style].numpy() for style in range(4)]
    f = f_oneway(*by_style).statistic
    assert between_share(codes_N.unsqueeze(1), styles_N) == pytest.approx(3 * f / (3 * f + 96))


def test_between_share_knows_its_ends(random):
    styles_N = torch.arange(3).repeat(50)
    told_apart_NL = torch.eye(3)[styles_N]
    assert between_share(told_apart_NL, styles_N) == pytest.approx(1)
    drawn = [between_share(torch.randn(150, 8, generator=random), styles_N) for _ in range(40)]
    assert np.mean(drawn) == pytest.approx(2 / 149, rel=0.15)
    assert between_share(torch.ones(150, 2), styles_N) is None
