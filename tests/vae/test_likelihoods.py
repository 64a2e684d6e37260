"""Likelihoods of cells: exact probabilities, expectations and quantiles, and decoders that give their parameters.

B samples, T steps, V voices, K components, L levels.
"""

import math
from functools import partial

import pytest
import torch
from torch import Tensor
from torch.distributions import AffineTransform, SigmoidTransform, TransformedDistribution, Uniform

from src.vae.decoders import Autoregressive, Parallel
from src.vae.likelihoods import INITIAL_LOG_SCALE, Bernoulli, Gaussian, Likelihood, LogisticMixture

TEMPERATURES = (1.0, 0.5, 2.0)
DECODERS = {
    "parallel": partial(Parallel, width=8, depth=1, dropout=0.0),
    "autoregressive": partial(Autoregressive, width=8, depth=1, cell_width=4, dropout=0.0),
}


def parameters(likelihood: Likelihood, *shape: int, spread: float = 1.5) -> Tensor:
    """Random parameters [..., T, V · P] of cells [..., T, V]."""
    *before, voices = shape
    random = torch.Generator().manual_seed(0)
    return spread * torch.randn(*before, voices * likelihood.num_parameters, generator=random, dtype=torch.double)


def every_level(likelihood: LogisticMixture, temperature: float = 1.0) -> Tensor:
    """Probabilities [L + 1, 5] of five single cells."""
    of_cells = parameters(likelihood, 5, 1, 1).expand(likelihood.levels + 1, -1, -1, -1)
    cells = torch.linspace(0, 1, likelihood.levels + 1, dtype=torch.double).view(-1, 1, 1, 1).expand(-1, 5, 1, 1)
    return likelihood.log_prob(of_cells, cells, temperature).exp()


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("components", [1, 3])
@pytest.mark.parametrize("levels", [2, 255])
def test_probabilities_of_all_levels_sum_to_one(levels, components, temperature):
    total = every_level(LogisticMixture(levels, components), temperature).sum(0)
    torch.testing.assert_close(total, torch.ones_like(total))


def test_probabilities_are_differences_of_the_distribution_function():
    """Salimans et al. 2017, eq. 2, with PyTorch's own distributions."""
    likelihood = LogisticMixture(255, 3)
    logits, means, log_scales = parameters(likelihood, 5, 1, 1).view(5, 3, 3).unbind(1)
    base = TransformedDistribution(Uniform(torch.zeros((), dtype=torch.double), 1), SigmoidTransform().inv)
    start = torch.tensor([-2 / 3, 0, 2 / 3], dtype=torch.double)
    scales = (log_scales + INITIAL_LOG_SCALE).exp()
    logistic = TransformedDistribution(base, AffineTransform(means + start, scales), validate_args=False)
    edges = (torch.arange(256, dtype=torch.double) * 2 + 1) / 255 - 1  # upper ones; beyond the last is nothing
    below = torch.stack([(logits.softmax(1) * logistic.cdf(edge)).sum(1) for edge in edges[:-1]])
    below = torch.cat([torch.zeros(1, 5), below, torch.ones(1, 5)])
    torch.testing.assert_close(every_level(likelihood), below.diff(dim=0), rtol=1e-6, atol=1e-12)


def test_log_probabilities_stay_finite_far_from_the_means():
    likelihood = LogisticMixture(255, 1)
    far = torch.tensor([[0.0, 50.0, -9.0]], requires_grad=True)  # weight, mean, logarithm of the scale
    log_prob = likelihood.log_prob(far.expand(3, 1, 3), torch.tensor([0.0, 0.5, 1.0]).view(3, 1, 1))
    log_prob.sum().backward()
    assert log_prob.isfinite().all()
    assert far.grad.isfinite().all()


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_the_mean_is_that_of_all_levels(temperature):
    likelihood = LogisticMixture(255, 3)
    levels = torch.linspace(0, 1, 256, dtype=torch.double).unsqueeze(1)
    expected = (every_level(likelihood, temperature) * levels).sum(0)
    mean = likelihood.mean(parameters(likelihood, 5, 1, 1), temperature).flatten()
    torch.testing.assert_close(mean, expected, rtol=0, atol=0.2 / 255)


def test_samples_are_quantiles():
    likelihood = LogisticMixture(255, 3)
    share_below = every_level(likelihood).cumsum(0)
    uniform = torch.rand(200, 5, dtype=torch.double, generator=torch.Generator().manual_seed(0))
    expected = (share_below.unsqueeze(1) < 1 - uniform).sum(0)
    of_cells = parameters(likelihood, 5, 1, 1).expand(200, -1, -1, -1)
    drawn = likelihood.sample(of_cells, uniform.view(200, 5, 1, 1)).view(200, 5)
    torch.testing.assert_close(drawn, expected.double() / 255)
    extreme = likelihood.sample(of_cells[:2], torch.tensor([0.0, 1.0]).view(2, 1, 1, 1).expand(2, 5, 1, 1))
    assert extreme.min() >= 0
    assert extreme.max() <= 1


