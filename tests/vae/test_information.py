"""Mutual information of linear Gaussian posteriors, of which it is known.

N samples, F features, L latent dims.
"""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Normal

from src.vae.information import information, mutual_information, paired_information
from src.vae.networks import BottomUp, Conditional, Perceptron, Standard, TopDown

NUM = 600
STD = 0.5  # standard deviation of the posteriors below
PAIR = {"high": 1, "low": 1}


def estimate(mean_NL: Tensor, std: float, seed: int = 0) -> float:
    """The estimate for posteriors N(mean, std²)."""
    torch.manual_seed(seed)
    posterior = Normal(mean_NL, std)
    z_NL = posterior.sample()
    return mutual_information(lambda rows: posterior.log_prob(z_NL[rows].unsqueeze(1)).sum(-1), len(mean_NL)).item()


@pytest.mark.parametrize(("std", "dims"), [(2.0, 1), (0.5, 1), (1.0, 3)])
def test_of_a_gaussian_channel(std, dims):
    """x ~ N(0, I), z|x ~ N(x, s²I): I = d/2 ln(1 + 1/s²)."""
    mean_NL = torch.randn(2000, dims, generator=torch.Generator().manual_seed(1))
    assert estimate(mean_NL, std) == pytest.approx(dims / 2 * math.log1p(1 / std**2), abs=0.05)


@pytest.mark.parametrize("num", [1, 16, 37, 100])
def test_narrow_posteriors_reach_the_ceiling(num):
    assert estimate(torch.arange(float(num)).unsqueeze(1), 1e-3) == pytest.approx(math.log(num), abs=1e-6)


def test_posteriors_that_ignore_the_sample_say_nothing():
    assert estimate(torch.full((100, 2), 3.0), 0.7) == pytest.approx(0, abs=1e-5)


def hand_set(module: nn.Module, name: str, weights: list[list[float]], std: float) -> None:
    """Makes one posterior of a two-feature, one-and-one-dimensional inference linear, of a constant width."""
    network = Perceptron(len(weights[0]), 0, 2, depth=0)
    (linear,) = network
    with torch.no_grad():
        linear.weight.copy_(torch.tensor([*weights, [0.0] * len(weights[0])]))
        linear.bias.copy_(torch.tensor([0.3, math.log(math.expm1(std - 1e-3)) - 0.5413]))
    setattr(module, name, network)


@pytest.fixture
def features_NF() -> Tensor:
    """Two independent facts a and b about each sample, both N(0, 1)."""
    return torch.randn(NUM, 2, generator=torch.Generator().manual_seed(2))


FRESH = 0.5 * math.log1p(1 / STD**2)  # nats of a new fact
REPEATED = 0.5 * math.log1p(STD**2 / (1 + STD**2) / STD**2)  # of the same fact, a second time


@pytest.mark.parametrize(
    ("prior", "low", "expected"),
    [
        (Standard, [[0.0, 1.0, 0.0]], FRESH),  # b, of which z_high says nothing
        (Conditional, [[0.0, 1.0, 2.0]], FRESH),  # b on top of twice z_high: what is conditioned on does not count
        (Conditional, [[1.0, 0.0, 0.0]], REPEATED),  # a, which z_high holds already but for its noise
        (Conditional, [[0.0, 0.0, 1.5]], 0),  # z_high again, nothing of the sample
    ],
    ids=["fresh", "on top", "repeated", "nothing"],
)
@torch.no_grad()
def test_top_down_the_low_level_is_credited_with_what_it_adds(features_NF, prior, low, expected):
    """z_high = a + noise; Δμ is linear too, and what a prior adds to z_low is known given z_high."""
    torch.manual_seed(0)
    inference = TopDown(2, PAIR, width=4).eval()
    hand_set(inference, "high", [[1.0, 0.0]], STD)
    hand_set(inference, "low", low, STD)
    high, estimated_low = information(inference, features_NF, prior(PAIR))
    assert high.item() == pytest.approx(FRESH, abs=0.1)
    assert estimated_low.item() == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0])
@torch.no_grad()
def test_bottom_up_the_high_level_knows_what_the_low_one_passes_on(features_NF, weight):
    """z_low = a + noise, z_high = w·z_low + noise: I(x; z_high) = ½ ln(1 + w² / (w² s² + s²))."""
    torch.manual_seed(0)
    inference = BottomUp(2, PAIR, width=4).eval()
    hand_set(inference, "low", [[1.0, 0.0]], STD)
    hand_set(inference, "high", [[weight]], STD)
    estimated_high, low = information(inference, features_NF, Standard(PAIR))
    expected = 0.5 * math.log1p(weight**2 / (weight**2 * STD**2 + STD**2))
    assert low.item() == pytest.approx(FRESH, abs=0.1)
    assert estimated_high.item() == pytest.approx(expected, abs=0.1)
    assert estimated_high <= low, "processing adds no information"


@pytest.mark.parametrize("direction", [TopDown, BottomUp])
@torch.no_grad()
def test_no_level_exceeds_the_ceiling(direction):
    """Even with latents that determine the sample."""
    torch.manual_seed(0)
    inference = direction(2, PAIR, width=4).eval()
    first, second = ("high", "low") if direction is TopDown else ("low", "high")
    hand_set(inference, first, [[1.0, 0.0]], 0.01)
    hand_set(inference, second, [[0.0, 1.0, 0.0]] if direction is TopDown else [[1.0]], 0.01)
    features_NF = torch.stack([torch.arange(40.0), torch.arange(40.0)], 1)
    nats = torch.stack(information(inference, features_NF, Standard(PAIR)))
    assert nats.max().item() == pytest.approx(math.log(40), abs=1e-3)
    assert nats.max() < math.log(40) + 1e-9


@torch.no_grad()
def test_bottom_up_the_high_level_knows_at_least_nothing_and_at_most_what_the_low_one_does(features_NF):
    """Even where z_high is so sure of itself that few draws of z_low lead to it."""
    torch.manual_seed(0)
    inference = BottomUp(2, PAIR, width=4).eval()
    hand_set(inference, "low", [[1.0, 0.0]], STD)
    hand_set(inference, "high", [[1.0]], 0.003)
    high, low = information(inference, features_NF, Standard(PAIR))
    assert 0 <= high <= low


@pytest.mark.parametrize("direction", [TopDown, BottomUp])
@torch.no_grad()
def test_shuffled_pairs_say_nothing_or_less(features_NF, direction):
    """Where a level holds nothing of the sample they say as much as true pairs, else less than nothing."""
    torch.manual_seed(0)
    inference = direction(2, PAIR, width=4).eval()
    first, second = ("high", "low") if direction is TopDown else ("low", "high")
    hand_set(inference, first, [[1.0, 0.0]], STD)
    hand_set(inference, second, [[0.0] * (3 if direction is TopDown else 1)], STD)
    pairs = dict(zip(("high", "low"), paired_information(inference, features_NF, Standard(PAIR), 8), strict=True))
    assert pairs[first].shape == (9,)
    assert pairs[first][0].item() == pytest.approx(FRESH, abs=0.1)
    assert pairs[first][1:].max() < 0
    assert pairs[second].abs().max().item() == pytest.approx(0, abs=1e-4)
