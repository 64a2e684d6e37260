"""Von Mises–Fisher posteriors against scipy's, and what follows from them.

B batch, L latent dims, N samples.
"""

import math

import numpy as np
import pytest
import torch
from scipy.stats import kstest, vonmises_fisher
from torch.nn.functional import normalize

from src.vae.latents import kl
from src.vae.vmf import VMF, Concentration, UniformOnSphere, VonMisesFisher

CASES = [(0.5, 2), (3.0, 3), (20.0, 8), (80.0, 16), (200.0, 32)]


@pytest.fixture(params=CASES, ids=str)
def law(request) -> VonMisesFisher:
    kappa, size = request.param
    torch.manual_seed(0)
    return VonMisesFisher(normalize(torch.randn(4, size, dtype=torch.double), dim=-1), Concentration(kappa, size))


def reference(law: VonMisesFisher, index: int):
    return vonmises_fisher(law.direction_BL[index].numpy(), law.concentration.kappa)


def test_the_density_is_scipys(law):
    value_BL = normalize(torch.randn_like(law.direction_BL), dim=-1)
    for index, value_L in enumerate(value_BL):
        expected = reference(law, index).logpdf(value_L.numpy())
        assert law.log_prob(value_BL)[index].sum().item() == pytest.approx(float(expected), abs=1e-6)


def test_the_kl_to_the_uniform_law_is_the_difference_of_their_entropies(law):
    prior = UniformOnSphere(law.direction_BL, law.concentration.ln_area)
    expected = law.concentration.ln_area - float(reference(law, 0).entropy())
    rates_B = kl(law, prior, law.direction_BL).sum(-1)
    assert rates_B.tolist() == pytest.approx([expected] * 4, abs=1e-6)


def test_the_kl_is_the_mean_log_ratio_of_samples(law):
    prior = UniformOnSphere(law.direction_BL, law.concentration.ln_area)
    value_NBL = law.sample((20_000,)).double()
    ratio_N = (law.log_prob(value_NBL) - prior.log_prob(value_NBL)).sum(-1).flatten()
    assert abs(ratio_N.mean().item() - law.concentration.kl) < 5 * ratio_N.std().item() / len(ratio_N) ** 0.5


def test_samples_lie_on_the_sphere_around_the_direction(law):
    value_NBL = law.sample((20_000,)).double()
    torch.testing.assert_close(value_NBL.norm(dim=-1), torch.ones(20_000, 4).double(), atol=1e-5, rtol=0)
    expected_BL = law.concentration.expected_cosine * law.direction_BL
    error_BL = value_NBL.std(0) / 20_000**0.5
    assert ((value_NBL.mean(0) - expected_BL).abs() < 5 * error_BL).all()


def test_angles_have_the_law_of_scipys_samples(law):
    own_N = (law.sample((5000,))[:, 0].double() @ law.direction_BL[0]).numpy()
    other_N = reference(law, 0).rvs(5000, random_state=np.random.default_rng(1)) @ law.direction_BL[0].numpy()
    assert kstest(own_N, other_N).pvalue > 1e-3


def test_the_gradient_of_an_expectation_is_that_of_its_closed_form():
    """E[z] = A(κ) μ/‖μ‖, differentiated by the unnormalised direction."""
    weight_L, raw_L = torch.tensor([1.0, -2.0, 0.5]), torch.tensor([0.4, 0.3, -1.2], requires_grad=True)
    law = VonMisesFisher(normalize(raw_L, dim=-1).expand(200_000, 3), Concentration(4.0, 3))
    value_N = law.rsample() @ weight_L
    gradient_L = torch.autograd.grad(value_N.mean(), raw_L)[0]
    expected = law.concentration.expected_cosine * (normalize(raw_L, dim=-1) @ weight_L)
    torch.testing.assert_close(gradient_L, torch.autograd.grad(expected, raw_L)[0], atol=0.01, rtol=0)


def test_three_dimensions_have_a_closed_form():
    """C(κ) = κ / (4π sinh κ), A(κ) = coth κ − 1/κ."""
    law = Concentration(2.5, 3)
    assert law.log_normaliser == pytest.approx(math.log(2.5 / (4 * math.pi * math.sinh(2.5))))
    assert law.expected_cosine == pytest.approx(1 / math.tanh(2.5) - 1 / 2.5)
    assert law.ln_area == pytest.approx(math.log(4 * math.pi))


def test_the_uniform_law_has_density_one_over_the_area_and_codes_of_unit_variance():
    prior = UniformOnSphere(torch.zeros(20_000, 5), Concentration(1.0, 5).ln_area)
    value_BL = prior.from_noise(torch.randn(20_000, 5))
    torch.testing.assert_close(prior.log_prob(value_BL).sum(-1).exp()[0], torch.tensor(3 / (8 * math.pi**2)))
    torch.testing.assert_close(prior.code(value_BL).var(0), torch.ones(5), atol=0.05, rtol=0)
    torch.testing.assert_close(prior.from_code(prior.code(value_BL)), value_BL)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kappa": 0.0}, r"vae\.inference\.kappa=0\.0: choose a number above 0"),
        ({"levels": {"high": 1, "low": 3}}, r"vae\.inference=vmf: a sphere needs 2 dimensions; z_high has 1"),
    ],
)
def test_impossible_choices(changes, message):
    with pytest.raises(ValueError, match=message):
        VMF(**({"features": 4, "levels": {"high": 2, "low": 3}} | changes))
