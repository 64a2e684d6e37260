"""Autoregressive flows: their Jacobians by autograd, their inverses, and densities that integrate to one.

B batch, L latent dims.
"""

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import MultivariateNormal

from src.vae.flows import MADE, InverseAutoregressive, MaskedAutoregressive
from src.vae.latents import normal

SIZE = 4
CONTEXT = 3


def made(size: int = SIZE, contexts: tuple[int, ...] = (), backwards: bool = False, std: float = 0.7) -> MADE:
    network = MADE(size, 16, contexts, backwards).double()
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=std)
    return network


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def doubles(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.double)


def iaf(context_BF: Tensor, outer: bool = True) -> InverseAutoregressive:
    shape = (*context_BF.shape[:-1], SIZE)
    base = normal(doubles(*shape), 0.3 + torch.rand(shape).double())
    steps = nn.ModuleList(made(contexts=(CONTEXT,), backwards=backwards) for backwards in (False, True))
    return InverseAutoregressive(
        base, steps, (context_BF,), normal(doubles(*shape), doubles(*shape).exp()) if outer else None
    )


@pytest.mark.parametrize("backwards", [False, True])
def test_an_output_depends_on_the_preceding_dimensions_and_on_all_of_the_context(backwards):
    network, context_F = made(contexts=(CONTEXT,), backwards=backwards), doubles(CONTEXT)
    before_LL = torch.ones(SIZE, SIZE).tril(-1).bool()
    for jacobian_LL in torch.autograd.functional.jacobian(lambda z: network(z, context_F), doubles(SIZE)):
        assert torch.equal(jacobian_LL != 0, before_LL.T if backwards else before_LL)
    for jacobian_LF in torch.autograd.functional.jacobian(lambda c: network(doubles(SIZE), c), context_F):
        assert (jacobian_LF != 0).any(1).all()


def test_a_fresh_network_returns_zeros_and_one_dimension_is_enough():
    for size in (1, 5):
        for output_BL in MADE(size, 8)(torch.randn(7, size)):
            assert torch.equal(output_BL, torch.zeros(7, size))


def test_the_determinant_of_an_inverse_autoregressive_flow_is_that_of_autograd():
    law = iaf(doubles(CONTEXT))
    for _ in range(5):
        before_L = law.base.rsample()
        value_L, log_scale_L = law._pushed(before_L)
        jacobian_LL = torch.autograd.functional.jacobian(lambda z: law._pushed(z)[0], before_L)
        torch.testing.assert_close(log_scale_L.sum(), torch.linalg.slogdet(jacobian_LL).logabsdet)
        expected = law.base.log_prob(before_L).sum() - torch.linalg.slogdet(jacobian_LL).logabsdet
        torch.testing.assert_close(law.log_prob(value_L).sum(), expected)


def test_a_drawn_sample_has_the_density_that_inversion_finds():
    law = iaf(doubles(6, CONTEXT))
    sample_BL = law.rsample()
    assert law.log_prob(sample_BL) is law.log_prob(sample_BL)
    torch.testing.assert_close(law.log_prob(sample_BL.clone()), law.log_prob(sample_BL))
    assert law.sample((7,)).shape == (7, 6, SIZE)


def test_the_density_of_one_value_under_many_posteriors():
    law, value_L = iaf(doubles(6, CONTEXT)), doubles(5, 1, SIZE)
    together = law.log_prob(value_L)
    assert together.shape == (5, 6, SIZE)
    own = InverseAutoregressive(law.base[2], law.steps, (law.contexts[0][2],), law.outer[2])
    torch.testing.assert_close(together[:, 2], own.log_prob(value_L[:, 0]))


def grid(reach: float, num: int) -> tuple[Tensor, float]:
    """Points of a square grid [N, 2], and the area of each."""
    axis = torch.linspace(-reach, reach, num, dtype=torch.double)
    return torch.cartesian_prod(axis, axis), (2 * reach / (num - 1)) ** 2


def test_the_density_of_a_posterior_integrates_to_one():
    steps = nn.ModuleList(made(2, backwards=backwards) for backwards in (False, True))
    law = InverseAutoregressive(normal(doubles(2), torch.tensor([0.5, 1.5]).double()), steps, ())
    points_N2, area = grid(12, 601)
    assert (law.log_prob(points_N2).sum(1).exp().sum() * area - 1).abs() < 1e-3


@pytest.mark.ci
def test_the_density_of_a_prior_integrates_to_one():
    law = MaskedAutoregressive(nn.ModuleList([made(2, backwards=backwards, std=0.5) for backwards in (False, True)]))
    points_N2, area = grid(30, 1501)
    density_N = law.log_prob(points_N2).sum(1).exp()
    assert (density_N.sum() * area - 1).abs() < 1e-3
    mean_2 = (density_N[:, None] * points_N2).sum(0) * area
    samples_N2 = law.from_noise(doubles(40_000, 2))
    assert ((samples_N2.mean(0) - mean_2).abs() < 5 * samples_N2.std(0) / 200).all(), "and its samples have its mean"


def test_a_priors_codes_are_the_noise_of_its_samples():
    law, noise_BL = MaskedAutoregressive(nn.ModuleList([made(), made(backwards=True)])), doubles(3, 5, SIZE)
    torch.testing.assert_close(law.code(law.from_noise(noise_BL)), noise_BL)
    assert (law.from_noise(noise_BL) - noise_BL).abs().max() > 0.1


def test_a_fresh_prior_is_standard_normal():
    law, value_BL = (
        MaskedAutoregressive(nn.ModuleList([MADE(SIZE, 8), MADE(SIZE, 8, backwards=True)])),
        torch.randn(9, SIZE),
    )
    expected_B = MultivariateNormal(torch.zeros(SIZE), torch.eye(SIZE)).log_prob(value_BL)
    torch.testing.assert_close(law.log_prob(value_BL).sum(-1), expected_B)


def test_a_step_of_constants_is_an_affine_map():
    """u = (z − m) e^{−3 tanh(s/3)}: z is normal with mean m and that scale."""
    step = MADE(SIZE, 8)
    with torch.no_grad():
        step.out.bias.copy_(torch.tensor([1.0, -2.0, 0.5, 0.0, 0.3, -0.3, 1.0, 0.0]))
    mean_L, s_L = step.out.bias.detach().chunk(2)
    expected = normal(mean_L, (3 * (s_L / 3).tanh()).exp())
    value_BL = torch.randn(9, SIZE)
    torch.testing.assert_close(
        MaskedAutoregressive(nn.ModuleList([step])).log_prob(value_BL), expected.log_prob(value_BL)
    )
