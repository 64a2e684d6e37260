"""The autoregressive prior against a multivariate normal, and the rate that it commits independent posteriors to.

B batch, L latent dims.
"""

from functools import partial

import pytest
import torch
from torch.distributions import MultivariateNormal, kl_divergence

from src.vae.latents import kl, normal
from src.vae.priors import AR1, FirstOrder, committed_rate, correlation

STEPS, SEQUENCES, ALPHA = 4, 2, 0.7
SIZE = STEPS * SEQUENCES


@pytest.fixture
def prior() -> FirstOrder:
    torch.manual_seed(0)
    return FirstOrder(torch.randn(5, SIZE).double(), 0.3 + torch.rand(5, SIZE).double(), ALPHA, STEPS)


def reference(prior: FirstOrder) -> MultivariateNormal:
    """Cov(u_s, u_t) = α^|s−t| within a sequence, none between them."""
    step_L, sequence_L = torch.arange(SIZE) // SEQUENCES, torch.arange(SIZE) % SEQUENCES
    same_LL = sequence_L[:, None] == sequence_L
    covariance_LL = torch.where(same_LL, ALPHA ** (step_L[:, None] - step_L).abs().double(), 0.0)
    return MultivariateNormal(prior.mean, prior.stddev[..., None] * covariance_LL * prior.stddev[..., None, :])


def test_the_density_is_that_of_a_multivariate_normal(prior):
    value_BL = 2 * torch.randn(3, 5, SIZE).double()
    torch.testing.assert_close(prior.log_prob(value_BL).sum(-1), reference(prior).log_prob(value_BL))


def test_the_kl_of_independent_dimensions_is_in_closed_form(prior):
    posterior = normal(torch.randn(5, SIZE).double(), 0.2 + torch.rand(5, SIZE).double())
    dependent = MultivariateNormal(posterior.mean, posterior.variance.diag_embed())
    expected_B = kl_divergence(dependent, reference(prior))
    torch.testing.assert_close(kl(posterior, prior, posterior.mean).sum(-1), expected_B)


def test_samples_have_that_covariance(prior):
    value_NL = prior.from_noise(torch.randn(100_000, 5, SIZE).double())[:, 0]
    torch.testing.assert_close(torch.cov(value_NL.T), reference(prior).covariance_matrix[0], atol=0.03, rtol=0)
    torch.testing.assert_close(prior.from_code(prior.code(value_NL[:5])), value_NL[:5])


def test_the_committed_rate_is_the_least_kl_of_independent_dimensions(prior):
    """At the prior's mean and the inverse diagonal of its precision; nowhere less."""
    precision_BLL = torch.linalg.inv(reference(prior).covariance_matrix)
    best = normal(prior.mean, precision_BLL.diagonal(dim1=-2, dim2=-1).rsqrt())
    rate = committed_rate(ALPHA, SEQUENCES, STEPS)
    torch.testing.assert_close(kl(best, prior, prior.mean).sum(-1), torch.full((5,), rate).double())
    for _ in range(50):
        other = normal(prior.mean + 0.1 * torch.randn(5, SIZE), best.stddev * torch.rand(5, SIZE).add(0.5))
        assert (kl(other, prior, prior.mean).sum(-1) > rate).all()


@pytest.mark.parametrize("nats", [0.1, 2.0, 20.0])
def test_the_correlation_follows_from_the_rate(nats):
    assert committed_rate(correlation(nats, 3, 8), 3, 8) == pytest.approx(nats)


def test_the_lower_level_keeps_the_rate_however_little_the_encoder_says(make_vae, bars):
    vae = make_vae(prior=partial(AR1, width=8, nats=1.5, num_steps=3))
    with torch.no_grad():
        for weight in vae.inference.parameters():
            weight.mul_(0.01)
    assert vae.infer(vae.to_cells(bars[:, None])).kls().levels_B[1].min() >= 1.5 - 1e-4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_steps": 2}, r"vae\.prior\.num_steps=2: choose a divisor .*z_low 3"),
        ({"num_steps": 1}, r"vae\.prior\.num_steps=1: choose a whole number of at least 2"),
        ({"nats": 0.0}, r"vae\.prior\.nats=0\.0: choose a number above 0"),
    ],
)
def test_impossible_choices(make_vae, changes, message):
    with pytest.raises(ValueError, match=message):
        make_vae(prior=partial(AR1, **({"num_steps": 3} | changes)))
