import math

import pytest
import torch
from torch.nn.functional import cross_entropy

from src.evaluation.latents.sparse_probe import SparseProbe


def drawn(num: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Codes of four dimensions, the last of which is noise, and factors of two and three values that are read off."""
    generator = torch.Generator().manual_seed(seed)
    codes_NL = torch.randn(num, 4, generator=generator)
    noise_N2 = torch.randn(num, 2, generator=generator) / 2
    first_N = (codes_NL[:, 0] + noise_N2[:, 0] > 0).long()
    second_N = torch.bucketize(codes_NL[:, 1] - codes_NL[:, 2] + noise_N2[:, 1], torch.tensor([-1.0, 0.5]))
    return 3 * codes_NL + 5, torch.stack([first_N, second_N], 1)


def test_the_minimum_of_the_penalised_loss():
    """Where a weight is 0 the loss falls less steeply than the penalty climbs, elsewhere exactly as steeply."""
    codes_NL, factors_NK = drawn(400)
    probe = SparseProbe(codes_NL, factors_NK, 3)
    inputs_NL = (codes_NL.double() - codes_NL.double().mean(0)) / codes_NL.double().std(0, correction=0)
    for factor, num_values in enumerate((2, 3)):
        weight_LC = probe.weight_LKC[:, factor, :num_values].clone().requires_grad_()
        bias_C = probe.bias_KC[factor, :num_values].clone().requires_grad_()
        cross_entropy(inputs_NL @ weight_LC + bias_C, factors_NK[:, factor]).backward()
        penalty, used_LC = probe.penalty_K[factor], weight_LC != 0
        assert bias_C.grad.abs().max() < 1e-3 * penalty + 1e-4
        assert (weight_LC.grad[~used_LC].abs() <= penalty * 1.001).all()
        slope = -penalty * weight_LC[used_LC].sign()
        assert torch.allclose(weight_LC.grad[used_LC], slope, atol=float(0.02 * penalty))
    assert not probe.weight_LKC[:, 0, 2].any(), "a value that the factor does not take"


def test_what_is_read_and_what_is_not():
    codes_NL, factors_NK = drawn(1000)
    probe = SparseProbe(codes_NL, factors_NK, 3)
    importance_LK = probe.importance_LK
    assert ((importance_LK > 0.1) == torch.tensor([[1, 0], [0, 1], [0, 1], [0, 0]], dtype=torch.bool)).all()
    others_NL, known_NK = drawn(1000, seed=1)
    right_K = (probe(others_NL) == known_NK).double().mean(0)
    # The best that can be: signs of correlated Gaussians agree with 1/2 + arcsin(ρ) / π.
    assert right_K[0].item() == pytest.approx(0.5 + math.asin(1 / math.sqrt(1.25)) / math.pi, abs=0.03)
    assert right_K[1] > 0.75


def test_codes_that_know_nothing_get_no_weight():
    """In 19 of 20 cases, by the penalty's own choice."""
    empty = 0
    for seed in range(60):
        generator = torch.Generator().manual_seed(seed)
        codes_NL = torch.randn(100, 3, generator=generator)
        probe = SparseProbe(codes_NL, torch.randint(0, 4, (100, 1), generator=generator), 4)
        empty += not probe.weight_LKC.any()
    assert 51 <= empty < 60


def test_constant_codes_and_values_never_seen():
    codes_NL = torch.cat([drawn(200)[0][:, :1], torch.full((200, 1), 0.1)], 1)
    factors_NK = drawn(200)[1][:, :1] * 2  # 0 and 2, of 5
    probe = SparseProbe(codes_NL, factors_NK, 5)
    assert not probe.weight_LKC[1].any()
    assert set(probe(codes_NL).flatten().tolist()) == {0, 2}
