import math
from collections import Counter

import numpy as np
import pytest
import torch
from scipy import stats

from src.evaluation.latents.dependence import (
    binned,
    chance_information,
    entropy,
    gaussian_information,
    mutual_information,
    rank_correlation,
    rank_correlation_p,
    ranks,
)


def random(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def naive_information(first: np.ndarray, second: np.ndarray) -> float:
    num, pairs = len(first), Counter(zip(first.tolist(), second.tolist(), strict=True))
    firsts, seconds = Counter(first.tolist()), Counter(second.tolist())
    return sum(
        count / num * math.log(count * num / (firsts[one] * seconds[other])) for (one, other), count in pairs.items()
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.int64, torch.uint8])
def test_ranks_as_in_scipy(dtype):
    values_NX = random().integers(0, 7, (50, 3))
    result = ranks(torch.from_numpy(values_NX).to(dtype))
    np.testing.assert_array_equal(result.numpy(), stats.rankdata(values_NX, axis=0))


def test_rank_correlation_as_in_scipy():
    first_NX, second_NY = random().normal(size=(40, 3)), random(1).integers(0, 4, (40, 2))
    second_NY[:, 1] += (first_NX[:, 2] > 0) * 3
    rho_XY = rank_correlation(torch.from_numpy(first_NX), torch.from_numpy(second_NY))
    p_XY = rank_correlation_p(rho_XY, 40)
    for x in range(3):
        for y in range(2):
            expected = stats.spearmanr(first_NX[:, x], second_NY[:, y])
            assert rho_XY[x, y].item() == pytest.approx(expected.statistic)
            assert p_XY[x, y].item() == pytest.approx(expected.pvalue)


def test_rank_correlation_at_its_ends():
    column_N1 = torch.arange(9.0)[:, None]
    others_N3 = torch.cat([column_N1.exp(), -column_N1, torch.full_like(column_N1, 0.1)], 1)
    rho_13 = rank_correlation(column_N1, others_N3)
    assert rho_13[0, :2].tolist() == pytest.approx([1, -1])
    assert rho_13[0, 2].isnan(), "a constant column has no order"
    assert rank_correlation_p(rho_13, 9)[0, :2].tolist() == pytest.approx([0, 0], abs=1e-12)
    assert rank_correlation_p(rho_13, 2).isnan().all()


@pytest.mark.parametrize(("num", "num_bins"), [(4, 2), (20, 2), (27, 3), (1000, 10), (5000, 10)])
def test_bins_of_equal_number(num, num_bins):
    values_N1 = torch.from_numpy(random().normal(size=(num, 1)))
    counts = binned(values_N1).flatten().bincount()
    assert len(counts) == num_bins
    assert counts.max() - counts.min() <= 1
    order_N = values_N1.flatten().argsort()
    assert (binned(values_N1).flatten()[order_N].diff() >= 0).all()


def test_equal_values_share_a_bin():
    values_N1 = torch.tensor([0.0] * 700 + [1.0] * 200 + [2.0] * 100)[:, None]
    assert len({(value.item(), place.item()) for value, place in zip(values_N1, binned(values_N1), strict=True)}) == 3


def test_information_by_its_definition():
    first_NX, second_NY = random().integers(0, 3, (60, 2)), random(1).integers(0, 5, (60, 3))
    second_NY[:, 0] = first_NX[:, 1] + second_NY[:, 0] // 3
    result = mutual_information(torch.from_numpy(first_NX), torch.from_numpy(second_NY))
    expected = [[naive_information(first_NX[:, x], second_NY[:, y]) for y in range(3)] for x in range(2)]
    np.testing.assert_allclose(result.numpy(), expected, atol=1e-6)


def test_information_of_what_is_known():
    halves_N, quarters_N = torch.arange(1000) % 2, torch.arange(1000) // 2 % 4
    columns_N3 = torch.stack([halves_N, quarters_N, torch.zeros_like(halves_N)], 1)
    assert entropy(columns_N3).tolist() == pytest.approx([math.log(2), math.log(4), 0], abs=1e-9)
    own = mutual_information(columns_N3, columns_N3)
    assert own.diagonal().tolist() == pytest.approx([math.log(2), math.log(4), 0], abs=1e-6)
    assert own[0, 1].item() == pytest.approx(0, abs=1e-6), "every pair occurs as often"


@pytest.mark.parametrize("rho", [0.4, 0.8])
def test_information_of_gaussians(rho):
    """Bins lose some of it, and add what chance makes of so many cells: 81 / 2N."""
    first_N, noise_N = torch.from_numpy(random().normal(size=(2, 20_000)))
    second_N = rho * first_N + math.sqrt(1 - rho**2) * noise_N
    result = mutual_information(binned(first_N[:, None]), binned(second_N[:, None])).item()
    assert result == pytest.approx(gaussian_information(rho), rel=0.12)
    assert gaussian_information(rho) == pytest.approx(-0.5 * math.log(1 - rho**2))


@pytest.mark.parametrize("num_values", [2, 10])
def test_one_in_twenty_independent_pairs_is_above_the_baseline(num_values):
    first_NX = binned(torch.from_numpy(random().normal(size=(300, 25))))
    second_NY = torch.from_numpy(random(1).integers(0, num_values, (300, 24)))
    above_XY = mutual_information(first_NX, second_NY) > chance_information(first_NX, second_NY)
    assert 0.03 < above_XY.double().mean() < 0.08  # of 600, with 100 permutations in common


def test_dependence_is_above_the_baseline():
    first_N = torch.from_numpy(random().normal(size=500))
    second_N = first_N.abs() + torch.from_numpy(random(1).normal(size=500)) / 2
    pair = binned(first_N[:, None]), binned(second_N[:, None])
    assert abs(rank_correlation(first_N[:, None], second_N[:, None]).item()) < 0.1, "no order in it"
    assert mutual_information(*pair) > 3 * chance_information(*pair)


def test_chance_is_the_same_every_time():
    pair = torch.from_numpy(random().integers(0, 4, (50, 2))), torch.from_numpy(random(1).integers(0, 3, (50, 2)))
    state = torch.get_rng_state()
    assert torch.equal(chance_information(*pair), chance_information(*pair))
    assert torch.equal(state, torch.get_rng_state())
