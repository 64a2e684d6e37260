"""Inference in both directions under both priors: what is paid for is what the densities say.

B batch, F features, L latent dims.
"""

from itertools import product

import pytest
import torch
from torch import nn
from torch.distributions import kl_divergence

from src.vae.latents import Latents
from src.vae.networks import BottomUp, Conditional, Encoder, Perceptron, Standard, TopDown

PAIRS = list(product((TopDown, BottomUp), (Conditional, Standard)))
DRAWS = 60_000


def pair(inference: type, prior: type, gain: float = 0.5, spread: float = 0.0) -> tuple[nn.Module, nn.Module]:
    """Inference of 2 high and 3 low dimensions from 4 features, and a prior.

    Args:
        gain: of the last layers, so that distributions differ from one another and from N(0, I).
        spread: shift of the posteriors' raw standard deviations.
    """
    torch.manual_seed(1)
    levels = {"high": 2, "low": 3}
    modules = inference(4, levels, width=8), prior(levels, **({"width": 8} if prior is Conditional else {}))
    for module in modules:
        for name, size in (("high", 2), ("low", 3), ("network", 3)):
            if last := last_layer(module, name):
                nn.init.normal_(last.weight, std=gain)
                nn.init.normal_(last.bias, std=0.3)
                last.bias.data[size:] += spread * (name != "network")
        module.eval()
    return modules


def last_layer(module: nn.Module, name: str) -> nn.Linear | None:
    head = getattr(module, name, None)
    return head[-1] if isinstance(head, nn.Sequential) else head


def inference_of(inference: type, prior: type, features_BF: torch.Tensor, **changes: float) -> Latents:
    modules = pair(inference, prior, **changes)
    torch.manual_seed(2)
    return modules[0](features_BF, modules[1])


@pytest.fixture
def features_BF() -> torch.Tensor:
    """The same sample's features, many times over."""
    return torch.tensor([[0.3, -1.0, 0.8, 0.1]]).expand(DRAWS, -1)


@pytest.mark.parametrize(("inference", "prior"), PAIRS)
@torch.no_grad()
def test_the_rates_are_in_the_mean_the_log_ratio_of_the_joint(inference, prior, features_BF):
    """So the sum that the objective pays makes it a bound, whatever the direction."""
    latents = inference_of(inference, prior, features_BF)
    high_B, low_B = latents.kls().levels_B
    difference_B = high_B + low_B - latents.log_ratio_B()
    assert high_B.mean() + low_B.mean() > 1, "or the distributions would say nothing"
    assert difference_B.mean().abs() < 5 * difference_B.std() / DRAWS**0.5 + 1e-4


@pytest.mark.parametrize(("inference", "prior"), PAIRS)
@torch.no_grad()
def test_importance_weights_of_the_prior_average_to_one(inference, prior, features_BF):
    """E_q[p/q] = ∫ p = 1: only true densities of the very sample manage that."""
    weight_B = (-inference_of(inference, prior, features_BF, gain=0.3, spread=1.0).log_ratio_B()).exp()
    assert (weight_B.mean() - 1).abs() < 5 * weight_B.std() / DRAWS**0.5
    assert weight_B.std() / DRAWS**0.5 < 0.05, "or the test would say nothing"


@torch.no_grad()
def test_the_analytic_inner_kl_is_wrong_for_bottom_up(features_BF):
    latents = inference_of(BottomUp, Conditional, features_BF, gain=1.0)
    assert 1 in latents.estimated
    naive_B = kl_divergence(latents.posteriors[1], latents.priors[1]).sum(-1)
    difference_B = naive_B - latents.kls().levels_B[1]
    assert difference_B.mean().abs() > 20 * difference_B.std() / DRAWS**0.5


@pytest.mark.parametrize(("inference", "prior"), [entry for entry in PAIRS if entry != (BottomUp, Conditional)])
def test_elsewhere_the_kl_is_analytic(inference, prior, features_BF):
    """It has less variance than the log-ratio of a sample."""
    latents = inference_of(inference, prior, features_BF[:9])
    assert torch.equal(latents.kls().levels_BL[1], kl_divergence(latents.posteriors[1], latents.priors[1]))


@pytest.mark.parametrize("prior", [Conditional, Standard])
@torch.no_grad()
def test_saying_nothing_costs_nothing_whatever_the_prior(prior):
    inference, prior = pair(TopDown, prior)
    nn.init.zeros_(inference.low[-1].weight)
    nn.init.zeros_(inference.low[-1].bias)
    latents = inference(torch.randn(50, 4), prior)
    assert latents.kls().levels_BL[1].max() < 1e-5
    torch.testing.assert_close(latents.posteriors[1].mean, latents.priors[1].mean)


