import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from src.evaluation.latents.disentanglement import concentration, dci, disentanglement, mig
from src.evaluation.latents.encode import EncodedSplit, LatentCodes

SIZES = (5, 4, 3, 2)


def factors(num: int, seed: int) -> Tensor:
    """Independent and uniform, int64 [N, K]."""
    generator = torch.Generator().manual_seed(seed)
    return torch.stack([torch.randint(0, size, (num,), generator=generator) for size in SIZES], 1)


FIT, HELD = factors(1500, 0), factors(1500, 1)


def noise(like: Tensor, dims: int, seed: int) -> Tensor:
    return torch.randn(len(like), dims, generator=torch.Generator().manual_seed(seed))


def standardised(factors_NK: Tensor) -> Tensor:
    size_K = torch.tensor(SIZES)
    return (factors_NK - (size_K - 1) / 2) / ((size_K**2 - 1) / 12).sqrt()


def scored(fit_NL: Tensor, held_NL: Tensor) -> tuple[float, ...]:
    return mig(fit_NL, held_NL, FIT, HELD), *dci(fit_NL, held_NL, FIT, HELD)


def test_a_dimension_for_each_factor():
    order = [2, 0, 3, 1]
    assert scored(standardised(FIT)[:, order], standardised(HELD)[:, order]) == pytest.approx([1] * 4, abs=0.02)


def test_what_is_fitted_is_scored_on_other_bars():
    codes_NL, turned_NL = standardised(FIT), -standardised(HELD)
    assert scored(codes_NL, turned_NL)[:3] == pytest.approx([1] * 3, abs=0.02)
    assert scored(codes_NL, turned_NL)[3] < 0, "what was a large value is a small one now"


def test_more_dimensions_of_noise_change_nothing():
    codes = [torch.cat([standardised(known), noise(known, 6, seed)], 1) for seed, known in enumerate((FIT, HELD))]
    assert scored(*codes) == pytest.approx([1] * 4, abs=0.02)


def test_codes_that_know_nothing():
    assert scored(noise(FIT, 8, 0), noise(HELD, 8, 1)) == pytest.approx([0] * 4, abs=0.01)


def test_mig_of_codes_that_know_nothing_is_zero_on_average():
    """And not the distance of the two luckiest, though bars are few."""
    gaps = [mig(noise(FIT[:60], 8, seed), noise(HELD[:60], 8, 100 + seed), FIT[:60], HELD[:60]) for seed in range(80)]
    mean, error = torch.tensor(gaps).mean(), torch.tensor(gaps).std() / math.sqrt(80)
    assert abs(mean) < 3 * error
    assert error < 0.01


def test_rotated_codes_say_as_much_and_mix_it():
    turned_KK = torch.tensor([[1.0, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]]) / 2
    gap, disentangled, complete, informative = scored(standardised(FIT) @ turned_KK, standardised(HELD) @ turned_KK)
    assert informative > 0.85
    assert gap < 0.1
    assert disentangled < 0.15
    assert complete < 0.15


def test_a_copy_of_each_dimension():
    """Two for each factor: the gap is gone, each still serves one factor only, no factor is in one place."""
    codes = [torch.cat([standardised(known)] * 2, 1) for known in (FIT, HELD)]
    gap, disentangled, complete, informative = scored(*codes)
    assert (gap, disentangled, informative) == pytest.approx((0, 1, 1), abs=0.01)
    assert complete == pytest.approx(1 - math.log(2) / math.log(8), abs=0.02)


def test_one_dimension_for_one_of_the_factors():
    """Shares of the factors: a quarter each."""
    result = scored(standardised(FIT)[:, :1], standardised(HELD)[:, :1])
    assert result == pytest.approx((0.25, 1, 0.25, 0.25), abs=0.02)


