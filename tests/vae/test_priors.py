"""The mixture of posteriors as a distribution, and what its pseudo-inputs are.

B batch, L latent dims, K components, N samples.
"""

from functools import partial

import pytest
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal
from torch.nn.functional import normalize

from src.vae.anneal import DU, BatchNormMean
from src.vae.flows import IAF
from src.vae.latents import Gaussian, normal, standard_normal
from src.vae.networks import BottomUp, TopDown
from src.vae.priors import Flow, Mixture, Vamp
from src.vae.vmf import VMF, Concentration, UniformOnSphere, VonMisesFisher

VAMP = partial(Vamp, width=8, num_components=4)


@pytest.fixture
def components() -> Gaussian:
    torch.manual_seed(0)
    return normal(2 * torch.randn(5, 3), 0.2 + torch.rand(5, 3))


def reference(components: Normal, dims: int = 3) -> MixtureSameFamily:
    """The marginal law of the first dimensions."""
    parts = Independent(Normal(components.mean[:, :dims], components.stddev[:, :dims]), 1)
    return MixtureSameFamily(Categorical(torch.ones(len(components.mean))), parts)


def test_terms_of_the_density_are_those_of_the_chain_rule(components):
    mixture, value_BL = Mixture(components, standard_normal(torch.zeros(3))), 2 * torch.randn(7, 6, 3)
    terms_BL = mixture.log_prob(value_BL)
    for dims in (1, 2, 3):
        expected_B = reference(components, dims).log_prob(value_BL[..., :dims])
        torch.testing.assert_close(terms_BL[..., :dims].sum(-1), expected_B, atol=1e-5, rtol=1e-5)


def test_many_values_are_scored_in_parts(components, monkeypatch):
    mixture, value_BL = Mixture(components, standard_normal(torch.zeros(3))), torch.randn(7, 6, 3)
    together = mixture.log_prob(value_BL)
    monkeypatch.setattr("src.vae.priors.MOST_TERMS", 30)
    torch.testing.assert_close(mixture.log_prob(value_BL), together)


def test_samples_have_the_moments_of_the_mixture(components):
    mixture, expected = Mixture(components, standard_normal(torch.zeros(3))), reference(components)
    value_NL = mixture.from_noise(torch.randn(100_000, 3))
    torch.testing.assert_close(value_NL.mean(0), expected.mean, atol=0.05, rtol=0)
    torch.testing.assert_close(value_NL.var(0), expected.variance, atol=0.1, rtol=0)
    terms = mixture.log_prob(value_NL).sum(-1), expected.log_prob(expected.sample((100_000,)))
    assert (terms[0].mean() - terms[1].mean()).abs() < 0.03, "and its entropy"


def test_codes_of_samples_have_mean_0_and_variance_1(components):
    mixture = Mixture(components, standard_normal(torch.zeros(3)))
    value_NL = mixture.from_noise(torch.randn(100_000, 3))
    code_NL = mixture.code(value_NL)
    torch.testing.assert_close(code_NL.mean(0), torch.zeros(3), atol=0.03, rtol=0)
    torch.testing.assert_close(code_NL.var(0), torch.ones(3), atol=0.03, rtol=0)
    torch.testing.assert_close(mixture.from_code(code_NL), value_NL)


def test_a_mixture_on_the_sphere():
    law = Concentration(3.0, 3)
    components = VonMisesFisher(normalize(torch.randn(5, 3), dim=-1), law)
    mixture = Mixture(components, UniformOnSphere(torch.zeros(3), law.ln_area))
    value_NL = mixture.from_noise(torch.randn(100_000, 3))
    torch.testing.assert_close(value_NL.mean(0), law.expected_cosine * components.mean.mean(0), atol=0.01, rtol=0)
    densities_NK = components.log_prob(value_NL[:50].unsqueeze(-2)).sum(-1).exp()
    torch.testing.assert_close(mixture.log_prob(value_NL[:50]).sum(-1).exp(), densities_NK.mean(-1))


@pytest.mark.parametrize("inference", [TopDown, BottomUp, VMF])
def test_components_are_the_posteriors_of_pseudo_inputs(make_vae, inference):
    vae = make_vae(prior=VAMP, inference=partial(inference, width=8)).eval()
    mixture = vae.prior.top(torch.zeros(1, 2))
    pseudo_KX = vae.prior.pseudo_inputs.view(4, -1)
    if inference is BottomUp:
        expected = vae.inference.posterior(None, [pseudo_KX])
    else:
        expected = vae.infer(pseudo_KX.sigmoid().view(4, *vae.shape)).posteriors[0]
    torch.testing.assert_close(mixture.components.mean, expected.mean)
    assert not any(name.startswith(("prior.networks", "prior.inference")) for name in vae.state_dict())


def test_a_posterior_that_is_a_component_itself_pays_at_most_ln_k(make_vae):
    """KL(q_k ‖ 1/K Σ q) ≤ ln K, so that a mixture cannot ask for more than its size."""
    vae = make_vae(prior=VAMP).eval()
    with torch.no_grad():
        vae.prior.pseudo_inputs.normal_(std=30)
        vae.inference[vae.inference.order[0]].weight.mul_(20)
    kls_B = vae.infer((vae.prior.pseudo_inputs.view(4, *vae.shape)).sigmoid()).kls().levels_B[0]
    assert (kls_B <= torch.tensor(4.0).log() + 1e-5).all()
    assert kls_B.max() > 0.5, "where components are far apart"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"prior": VAMP, "inference": partial(IAF, width=8)}, r"vae\.prior=vamp: .* choose vae\.inference=top_down"),
        ({"prior": VAMP, "anneal": {"batch_norm_mean": BatchNormMean()}}, r"vae\.prior=vamp"),
        ({"prior": VAMP, "anneal": {"du": DU()}}, r"vae\.anneal\.du: .*vae\.prior=vamp"),
        ({"prior": Flow, "inference": partial(VMF, width=8)}, r"vae\.prior=flow: .*sphere"),
        ({"prior": partial(Vamp, num_components=0)}, r"vae\.prior\.num_components=0: choose a whole number"),
        ({"prior": partial(Flow, depth=0)}, r"vae\.prior\.depth=0: choose a whole number"),
    ],
)
def test_impossible_combinations(make_vae, changes, message):
    with pytest.raises(ValueError, match=message):
        make_vae(**changes)
