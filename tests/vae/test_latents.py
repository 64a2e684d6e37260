"""KLs and log-ratios against torch.distributions and against samples."""

from dataclasses import replace

import pytest
import torch
from torch.distributions import MultivariateNormal

from src.vae.latents import UNIT, KLs, Latents, mean_and_std, normal, standard_normal


def gaussians(seed: int, *shape: int) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=random), 0.3 + torch.rand(shape, generator=random)


@pytest.fixture
def latents() -> Latents:
    """Six samples with 2 high and 3 low dimensions, all four distributions different."""
    torch.manual_seed(0)
    high, low, prior_low = (normal(*gaussians(seed, 6, size)) for seed, size in enumerate((2, 3, 3)))
    z = high.sample(), low.sample()
    return Latents(z, (high, low), (standard_normal(z[0]), prior_low))


def test_rates_are_the_closed_form(latents):
    for rate, q, p in zip(latents.kls().levels_BL, latents.posteriors, latents.priors, strict=True):
        ratio = (q.scale / p.scale).square()
        torch.testing.assert_close(rate, 0.5 * (ratio + ((q.loc - p.loc) / p.scale).square() - 1 - ratio.log()))


def test_rates_are_the_mean_log_ratio_of_samples(latents):
    posterior, prior = latents.posteriors[1], latents.priors[1]
    drawn_KBL = posterior.sample((40_000,))
    ratio_KBL = posterior.log_prob(drawn_KBL) - prior.log_prob(drawn_KBL)
    error_BL = ratio_KBL.std(0) / 200
    assert ((ratio_KBL.mean(0) - latents.kls().levels_BL[1]).abs() < 5 * error_BL).all()


def test_an_estimated_level_is_judged_on_its_sample(latents):
    estimated = replace(latents, estimated=[1]).kls()
    assert torch.equal(estimated.levels_BL[0], latents.kls().levels_BL[0])
    expected = latents.posteriors[1].log_prob(latents.z[1]) - latents.priors[1].log_prob(latents.z[1])
    torch.testing.assert_close(estimated.levels_BL[1], expected)
    assert (estimated.levels_BL[1] < 0).any(), "a single log-ratio may be negative, which no KL is"


def test_log_ratio_is_that_of_the_joint_densities(latents):
    def joint(high, low):
        mean, std = torch.cat([high.loc, low.loc], -1), torch.cat([high.scale, low.scale], -1)
        return MultivariateNormal(mean, std.square().diag_embed())

    both = torch.cat(latents.z, -1)
    q, p = joint(*latents.posteriors).log_prob(both), joint(*latents.priors).log_prob(both)
    torch.testing.assert_close(latents.log_ratio_B(), q - p)


def test_levels_add_up_their_dimensions_and_keep_samples_apart():
    kls = KLs((torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([[0.5], [0.25]])))
    high_B, low_B = kls.levels_B
    assert high_B.tolist() == [3, 7]
    assert low_B.tolist() == [0.5, 0.25]


def test_detached_rates_send_no_gradient():
    kls = KLs((torch.ones(2, 2, requires_grad=True), torch.ones(2, 3, requires_grad=True))).detach()
    assert not any(kl_BL.requires_grad for kl_BL in kls.levels_BL)


def test_a_silent_network_says_standard_normal():
    mean, std = mean_and_std(torch.zeros(4, 6))
    assert mean.shape == std.shape == (4, 3)
    assert not mean.any()
    torch.testing.assert_close(std, torch.ones(4, 3), atol=2e-3, rtol=0)
    assert torch.nn.functional.softplus(torch.tensor(UNIT)).item() == pytest.approx(1, abs=1e-4)


def test_whatever_a_network_says_densities_stay_finite():
    mean, std = mean_and_std(torch.tensor([[0.0, 0.0, 0.0, -1e4, 1e4, -20.0]], dtype=torch.bfloat16))
    assert mean.dtype == std.dtype == torch.float32
    assert (std > 0).all()
    assert normal(mean, std).log_prob(mean + std).isfinite().all()
    assert normal(mean, std).log_prob(mean + std).grad_fn is None


def test_standard_normal_is_one_of_each_dimension():
    prior = standard_normal(torch.full((5, 2), 7.0))
    assert prior.log_prob(torch.zeros(5, 2)).shape == (5, 2)
    torch.testing.assert_close(prior.log_prob(torch.ones(5, 2)), torch.full((5, 2), -1.4189385))