def test_informativeness_counts_from_the_guess():
    """A binary factor of which 3 in 4 are 0, read off a code that is right 7 times in 8: half of the errors avoided."""
    known_N1 = (torch.arange(800) % 4 == 0).long()[:, None]
    wrong_N1 = (torch.arange(800) // 4 % 2 == 0)[:, None] & (known_N1 == 1)
    codes_N1 = torch.where(wrong_N1, 0, known_N1).float()
    assert dci(codes_N1, codes_N1, known_N1, known_N1)[2] == pytest.approx(0.5)


def test_concentration():
    amounts = torch.tensor([[1.0, 1, 1, 1], [0, 5, 0, 0], [2, 2, 0, 0], [0, 0, 0, 0]], dtype=torch.float64)
    assert concentration(amounts).tolist() == pytest.approx([0, 1, 0.5, 0])
    assert concentration(torch.tensor([[3.0], [0.0]])).tolist() == [1, 0]


def reading(known: Tensor, rates: dict[str, list[float]], shift: int = 0, **named: Tensor) -> LatentCodes:
    """z_high holds the first factor as style and noise, z_low the others."""
    codes = {"high": torch.cat([standardised(known)[:, :1], noise(known, 1, shift)], 1)}
    codes["low"] = standardised(known)[:, 1:]
    grids_NTV = torch.zeros(len(known), 16, 9, dtype=torch.uint8)
    kl = {level: torch.tensor(nats) for level, nats in rates.items()}
    return LatentCodes(EncodedSplit(grids_NTV, kl, known[:, 0], tuple("abcde"), named), codes, codes)


def others(known: Tensor) -> dict[str, Tensor]:
    return {f"factor {k}": known[:, k] for k in range(1, 4)}


ALIVE = {"high": [1.0, 0.5], "low": [1.0, 0.3, 0.2]}


def test_levels_and_both_together():
    result = disentanglement(reading(FIT, ALIVE, 0, **others(FIT)), reading(HELD, ALIVE, 1, **others(HELD)))
    assert [result[name] for name in ("mig", "dci_disentanglement", "dci_completeness", "dci_informativeness")] == (
        pytest.approx([1] * 4, abs=0.02)
    )
    assert result["mig_high"] == pytest.approx(0.25, abs=0.02)
    assert result["mig_low"] == pytest.approx(0.75, abs=0.02)
    assert result["dci_informativeness_high"] == pytest.approx(0.25, abs=0.02)
    assert result["dci_completeness_low"] == pytest.approx(0.75, abs=0.02)
    assert result["dci_disentanglement_low"] == pytest.approx(1, abs=0.02)


def test_inactive_dimensions_do_not_count():
    rates = {"high": [0.05, 0.5], "low": [0.0, 0.0, 0.01]}
    result = disentanglement(reading(FIT, rates, 0, **others(FIT)), reading(HELD, rates, 1, **others(HELD)))
    assert {result[name] for name in result if name.endswith("_low")} == {0.0}, "a level that has collapsed"
    assert result["dci_informativeness_high"] == pytest.approx(0, abs=0.01)
    nothing = {"high": [0.0, 0.0], "low": [0.0, 0.0, 0.0]}
    result = disentanglement(reading(FIT, nothing, 0, **others(FIT)), reading(HELD, nothing, 1, **others(HELD)))
    assert set(result.values()) == {0.0}


def test_the_gap_is_that_of_samples_and_dci_that_of_means():
    readings = [reading(known, ALIVE, seed, **others(known)) for seed, known in enumerate((FIT, HELD))]
    drowned = [replace(each, samples={"high": noise(FIT, 2, seed), "low": noise(FIT, 3, 5 + seed)})
               for seed, each in enumerate(readings)]  # fmt: skip
    result = disentanglement(*drowned)
    assert result["mig"] == pytest.approx(0, abs=0.01)
    assert result["dci_informativeness"] == pytest.approx(1, abs=0.01)


def test_without_known_factors_there_is_no_figure():
    result = disentanglement(reading(FIT, ALIVE), reading(HELD, ALIVE))
    assert set(result.values()) == {None}
    assert len(result) == 12


def test_what_does_not_vary_is_no_factor():
    same = {"always": torch.zeros(1500, dtype=torch.long)}
    known = disentanglement(
        reading(FIT, ALIVE, 0, **others(FIT), **same), reading(HELD, ALIVE, 1, **others(HELD), **same)
    )
    assert known == disentanglement(reading(FIT, ALIVE, 0, **others(FIT)), reading(HELD, ALIVE, 1, **others(HELD)))
