"""Free bits against computations sample by sample, and where they leave the KL in peace."""

import pytest
import torch

from src.vae.anneal import FreeBits, FreeBitsPerLevel, FreeBitsTotal, TargetRate
from src.vae.latents import KLs

BETA = (0.7, 1.3)


def columns(kl_BL):
    return [[row[j] for row in kl_BL.tolist()] for j in range(kl_BL.shape[1])]


def mean(values):
    return sum(values) / len(values)


def test_free_bits_per_dimension(kls):
    expected = sum(0.7 * max(0.5, mean(column)) for column in columns(kls.levels_BL[0]))
    expected += sum(1.3 * max(0.2, mean(column)) for column in columns(kls.levels_BL[1]))
    penalty = FreeBits({"high": 0.5, "low": 0.2}).penalty(kls, BETA)
    assert penalty.item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("nats", [0.1, 1.5, 9.0])
def test_free_bits_per_level(kls, nats):
    high, low = (sum(mean(column) for column in columns(kl_BL)) for kl_BL in kls.levels_BL)
    penalty = FreeBitsPerLevel(nats, nats / 2).penalty(kls, BETA)
    assert penalty.item() == pytest.approx(0.7 * max(nats, high) + 1.3 * max(nats / 2, low), rel=1e-6)


def test_free_bits_have_no_gradient_below():
    """Dimension means 0.1 | 0.6 with 0.3 free, and 2.0 | 0.2 with 0.4 free; one sample of many is above, which is not
    enough."""
    high_BL = torch.tensor([[0.2, 1.0], [0.0, 0.2]], requires_grad=True)
    low_BL = torch.tensor([[1.0, 0.0], [3.0, 0.4]], requires_grad=True)
    FreeBits({"high": 0.3, "low": 0.4}).penalty(KLs((high_BL, low_BL)), (1.0, 0.5)).backward()
    assert high_BL.grad.tolist() == [[0.0, 0.5], [0.0, 0.5]]
    assert low_BL.grad.tolist() == [[0.25, 0.0], [0.25, 0.0]]


def test_free_bits_of_nothing_are_the_bound(kls):
    high_B, low_B = kls.levels_B
    plain = 0.7 * high_B.mean() + 1.3 * low_B.mean()
    for transform in (FreeBits(0), FreeBitsPerLevel(0, 0), FreeBitsTotal(0), TargetRate(0)):
        torch.testing.assert_close(transform.penalty(kls, BETA), plain)


@pytest.mark.parametrize("nats", [0.5, 3.0, 5.0])
def test_free_bits_total_with_one_beta(kls, nats):
    totals = [sum(high) + sum(low) for high, low in zip(*(kl_BL.tolist() for kl_BL in kls.levels_BL), strict=True)]
    assert min(totals) < 3 < max(totals)
    expected = 0.4 * mean([max(total - nats, 0) for total in totals])
    assert FreeBitsTotal(nats).penalty(kls, (0.4, 0.4)).item() == pytest.approx(expected, rel=1e-5, abs=1e-7)


def test_free_bits_total_keeps_each_levels_beta_in_the_gradient():
    high_BL = torch.tensor([[1.0], [0.5], [0.0]], requires_grad=True)
    low_BL = torch.tensor([[1.5, 0.5], [0.5, 0.5], [0.0, 0.0]], requires_grad=True)
    FreeBitsTotal(2.0).penalty(KLs((high_BL, low_BL)), (0.3, 0.9)).backward()
    torch.testing.assert_close(high_BL.grad, torch.tensor([[0.1], [0.0], [0.0]]))
    torch.testing.assert_close(low_BL.grad, torch.tensor([[0.3, 0.3], [0.0, 0.0], [0.0, 0.0]]))


def test_target_rate(kls):
    """Every sample and dimension by itself: the targets 3 and 1.2 over 2 and 3 dimensions."""
    high = mean([sum(max(1.5, kl) for kl in row) for row in kls.levels_BL[0].tolist()])
    low = mean([sum(max(0.4, kl) for kl in row) for row in kls.levels_BL[1].tolist()])
    penalty = TargetRate({"high": 3, "low": 1.2}).penalty(kls, BETA)
    assert penalty.item() == pytest.approx(0.7 * high + 1.3 * low, rel=1e-6)


def test_target_rate_grants_it_to_every_sample():
    """The mean of the first dimension is above its share, the first sample is not."""
    high_BL = torch.tensor([[0.4, 0.6], [3.0, 0.2]], requires_grad=True)
    low_BL = torch.tensor([[1.0], [0.0]], requires_grad=True)
    TargetRate({"high": 1.0, "low": 0.5}).penalty(KLs((high_BL, low_BL)), (1.0, 1.0)).backward()
    assert high_BL.grad.tolist() == [[0.0, 0.5], [0.5, 0.0]]
    assert low_BL.grad.tolist() == [[0.5], [0.0]]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FreeBits(nats=-1), r"vae\.anneal\.free_bits\.nats=-1: choose"),
        (lambda: FreeBitsPerLevel(low=-1), r"vae\.anneal\.free_bits_per_level\.low=-1: choose"),
        (lambda: FreeBitsTotal(nats=-1), r"vae\.anneal\.free_bits_total\.nats=-1"),
        (lambda: FreeBitsTotal(nats={"high": 1, "low": 2}), r"vae\.anneal\.free_bits_total\.nats={"),
        (lambda: TargetRate(nats={"high": 1}), r"vae\.anneal\.target_rate\.nats={'high': 1}"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_mapping_names_the_levels_of_two_as_well():
    strategy = FreeBitsPerLevel(nats={"high": 9.0, "low": 8.0})
    strategy.level_names = ("high", "low")
    assert strategy.of_levels(strategy.nats) == (9.0, 8.0)
    assert FreeBitsPerLevel(4.0, 1.0).of_levels(2.0) == (4.0, 1.0)
