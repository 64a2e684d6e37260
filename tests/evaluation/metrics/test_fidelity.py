import numpy as np
import pytest
import scipy.linalg
import torch
from torch import nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance

from src.evaluation.metrics import fidelity
from src.evaluation.metrics.fidelity import Balls, Fidelity, frechet_distance, kernel_distance, vendi_score

NAMES = ("precision", "recall", "density", "coverage")
CLIPPED = ("clipped_density", "clipped_coverage")


def normal(count, features=6, seed=0) -> torch.Tensor:
    """Correlated features."""
    generator = torch.Generator().manual_seed(seed)
    mix = torch.randn(features, features, generator=generator)
    return torch.randn(count, features, generator=generator) @ mix + torch.randn(features, generator=generator)


def exact(count, mean, deviation) -> torch.Tensor:
    """Points whose sample mean and standard deviations are just these, uncorrelated."""
    points = normal(count, len(mean)).double()
    points = points - points.mean(0)
    white = torch.linalg.solve_triangular(torch.linalg.cholesky(torch.cov(points.T)), points.T, upper=False).T
    return white * torch.tensor(deviation) + torch.tensor(mean)


# Fréchet distance


def neighbourhoods(real, fake, k):
    return fidelity.neighbourhoods(real, Balls.around(real, k), fake)


class Features(nn.Module):
    """Stands where torchmetrics has its Inception network."""

    num_features = 6

    def forward(self, features_BF):
        return features_BF


@pytest.mark.parametrize("seed", range(3))
def test_frechet_distance_against_torchmetrics(seed):
    real, fake = normal(200, seed=seed), normal(150, seed=10 + seed)
    reference = FrechetInceptionDistance(feature=Features())
    reference.update(real, real=True)
    reference.update(fake, real=False)
    assert frechet_distance(real, fake).item() == pytest.approx(reference.compute().item(), rel=1e-4)


def test_frechet_distance_against_scipy():
    real, fake = normal(80, 12, seed=1).double().numpy(), normal(90, 12, seed=2).double().numpy()
    root = scipy.linalg.sqrtm(np.cov(real.T) @ np.cov(fake.T)).real
    expected = np.square(real.mean(0) - fake.mean(0)).sum() + np.trace(np.cov(real.T) + np.cov(fake.T) - 2 * root)
    result = frechet_distance(torch.from_numpy(real), torch.from_numpy(fake))
    assert result.item() == pytest.approx(expected, rel=1e-6)


def test_frechet_distance_of_known_gaussians():
    """Uncorrelated: |μ − μ'|² + Σ (σ − σ')²."""
    real = exact(100, [0.0, 1.0, 2.0], [1.0, 2.0, 0.5])
    fake = exact(70, [1.0, 1.0, 4.0], [3.0, 2.0, 1.0])
    assert frechet_distance(real, fake).item() == pytest.approx((1 + 4) + (4 + 0.25), rel=1e-6)
    assert frechet_distance(real, real).item() == pytest.approx(0, abs=1e-8)
    assert frechet_distance(real, fake).item() == pytest.approx(frechet_distance(fake, real).item())


def test_frechet_distance_of_a_single_repeated_sample():
    """No spread at all is a singular covariance, not an error: the gap and the whole real variance remain."""
    real = exact(100, [0.0, 0.0], [1.0, 2.0])
    fake = torch.tensor([[3.0, 0.0]]).expand(50, 2)
    assert frechet_distance(real, fake).item() == pytest.approx(9 + 5, rel=1e-6)


def test_frechet_distance_with_dead_features():
    real, fake = normal(40, 6), normal(30, 6, seed=1)
    padded = [nn.functional.pad(features, (0, 60)) for features in (real, fake)]
    assert frechet_distance(*padded).item() == pytest.approx(frechet_distance(real, fake).item(), rel=1e-5)


# Kernel distance


@pytest.mark.filterwarnings("ignore:Metric `Kernel Inception Distance` will save:UserWarning")
@pytest.mark.parametrize("seed", range(3))
def test_kernel_distance_against_torchmetrics(seed):
    """With one subset of all samples theirs is the same estimate."""
    real, fake = normal(60, seed=seed), normal(60, seed=10 + seed)
    reference = KernelInceptionDistance(feature=Features(), subsets=1, subset_size=60)
    reference.update(real, real=True)
    reference.update(fake, real=False)
    mean, _ = reference.compute()
    assert kernel_distance(real, fake).item() == pytest.approx(mean.item(), rel=1e-3)


def test_kernel_distance_of_one_distribution_is_zero_on_average():
    points = torch.randn(200, 50, 4, generator=torch.Generator().manual_seed(3))
    values = torch.stack([kernel_distance(both[:20], both[20:]) for both in points])
    assert values.min() < 0 < values.max()
    assert abs(values.mean()) < 4 * values.std() / len(values) ** 0.5


# Neighbourhoods


def by_double_loop(real, fake, k) -> dict[str, float]:
    real, fake = real.double().numpy(), fake.double().numpy()

    def distance(a, b):
        return float(np.sqrt(np.square(a - b).sum()))

    def radius(points, own):
        return sorted(distance(points[own], points[other]) for other in range(len(points)) if other != own)[k - 1]

    real_radius = [radius(real, i) for i in range(len(real))]
    fake_radius = [radius(fake, j) for j in range(len(fake))]
    balls = [sum(distance(f, r) < real_radius[i] for i, r in enumerate(real)) for f in fake]
    inside = [any(distance(r, f) < fake_radius[j] for j, f in enumerate(fake)) for r in real]
    covered = [any(distance(r, f) < real_radius[i] for f in fake) for i, r in enumerate(real)]
    return {
        "precision": np.mean([count > 0 for count in balls]),
        "recall": np.mean(inside),
        "density": np.sum(balls) / (k * len(fake)),
        "coverage": np.mean(covered),
    }


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("rows", [7, 1024])
def test_neighbourhoods_against_a_double_loop(monkeypatch, k, rows):
    monkeypatch.setattr(fidelity, "ROWS", rows)
    real = normal(60, 3)
    fake = normal(50, 3, seed=0)[:50] * 1.3 + 0.4
    result = neighbourhoods(real, fake, k)
    expected = by_double_loop(real, fake, k)
    assert set(result) == {*NAMES, *CLIPPED}
    assert 0 < expected["precision"] < 1
    assert 0 < expected["coverage"] < 1
    for name in NAMES:
        assert result[name].item() == pytest.approx(expected[name], abs=1e-6), name