@torch.no_grad()
def test_what_the_low_level_says_is_told_relative_to_its_prior():
    """KL(N(μ + σΔμ, (σΔσ)²) ‖ N(μ, σ²)) = ½ (Δμ² + Δσ² − 1) − ln Δσ, whatever μ and σ."""
    inference, prior = pair(TopDown, Conditional)
    nn.init.zeros_(inference.low[-1].weight)
    inference.low[-1].bias.copy_(torch.tensor([0.5, -1.0, 2.0, 0.0, 1.0, -2.0]))
    shift_L = torch.tensor([0.5, -1.0, 2.0])
    scale_L = (torch.tensor([0.0, 1.0, -2.0]) + 0.5413).exp().log1p() + 1e-3
    expected_L = 0.5 * (shift_L**2 + scale_L**2 - 1) - scale_L.log()
    kls = inference(torch.randn(20, 4), prior).kls()
    torch.testing.assert_close(kls.levels_BL[1], expected_L.expand(20, 3), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("direction", [TopDown, BottomUp])
def test_what_a_decoder_that_sees_low_alone_can_teach_the_high_posterior(direction):
    """Bottom-up nothing at all, so z_high collapses; top-down z_low is inferred with the help of z_high."""
    inference, prior = pair(direction, Standard)
    inference(torch.randn(8, 4), prior).z[1].square().sum().backward()
    gradients = [parameter.grad for parameter in inference.high.parameters()]
    assert all((gradient is None) == (direction is BottomUp) for gradient in gradients)
    assert all(parameter.grad.any() for parameter in inference.low[-1].parameters()) if direction is TopDown else True


@torch.no_grad()
def test_the_conditional_prior_listens_and_the_standard_does_not():
    high_BL = torch.randn(7, 2)
    conditional, standard = (pair(TopDown, prior)[1]([high_BL]) for prior in (Conditional, Standard))
    assert conditional.mean.shape == conditional.stddev.shape == standard.mean.shape == (7, 3)
    assert conditional.mean.std(0).min() > 0.1
    assert not standard.mean.any()
    assert (standard.stddev == 1).all()


@pytest.mark.parametrize(("inference", "prior"), PAIRS)
@torch.no_grad()
def test_means_are_what_is_left_without_noise(inference, prior):
    """With every standard deviation near zero a sample is the mean."""
    modules = pair(inference, prior)
    features_BF = torch.randn(5, 4)
    means = modules[0].means(features_BF, modules[1]).z
    for name, size in (("high", 2), ("low", 3)):
        last = last_layer(modules[0], name)
        last.weight[size:] = 0
        last.bias[size:] = -30
    latents = modules[0](features_BF, modules[1])
    torch.testing.assert_close(latents.z[0], means[0], atol=0.02, rtol=0)
    torch.testing.assert_close(latents.z[1], means[1], atol=0.05, rtol=0)


@pytest.mark.parametrize(("inference", "prior"), PAIRS)
@torch.no_grad()
def test_leading_axes_are_free(inference, prior):
    modules = pair(inference, prior)
    features_BF = torch.randn(5, 4)
    latents = modules[0](features_BF.expand(3, 5, 4), modules[1])
    assert latents.z[0].shape == (3, 5, 2)
    assert latents.z[1].shape == latents.kls().levels_BL[1].shape == (3, 5, 3)
    assert latents.log_ratio_B().shape == (3, 5)
    assert (latents.z[0][0] != latents.z[0][1]).all(), "every importance sample is a draw of its own"


def test_the_encoder_sees_every_cell():
    encoder = Encoder(num_cells=12, width=6).eval()
    cells_BTV = torch.full((1, 4, 3), 0.5).requires_grad_()
    features_BF = encoder(cells_BTV)
    assert features_BF.shape == (1, encoder.num_features)
    features_BF.sum().backward()
    assert (cells_BTV.grad != 0).all()
    assert encoder(torch.rand(2, 5, 4, 3)).shape == (2, 5, 6)


def test_a_perceptron_has_as_many_hidden_layers_as_asked():
    for depth in (0, 1, 3):
        network = Perceptron(5, 7, 2, depth=depth)
        assert [layer.out_features for layer in network if isinstance(layer, nn.Linear)] == [7] * depth + [2]
        assert network(torch.randn(4, 5)).shape == (4, 2)


@torch.no_grad()
def test_a_perceptron_joins_its_inputs_and_broadcasts_them():
    network, one, other = Perceptron(5, 7, 2), torch.randn(6, 3), torch.randn(4, 1, 2)
    side_by_side = torch.cat([one.expand(4, -1, -1), other.expand(-1, 6, -1)], -1)
    torch.testing.assert_close(network(one, other), nn.Sequential(*network)(side_by_side))
