"""Probes on codes that predict the style and on codes that do not; the two-sample test on known sources.

N bars, T steps, V voices, L latent dims, K styles.
"""

import math

import numpy as np
import pytest
import torch
from scipy.stats import f_oneway
from torch import Tensor
from torch.nn.functional import cross_entropy

from src.data.drums import grammar
from src.evaluation.latents.probes import (
    RIDGE,
    c2st_predict,
    eta_squared,
    importance_L,
    linear_probe,
    predict,
    sparse_probe,
)

NUM = 300


@pytest.fixture
def random() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def accuracy(probe, codes_NL: Tensor, values_N: Tensor) -> float:
    return (predict(probe, codes_NL) == values_N).double().mean().item()


# Linear probe


def test_separable_styles_are_predicted_without_error(random):
    styles_N = torch.randint(0, 4, (600,), generator=random)
    codes_NL = torch.randn(4, 6, generator=random)[styles_N] * 5 + 0.3 * torch.randn(600, 6, generator=random)
    assert accuracy(linear_probe(codes_NL[:300], styles_N[:300]), codes_NL[300:], styles_N[300:]) == 1


def test_random_codes_predict_by_chance(random):
    styles_N = torch.randint(0, 5, (2000,), generator=random)
    codes_NL = torch.randn(2000, 8, generator=random)
    probe = linear_probe(codes_NL[:1000], styles_N[:1000])
    assert accuracy(probe, codes_NL[1000:], styles_N[1000:]) == pytest.approx(0.2, abs=0.05)


def test_the_linear_probe_minimises_the_penalised_mean_loss(random):
    """At the minimum of cross-entropy + RIDGE · |w|² its gradient vanishes."""
    styles_N = torch.randint(0, 3, (200,), generator=random)
    codes_NL = torch.randn(200, 2, generator=random) + styles_N.unsqueeze(1)
    probe = linear_probe(codes_NL, styles_N)
    inputs_NL = torch.from_numpy(probe[0].transform(codes_NL.double().numpy()))
    weight_KL = torch.from_numpy(probe[1].coef_).requires_grad_()
    bias_K = torch.from_numpy(probe[1].intercept_).requires_grad_()
    loss = cross_entropy(inputs_NL @ weight_KL.T + bias_K, styles_N) + RIDGE * weight_KL.square().sum()
    loss.backward()
    assert max(weight_KL.grad.abs().max(), bias_K.grad.abs().max()) < 1e-3


def test_codes_in_other_units_are_predicted_alike(random):
    styles_N = torch.randint(0, 3, (300,), generator=random)
    codes_NL = torch.randn(300, 3, generator=random) + styles_N.unsqueeze(1)
    other_NL = codes_NL * torch.tensor([100.0, 0.01, 1.0]) + 7
    one, other = (predict(linear_probe(each, styles_N), each) for each in (codes_NL, other_NL))
    assert torch.equal(one, other)


def test_a_constant_dimension_and_a_style_without_bars_do_no_harm(random):
    styles_N = torch.randint(0, 2, (100,), generator=random) * 3
    codes_NL = torch.stack([styles_N.float(), torch.zeros(100)], 1)
    assert torch.equal(predict(linear_probe(codes_NL, styles_N), codes_NL), styles_N)


# η²


def test_eta_squared_agrees_with_the_analysis_of_variance(random):
    styles_N = torch.arange(4).repeat_interleave(torch.tensor([5, 20, 30, 45]))
    codes_N = torch.randn(100, generator=random).double() + 0.5 * styles_N
    f = f_oneway(*(codes_N[styles_N == style].numpy() for style in range(4))).statistic
    assert eta_squared(codes_N.unsqueeze(1), styles_N) == pytest.approx(3 * f / (3 * f + 96))


def test_eta_squared_at_its_ends(random):
    styles_N = torch.arange(3).repeat(50)
    assert eta_squared(torch.eye(3)[styles_N], styles_N) == pytest.approx(1)
    independent = [eta_squared(torch.randn(150, 8, generator=random), styles_N) for _ in range(40)]
    assert np.mean(independent) == pytest.approx(2 / 149, rel=0.15)
    assert eta_squared(torch.ones(150, 2), styles_N) is None


# Sparse probe