def test_the_same_set():
    points = normal(100)
    result = neighbourhoods(points, points, 5)
    assert {name: value.item() for name, value in result.items()} == pytest.approx(dict.fromkeys(result, 1.0), abs=0.03)
    assert result["precision"] == result["recall"] == result["coverage"] == 1


def test_disjoint_sets():
    points = normal(100)
    result = neighbourhoods(points, points + 1000, 5)
    assert {name: value.item() for name, value in result.items()} == dict.fromkeys(result, 0)


def test_one_of_two_clusters_is_precise_and_misses_half():
    left, right = normal(60, seed=0), normal(60, seed=0).flip(0) + 1000
    result = neighbourhoods(torch.cat([left, right]), left.repeat(2, 1) + 0.01 * normal(120), 5)
    assert result["precision"] > 0.9
    assert result["recall"] == pytest.approx(0.5, abs=0.1)
    assert result["coverage"] == pytest.approx(0.5, abs=0.05)


# Vendi score


def test_vendi_score_of_copies_is_one():
    assert vendi_score(torch.tensor([[0.3, -2.0, 1.0]]).expand(40, 3)).item() == pytest.approx(1)


@pytest.mark.parametrize("distinct", [1, 2, 7])
def test_vendi_score_of_balanced_kinds_is_their_number(distinct):
    one_hot = torch.eye(distinct).repeat(30, 1) * torch.rand(30 * distinct, 1).add(0.5)  # length does not matter
    assert vendi_score(one_hot).item() == pytest.approx(distinct)


def test_vendi_score_is_the_entropy_of_the_kernel():
    features = normal(40, 6)
    unit = features / features.norm(dim=1, keepdim=True)
    eigenvalues = np.linalg.eigvalsh((unit @ unit.T / 40).double().numpy())
    eigenvalues = eigenvalues[eigenvalues > 1e-9]
    expected = np.exp(-(eigenvalues * np.log(eigenvalues)).sum())
    assert 1 < expected < 6
    assert vendi_score(features).item() == pytest.approx(expected, rel=1e-4)


# The metric


def test_all_together():
    real, fake = normal(90), normal(70, seed=1)
    metric = Fidelity(real, neighbours=3)
    metric.update(fake)
    result = metric.compute()
    real, fake = real.double(), fake.double()
    mean = real.mean(0)
    expected = {
        "fid": frechet_distance(real, fake),
        "kid": kernel_distance(real, fake),
        **neighbourhoods((real[:70] - mean).float(), (fake - mean).float(), 3),
        "vendi": vendi_score((fake - mean).float()),
    }
    assert list(result) == ["fid", "kid", *NAMES, *CLIPPED, "vendi"]
    assert all(torch.equal(result[name], value) for name, value in expected.items())


def test_neighbourhoods_compare_equal_numbers():
    real, fake = normal(50), normal(80, seed=1)
    metric = Fidelity(real)
    metric.update(fake)
    result = metric.compute()
    assert result["recall"] == neighbourhoods(real, fake[:50], 5)["recall"]
    assert result["fid"] == frechet_distance(real, fake)  # all of both


def test_fewer_pairs_are_compared_during_training_than_at_the_end(monkeypatch):
    monkeypatch.setattr(fidelity, "IN_TRAINING", 30)
    real, fake = normal(50), normal(80, seed=1)
    for final, num in ((False, 30), (True, 80)):
        metric = Fidelity(real, final=final)
        metric.update(fake)
        result = metric.compute()
        assert result["kid"] == kernel_distance(real[:num], fake[:num])
        assert result["recall"] == neighbourhoods(real[:num], fake[: min(num, 50)], 5)["recall"]
        assert result["fid"] == frechet_distance(real, fake)


def test_updates_merge_and_reset():
    real, fake = normal(60), normal(60, seed=1)
    whole, parts, other = Fidelity(real), Fidelity(real), Fidelity(real)
    whole.update(fake)
    parts.update(fake[:20])
    parts.update(fake[20:])
    assert parts.compute() == whole.compute()

    parts.reset()
    parts.update(fake[:25])
    other.update(fake[25:])
    parts.merge_state(other)
    merged = parts.compute()
    assert merged["fid"].item() == pytest.approx(whole.compute()["fid"].item(), rel=1e-6)
    assert merged["vendi"].item() == pytest.approx(whole.compute()["vendi"].item(), rel=1e-6)


def test_it_does_not_matter_where_in_their_space_features_lie():
    """In float32, squares of coordinates near 100 leave no digit of distances of 0.1."""
    real = 0.1 * normal(300, 20)
    fake = real + 0.08 * normal(300, 20, seed=1)
    near, moved = Fidelity(real), Fidelity(real + 100)
    near.update(fake)
    moved.update(fake + 100)
    result, expected = moved.compute(), near.compute()
    assert 0.05 < expected["precision"] < 0.95
    for name in (*NAMES, *CLIPPED, "vendi", "fid"):
        assert result[name].item() == pytest.approx(expected[name].item(), rel=1e-3, abs=0.01), name
