"""Mixtures of narrow, well separated Gaussians in the plane as LightningDataModules.

N points, C channels, K Gaussians.
"""

import itertools
import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from src.data.module import Loaded, ResidentData
from src.data.spec import Split

LEVELS = 2**20 - 1  # quantisation steps over the range of a coordinate: thousands per σ
NUM_DRAWN = {"train": 100_000, "val": 2_000, "test": 2_000}  # multiples of 8 and 25
NEAR = 3  # σ within which a point belongs to a Gaussian; 98.9 % of its own points do


@dataclass(frozen=True)
class Mixture:
    """Isotropic Gaussians of equal weight and width in the plane; lengths are in the papers' units."""

    centres: dict[str, tuple[float, float]]  # means by name
    sigma: float  # standard deviation in each direction
    reach: float  # coordinates in [−reach, reach] are stored, and scaled to [-1, 1] for networks

    @property
    def centres_K2(self) -> Tensor:
        return torch.tensor(list(self.centres.values()), dtype=torch.double)

    def draw(self, num: int, seed: int) -> Split:
        """Equally many points of each Gaussian, in turn; the label is the Gaussian."""
        labels_N = torch.arange(num) % len(self.centres)
        noise_N2 = torch.from_numpy(np.random.default_rng(seed).standard_normal((num, 2)))
        points_N2 = self.centres_K2[labels_N] + self.sigma * noise_N2
        stored_N2 = ((points_N2 / self.reach + 1) * (LEVELS / 2)).round().clamp(0, LEVELS)
        return Split(stored_N2.int().unsqueeze(1), labels_N)

    def coordinates(self, images_NCHW: Tensor) -> Tensor:
        """Coordinates of stored points [N, C, 1, 2], float64 [N, C, 2] because σ is small beside them."""
        return (images_NCHW[:, :, 0].double() * (2 / LEVELS) - 1) * self.reach

    def nearest(self, points_NC2: Tensor) -> Tensor:
        """Index of the nearest Gaussian [N, C], −1 beyond `NEAR` σ."""
        centres_K2 = self.centres_K2.to(points_NC2.device)
        distance_NC, nearest_NC = (points_NC2.unsqueeze(-2) - centres_K2).norm(dim=-1).min(-1)
        return torch.where(distance_NC <= NEAR * self.sigma, nearest_NC, -1)


class Gaussians(ResidentData):
    """Points of a `mixture`, the same in every run, each stored as an image [1, 2] of its coordinates."""

    mixture: Mixture

    def load(self) -> Loaded:
        train, val, test = (self.mixture.draw(num, seed) for seed, num in enumerate(NUM_DRAWN.values()))
        return Loaded(train, val, test, tuple(self.mixture.centres), self.name, levels=LEVELS)


class GaussianRing(Gaussians):
    """Eight Gaussians on a circle of radius 2, σ 0.02 (Metz et al. 2017, arXiv:1611.02163)."""

    name = "gaussian_ring"
    mixture = Mixture(
        {f"{45 * k}°": (2 * math.cos(math.pi * k / 4), 2 * math.sin(math.pi * k / 4)) for k in range(8)},
        sigma=0.02,
        reach=3,
    )


class GaussianGrid(Gaussians):
    """25 Gaussians at −4, −2, 0, 2 and 4 both ways, σ 0.05 (Lin et al. 2018, arXiv:1712.04086, as in their code)."""

    name = "gaussian_grid"
    mixture = Mixture(
        {f"({x},{y})": (x, y) for y, x in itertools.product(range(4, -5, -2), range(-4, 5, 2))}, sigma=0.05, reach=6
    )


class GaussianPair(Gaussians):
    """Two wide Gaussians at −1 and 1 of the first coordinate, σ 0.5: eigenvalues 1.25 and 0.25 of the covariance."""

    name = "gaussian_pair"
    mixture = Mixture({"left": (-1, 0), "right": (1, 0)}, sigma=0.5, reach=3)
