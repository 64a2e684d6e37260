"""The distance of two samples, and its place beside the KL."""

import math

import pytest
import torch
from torch import Tensor

from src.vae.anneal import Constant, FreeBits
from src.vae.objectives import InfoVAE
from src.vae.objectives.info_vae import squared_mmd
from tests.vae.objectives.conftest import gradients, seeded


def by_pairs(one: Tensor, other: Tensor, variance: float) -> float:
    """Gretton et al. 2012, eq. 3."""

    def kernel(x: Tensor, y: Tensor) -> float:
        return math.exp(-((x - y) ** 2).sum().item() / (2 * variance))

    m, n = len(one), len(other)
    within_one = sum(kernel(one[i], one[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    within_other = sum(kernel(other[i], other[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    return within_one + within_other - 2 * sum(kernel(x, y) for x in one for y in other) / (m * n)


def test_mmd_is_the_mean_over_pairs():
    random = torch.Generator().manual_seed(1)
    one, other = torch.randn(7, 3, generator=random), 1 + torch.randn(9, 3, generator=random)
    assert squared_mmd(one, other, 2.0).item() == pytest.approx(by_pairs(one, other, 2.0), abs=1e-6)


def test_mmd_of_two_normal_distributions():
    """E k(x, y) of normals with means m apart and deviations a and b is (v/s)^{L/2} e^{−m²/2s}, s = v + a² + b²."""
    num_dims, variance, shift, spread = 4, 4.0, 0.7, 0.5

    def expected_kernel(a: float, b: float, distance: float) -> float:
        total = variance + a**2 + b**2
        return (variance / total) ** (num_dims / 2) * math.exp(-(distance**2) / (2 * total))

    random = torch.Generator().manual_seed(1)
    one = shift / 2 + spread * torch.randn(4000, num_dims, generator=random)  # distance shift/2 · √4 = shift
    other = torch.randn(4000, num_dims, generator=random)
    truth = expected_kernel(spread, spread, 0) + expected_kernel(1, 1, 0) - 2 * expected_kernel(spread, 1, shift)
    assert squared_mmd(one, other, variance).item() == pytest.approx(truth, abs=0.004)
    assert truth > 0.04
    assert abs(squared_mmd(other[:2000], other[2000:], variance).item()) < 0.002


def test_without_its_terms_it_is_the_elbo(linear_vae, grey_cells):
    plain, ours = linear_vae(), linear_vae(InfoVAE(alpha=0.0, weight=1.0))
    expected, found = seeded(plain, grey_cells)["loss"], seeded(ours, grey_cells)["loss"]
    assert torch.equal(found, expected)
    torch.testing.assert_close(gradients(ours, found), gradients(plain, expected))


def test_alpha_weighs_the_kl_and_lambda_the_distance(linear_vae, grey_cells):
    vae = linear_vae(InfoVAE(alpha=0.25, weight=10.0), anneal={"constant": Constant({"high": 0.5, "low": 2.0})})
    outputs = seeded(vae, grey_cells)
    mean = {name: outputs[name].mean() for name in ("reconstruction", "kl_high", "kl_low")}
    kl = 0.5 * mean["kl_high"] + 2 * mean["kl_low"]
    torch.testing.assert_close(
        outputs["loss"], mean["reconstruction"] + 0.75 * kl + 9.25 * outputs["objective/squared_mmd"]
    )
    torch.testing.assert_close(outputs["negative_elbo"], mean["reconstruction"] + kl)


@pytest.mark.parametrize(
    ("alpha", "weight", "message"),
    [
        (1.5, 10.0, r"vae\.objective\.alpha=1\.5: choose a number of at most 1"),
        (0.25, 0.5, r"vae\.objective\.weight=0\.5: .*at least 0\.75"),
    ],
)
def test_numbers_that_would_reward_a_distance(alpha, weight, message):
    with pytest.raises(ValueError, match=message):
        InfoVAE(alpha, weight)


@pytest.mark.parametrize("annealer", [{"constant": Constant()}, {"free_bits": FreeBits()}])
def test_without_a_kl_nothing_weighs_it(linear_vae, annealer):
    with pytest.raises(ValueError, match=r"vae\.objective=info_vae vae\.anneal=(constant|free_bits): .*no KL"):
        linear_vae(InfoVAE(alpha=1.0), anneal=annealer)
    linear_vae(InfoVAE(alpha=0.5), anneal=annealer)