def codes_and_factors(num: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Codes of four dimensions, the last of which is noise, and factors of two and three values."""
    generator = torch.Generator().manual_seed(seed)
    codes_NL = torch.randn(num, 4, generator=generator)
    noise_N2 = torch.randn(num, 2, generator=generator) / 2
    first_N = (codes_NL[:, 0] + noise_N2[:, 0] > 0).long()
    second_N = torch.bucketize(codes_NL[:, 1] - codes_NL[:, 2] + noise_N2[:, 1], torch.tensor([-1.0, 0.5]))
    return 3 * codes_NL + 5, torch.stack([first_N, second_N], 1)


def test_the_sparse_probe_minimises_the_penalised_loss():
    """Where a weight is 0 the loss falls less steeply than the penalty rises, elsewhere exactly as steeply."""
    codes_NL, factors_NK = codes_and_factors(400)
    probe = sparse_probe(codes_NL, factors_NK[:, 1])
    inputs_NL = torch.from_numpy(probe[0].transform(codes_NL.double().numpy()))
    weight_KL = torch.from_numpy(probe[1].coef_).requires_grad_()
    bias_K = torch.from_numpy(probe[1].intercept_).requires_grad_()
    cross_entropy(inputs_NL @ weight_KL.T + bias_K, factors_NK[:, 1], reduction="sum").backward()
    penalty, used_KL = 1 / probe[1].C, weight_KL != 0
    assert 0 < used_KL.sum() < used_KL.numel()
    assert (weight_KL.grad[~used_KL].abs() <= penalty * 1.001).all()
    slope = -penalty * weight_KL[used_KL].sign()
    assert torch.allclose(weight_KL.grad[used_KL], slope, atol=0.02 * penalty)


def test_importance_is_that_of_the_informative_dimensions():
    codes_NL, factors_NK = codes_and_factors(1000)
    probes = [sparse_probe(codes_NL, values_N) for values_N in factors_NK.T]
    importance_LK = np.stack([importance_L(probe) for probe in probes], 1)
    assert ((importance_LK > 0.1) == np.array([[1, 0], [0, 1], [0, 1], [0, 0]], dtype=bool)).all()
    others_NL, known_NK = codes_and_factors(1000, seed=1)
    # The best that can be: signs of correlated Gaussians agree with 1/2 + arcsin(ρ) / π.
    best = 0.5 + math.asin(1 / math.sqrt(1.25)) / math.pi
    assert accuracy(probes[0], others_NL, known_NK[:, 0]) == pytest.approx(best, abs=0.03)
    assert accuracy(probes[1], others_NL, known_NK[:, 1]) > 0.75


def test_independent_codes_have_no_weight_in_19_of_20_cases():
    empty = 0
    for seed in range(60):
        generator = torch.Generator().manual_seed(seed)
        codes_NL = torch.randn(100, 3, generator=generator)
        empty += not importance_L(sparse_probe(codes_NL, torch.randint(0, 4, (100,), generator=generator))).any()
    assert 51 <= empty < 60


def test_constant_codes_and_values_that_do_not_occur():
    codes_NL = torch.cat([codes_and_factors(200)[0][:, :1], torch.full((200, 1), 0.1)], 1)
    values_N = codes_and_factors(200)[1][:, 0] * 2  # 0 and 2, of 5
    probe = sparse_probe(codes_NL, values_N)
    assert importance_L(probe)[1] == 0
    assert set(predict(probe, codes_NL).tolist()) == {0, 2}
    constant = sparse_probe(codes_NL[:, 1:], values_N)
    assert importance_L(constant).tolist() == [0]


# Two-sample test


def drawn(num: int, seed: int) -> Tensor:
    return torch.from_numpy(grammar.draw(num, seed)[0])


def mingled(grids_NTV: Tensor, seed: int) -> Tensor:
    """Each cell from another bar: rates are kept, and nothing else."""
    other_NTV = torch.randint(len(grids_NTV), grids_NTV.shape, generator=torch.Generator().manual_seed(seed))
    return grids_NTV.gather(0, other_NTV)


def c2st(first_NTV: Tensor, second_NTV: Tensor, unseen_first_NTV: Tensor, unseen_second_NTV: Tensor) -> float:
    is_second_N = c2st_predict(first_NTV, second_NTV, torch.cat([unseen_first_NTV, unseen_second_NTV]))
    truth_N = torch.arange(2).repeat_interleave(len(unseen_first_NTV)).bool()
    return (is_second_N == truth_N).double().mean().item()


def test_bars_of_one_source_are_classified_by_chance():
    assert c2st(*drawn(4 * NUM, 0).chunk(4)) == pytest.approx(0.5, abs=0.07)


def test_bars_of_independent_cells_are_recognised():
    real = drawn(2 * NUM, 1).chunk(2)
    false = mingled(drawn(2 * NUM, 2), 0).chunk(2)
    assert c2st(false[0], real[0], false[1], real[1]) > 0.9
    assert c2st(real[0], false[0], real[1], false[1]) > 0.9


def test_memorised_bars_do_not_help_with_others():
    """Ten bars repeated against ten others, and unseen bars of the same source."""
    few = drawn(20, 3).repeat_interleave(15, 0).chunk(2)
    assert c2st(*few, *drawn(2 * NUM, 4).chunk(2)) == pytest.approx(0.5, abs=0.08)
    assert c2st(*few, *few) > 0.95


def test_predictions_are_reproducible_and_leave_the_global_stream_alone():
    first, second, unseen = drawn(90, 5).chunk(3)
    state = torch.get_rng_state()
    before = c2st_predict(first, second, unseen)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(c2st_predict(first, second, unseen), before)
    assert len(c2st_predict(first[:10], second[:10], unseen)) == len(unseen), "the fewest that are asked for"