def test_a_mixture_of_two_levels_is_refused():
    with pytest.raises(ValueError, match=r"choose vae\.likelihood=bernoulli"):
        LogisticMixture(levels=1)


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_a_normal_distribution_over_levels(temperature):
    """Probabilities of all levels sum to one and have the mean and variance asked for; samples are quantiles."""
    likelihood, levels = Gaussian(1000, variance=0.0025), torch.linspace(0, 1, 1001, dtype=torch.double).view(-1, 1, 1)
    at = torch.full((1001, 1, 1), 0.5, dtype=torch.double)
    share = likelihood.log_prob(at, levels, temperature).exp()
    mean = (share * levels.flatten()).sum()
    assert share.sum().item() == pytest.approx(1, abs=1e-4)
    assert mean.item() == pytest.approx(0.5, abs=1e-6)
    assert (share * (levels.flatten() - mean) ** 2).sum().item() == pytest.approx(0.0025 * temperature**2, rel=1e-3)
    drawn = likelihood.sample(at[:99], torch.arange(0.01, 0.995, 0.01, dtype=torch.double).view(-1, 1, 1), temperature)
    below = torch.stack([share[levels.flatten() <= each].sum() for each in drawn.flatten()])
    torch.testing.assert_close(below, torch.arange(0.99, 0.005, -0.01, dtype=torch.double), rtol=0, atol=0.02)


def test_means_of_normal_cells_are_cells():
    outside = torch.tensor([-0.5, 0.25, 1.5]).view(3, 1, 1)
    assert Gaussian(255).mean(outside).flatten().tolist() == [0, 0.25, 1]
    drawn = Gaussian(255).sample(outside, torch.full_like(outside, 0.5))
    assert drawn.flatten().tolist() == pytest.approx([0, 64 / 255, 1])


@pytest.mark.parametrize(("levels", "variance"), [(1, 0.1), (255, 0.0)])
def test_impossible_normal_cells(levels, variance):
    with pytest.raises(ValueError, match=r"vae\.likelihood(=gaussian|\.variance=0\.0).*: choose "):
        Gaussian(levels, variance)


@pytest.mark.parametrize("likelihood", [Bernoulli(1), LogisticMixture(255, 2), Gaussian(255, 0.05)])
@pytest.mark.parametrize("decoder", DECODERS)
def test_decoders_generate_from_their_own_likelihood(decoder, likelihood):
    """Each cell has the expectation and the quantile of what one pass over the finished sample gives for it."""
    torch.manual_seed(0)
    network = DECODERS[decoder](num_latents=3, shape=(4, 6), likelihood=likelihood).eval()
    for weight in network.parameters():
        weight.data.mul_(3)
    latents_BZ, uniform_BTV = torch.randn(5, 3), torch.rand(5, 4, 6)
    with torch.no_grad():
        cells_BTV, mean_BTV = network.generate(latents_BZ, uniform_BTV, 0.8)
        parameters_BTX = network(latents_BZ, 2 * cells_BTV - 1)
    assert parameters_BTX.shape == (5, 4, 6 * likelihood.num_parameters)
    torch.testing.assert_close(mean_BTV, likelihood.mean(parameters_BTX, 0.8), rtol=1e-4, atol=1e-5)
    same = (likelihood.sample(parameters_BTX, uniform_BTV, 0.8) - cells_BTV).abs() < 1.5 / likelihood.levels / 255
    assert same.float().mean() > 0.97  # rounding decides between neighbours now and then
    assert len(cells_BTV.unique()) > (2 if likelihood.levels > 1 else 1)


@pytest.mark.parametrize("decoder", DECODERS)
def test_decoders_learn_a_distribution_of_levels(decoder):
    """Two cells are both 3 or both 12: the best NLL is ln 2 a cell, or a sample where one cell tells the other."""
    torch.manual_seed(0)
    likelihood = LogisticMixture(15, 2)
    network = DECODERS[decoder](num_latents=1, shape=(1, 2), likelihood=likelihood)
    cells_BTV = torch.tensor([3.0, 12.0]).repeat(32).view(64, 1, 1).expand(64, 1, 2) / 15
    optimizer = torch.optim.Adam(network.parameters(), 0.03)
    for _ in range(300):
        nll = -likelihood.log_prob(network(torch.zeros(64, 1), 2 * cells_BTV - 1), cells_BTV).mean()
        optimizer.zero_grad()
        nll.backward()
        optimizer.step()
    best = math.log(2) * (2 if decoder == "parallel" else 1)
    assert best - 0.02 < nll.item() < best + 0.5
