"""Modes, high quality and reverse KL of points against PacGAN's definition (Lin et al. 2018, arXiv:1712.04086, 4.1).

Each sample belongs to the nearest Gaussian; it is of high quality within 3 standard deviations; of these the modes are
counted, and the KL of their shares from equal ones is taken.
"""

import math
from collections import Counter

import pytest
import torch

from src.data.gaussians import LEVELS, GaussianGrid, GaussianRing
from src.evaluation.coverage import rejected_share
from src.evaluation.metrics.modes import ModeCoverage
from src.evaluation.oracles.gaussians import NearestCentre


def by_definition(points: list[tuple[float, float]], centres: list[tuple[float, float]], sigma: float):
    """Modes with a sample, share of high quality, reverse KL, in plain Python."""
    counts: Counter[int] = Counter()
    for point in points:
        distance, nearest = min((math.dist(point, centre), index) for index, centre in enumerate(centres))
        counts[nearest] += distance < 3 * sigma
    within = sum(counts.values())
    shares = [count / within for count in counts.values() if count]
    return len(shares), within / len(points), sum(p * math.log(p * len(centres)) for p in shares)


@pytest.mark.parametrize("data", [GaussianRing, GaussianGrid])
def test_points_are_counted_as_in_the_papers(data):
    mixture = data.mixture
    held_out = mixture.draw(2_000, seed=1)
    oracle = NearestCentre(mixture, held_out, "0" * 12)
    random = torch.Generator().manual_seed(0)
    modes = torch.tensor([0, 0, 0, 1, 3, 4])[torch.randint(6, (2_500,), generator=random)]  # three of them lost
    noise = torch.randn(2_500, 2, generator=random, dtype=torch.double)
    points = mixture.centres_K2[modes] + 1.5 * mixture.sigma * noise  # a share of them beyond 3σ
    stored = ((points / mixture.reach + 1) * (LEVELS / 2)).round().int().view(-1, 1, 1, 2)

    toy = data(root="", budget=64, batch_size=8, seed=0, stack=1)
    toy.setup()
    real = oracle.predict(held_out.images.unsqueeze(1))
    metric = ModeCoverage(real, len(mixture.centres), rejected_share(toy.spec))
    metric.update(oracle.predict(stored))
    computed = metric.compute()
    coordinates = [tuple(point) for point in mixture.coordinates(stored)[:, 0].tolist()]
    num_modes, quality, divergence = by_definition(coordinates, [*mixture.centres.values()], mixture.sigma)
    assert computed["modes_any"] == num_modes == 4
    assert computed["recognisable"].item() == pytest.approx(quality, abs=1e-12)
    assert 0.5 < quality < 0.99
    # Within what the shares of held-out points, beyond 3σ too, differ from equal ones.
    assert computed["kl_any"].item() == pytest.approx(divergence, abs=0.01)
