"""Musical metrics against the contract's definitions in plain loops, known numbers and their blind spots."""

import itertools
import math

import pytest
import torch

from src.data.drums.features import STANDARD
from src.evaluation.metrics.music import Musicality, diversity, feature_distance, validity


def noise(num: int, density: float, seed: int = 0) -> torch.Tensor:
    """Uint8 [num, 16, 9]."""
    return (torch.rand(num, 16, 9, generator=torch.Generator().manual_seed(seed)) < density).byte()


def rock(num: int) -> torch.Tensor:
    """The same bar again and again."""
    grids = torch.zeros(num, 16, 9, dtype=torch.uint8)
    grids[:, ::2, 2] = grids[:, [0, 8], 0] = grids[:, [4, 12], 1] = 1
    return grids


def measured(reference: torch.Tensor, *batches: torch.Tensor) -> dict[str, float]:
    metric = Musicality(reference)
    for grids in batches:
        metric.update(grids)
    return {name: value.item() for name, value in metric.compute().items()}


def test_validity_by_hand():
    empty = torch.zeros(16, 9)
    kick_only = empty.clone()
    kick_only[0, 0] = 1
    full = torch.ones(16, 9)
    kickless = empty.clone()
    kickless[0, 1] = 1
    crowded_and_lopsided = empty.clone()
    crowded_and_lopsided[:8] = 1
    crowded_and_lopsided[8, 0] = 1  # 73 of 144 cells; 1 of 72 pairs agrees
    all_wrong = crowded_and_lopsided.clone()
    all_wrong[:, 0] = 0
    all_wrong[8:10, 1:] = 1
    exactly_half = empty.clone()
    exactly_half[:8] = 1  # not more than half, but the halves agree nowhere
    bars = torch.stack([empty, kick_only, full, kickless, crowded_and_lopsided, all_wrong, exactly_half])
    assert validity(bars).tolist() == pytest.approx([0, 1, 0.8, 0.7, 0.64, 0.8 * 0.7, 0.8])


def naive_validity(grid: list[list[int]]) -> float:
    hits = sum(map(sum, grid))
    if hits == 0:
        return 0.0
    score = 0.8 if hits / 144 > 0.5 else 1.0
    score *= 1.0 if any(row[0] for row in grid) else 0.7
    alike = sum(grid[t][v] == grid[t + 8][v] for t in range(8) for v in range(9))
    return score * (0.8 if alike / 72 < 0.3 else 1.0)


@pytest.mark.parametrize("density", [0.01, 0.1, 0.5, 0.9])
def test_validity_reference(density):
    grids = noise(100, density)
    grids[::3, 8:] = 1 - grids[::3, :8]  # halves that disagree do not come by chance
    assert validity(grids).tolist() == pytest.approx([naive_validity(grid) for grid in grids.tolist()])


def test_diversity_is_the_mean_over_all_pairs():
    grids = noise(30, 0.2)
    distances = [(one != other).float().mean().item() for one, other in itertools.combinations(grids, 2)]
    assert diversity(grids).item() == pytest.approx(sum(distances) / len(distances), abs=1e-6)


def test_diversity_of_extremes():
    assert diversity(rock(10)) == 0
    assert diversity(torch.stack([torch.zeros(16, 9), torch.ones(16, 9)])) == 1
    assert diversity(noise(20_000, 0.5)).item() == pytest.approx(0.5, abs=0.001)


def test_noise_passes_for_valid_and_diverse():
    """The blind spot that the feature distance is there for."""
    result = measured(rock(50), noise(20_000, 0.3))
    expected = 1 - 0.3 * 0.7**16  # what is lost is the bars without a kick
    assert expected == pytest.approx(0.999, abs=5e-4)
    assert result["validity"] == pytest.approx(expected, abs=3e-4)
    assert result["diversity"] == pytest.approx(2 * 0.3 * 0.7, abs=0.002)
    assert result["feature_distance"] > 10


def test_a_repeated_bar_is_perfectly_valid():
    result = measured(noise(200, 0.13), rock(100))
    assert result["validity"] == 1
    assert result["diversity"] == 0
    assert result["feature_distance"] > 10


def test_feature_distance_of_doubled_features():
    """Σ' = 4 Σ leaves a trace of Σ + 4 Σ − 2 · 2 Σ: one reference variance a feature."""
    reference = 3 + 5 * torch.randn(500, 2, generator=torch.Generator().manual_seed(0))
    shift = ((reference.mean(0) + 7) / reference.std(0)).square().sum().item()
    assert feature_distance(reference, 2 * reference + 7).item() == pytest.approx(shift + 2, rel=1e-5)


def test_feature_distance_has_no_unit():
    generator = torch.Generator().manual_seed(0)
    reference, other = torch.randn(300, 4, generator=generator), 0.3 + torch.randn(300, 4, generator=generator)
    scale = torch.tensor([1e-3, 1.0, 50.0, 2.0])
    assert feature_distance(reference * scale, other * scale).item() == pytest.approx(
        feature_distance(reference, other).item(), rel=1e-4
    )


def test_features_that_are_constant_in_the_reference():
    reference = torch.rand(100, generator=torch.Generator().manual_seed(0))
    constant = torch.full((100,), 0.3)
    same = feature_distance(torch.stack([reference, constant], 1), torch.stack([reference, constant], 1))
    moved = feature_distance(torch.stack([reference, constant], 1), torch.stack([reference, constant + 0.2], 1))
    assert same.item() == pytest.approx(0, abs=1e-5)
    assert moved.item() == pytest.approx(0.04, abs=1e-5)
    assert math.isfinite(measured(rock(10), rock(10))["feature_distance"])


def test_the_same_distribution_is_near_and_another_far():
    train, test, crowded = noise(1500, 0.15), noise(1500, 0.15, seed=1), noise(1500, 0.25, seed=2)
    assert measured(train, train)["feature_distance"] == pytest.approx(0, abs=1e-4)
    near, far = (measured(train, grids)["feature_distance"] for grids in (test, crowded))
    assert 0 < near < 0.2
    assert far > 20 * near


def test_batches_add_up():
    train, grids = noise(100, 0.15), noise(90, 0.2, seed=1)
    assert measured(train, grids) == measured(train, grids[:20], grids[20:])
    assert measured(train, grids)["feature_distance"] == feature_distance(STANDARD(train), STANDARD(grids)).item()
