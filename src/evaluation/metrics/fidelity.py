"""Distances between real and generated images in the oracle's feature space.

N generated images, M real images, F features, k neighbours.
"""

from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise

import numpy as np
import torch
from scipy.stats import betabinom
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from src.evaluation import SEED

ROWS = 256  # of a distance matrix held at once
MAX_POINTS = 10_000  # of neighbourhoods, in quadratic time
MAX_PAIRED = 2_500  # points of which KID takes all pairs, in float64
IN_TRAINING = 1_000  # points of either in evaluations during training
NUM_SIZES = 15  # of the samples from which FD∞ is extrapolated, evenly spaced
SMALLEST = 0.1  # share of the images in the smallest of them, but at least
PER_FEATURE = 2.5  # images per feature: with fewer the bias is not yet proportional to 1/N


class Fidelity(Metric):
    """Fréchet and kernel distance, neighbourhoods and Vendi score of generated against real features.

    Neighbourhoods and the Vendi score use features centred by the real mean, since distances
    are computed as differences of squares, which would cancel in float32 far from the origin.

    Args:
        real_MF: features of held-out real images; what depends on them alone is computed once.
        neighbours: k of the neighbourhoods.
        final: compares as many points as there is time for at the end, and adds `fid_infinity`; evaluations during
            training compare fewer.
    """

    full_state_update = False
    features: list[Tensor]

    def __init__(self, real_MF: Tensor, neighbours: int = 5, final: bool = False):
        super().__init__(sync_on_compute=False)  # under DDP every rank scores all samples
        self.register_buffer("real_MF", real_MF)
        self.neighbours = neighbours
        self.real = Gaussian.fitted(real_MF)
        self.subsets = Subsets(real_MF) if final else None
        self.max_points, self.max_paired = (MAX_POINTS, MAX_PAIRED) if final else (IN_TRAINING, IN_TRAINING)
        self.paired = Paired(real_MF[: self.max_paired])
        self.balls: dict[int, Balls] = {}
        self.add_state("features", [], dist_reduce_fx="cat")

    def update(self, features_NF: Tensor) -> None:
        self.features.append(features_NF)

    def compute(self) -> dict[str, Tensor]:
        fake_NF = dim_zero_cat(self.features)
        return {
            "fid": self.real.distance(Gaussian.fitted(fake_NF)),
            **({"fid_infinity": self.subsets.distance(fake_NF)} if self.subsets else {}),
            "kid": self.paired.distance(Paired(fake_NF[: self.max_paired])),
            **self.neighbourhoods(fake_NF),
            "vendi": vendi_score(self._centred(fake_NF)),
        }

    def neighbourhoods(self, fake_NF: Tensor) -> dict[str, Tensor]:
        """Of equally many real and generated images, since radii shrink with number."""
        num = min(len(fake_NF), len(self.real_MF), self.max_points)
        real_MF = self._centred(self.real_MF[:num])
        if num not in self.balls:
            self.balls[num] = Balls.around(real_MF, self.neighbours)
        return neighbourhoods(real_MF, self.balls[num], self._centred(fake_NF[:num]))

    def _centred(self, features_NF: Tensor) -> Tensor:
        return (features_NF.double() - self.real.mean_F).to(features_NF.dtype)


@dataclass(frozen=True)
class Gaussian:
    """A fitted normal distribution, in float64."""

    mean_F: Tensor
    covariance_FF: Tensor

    @classmethod
    def fitted(cls, points_NF: Tensor) -> "Gaussian":
        points_NF = points_NF.double()
        return cls(points_NF.mean(0), torch.atleast_2d(torch.cov(points_NF.T)))

    @cached_property
    def root_FF(self) -> Tensor:
        """Symmetric square root of the covariance. On the CPU, where so small a matrix takes milliseconds."""
        values_F, vectors_FF = torch.linalg.eigh(self.covariance_FF.cpu())
        return ((vectors_FF * values_F.clamp(min=0).sqrt()) @ vectors_FF.T).to(self.covariance_FF)

    def distance(self, other: "Gaussian") -> Tensor:
        """Squared 2-Wasserstein distance (Heusel et al. 2017, arXiv:1706.08500).

        tr (ΣΣ')^½ is the sum of the roots of the eigenvalues of Σ^½ Σ' Σ^½, non-negative up to rounding.
        """
        product_FF = self.root_FF @ other.covariance_FF @ self.root_FF
        overlap = torch.linalg.eigvalsh(product_FF.cpu()).clamp(min=0).sqrt().sum().to(product_FF)
        gap = (self.mean_F - other.mean_F).square().sum()
        return gap + self.covariance_FF.trace() + other.covariance_FF.trace() - 2 * overlap


def frechet_distance(real_MF: Tensor, fake_NF: Tensor) -> Tensor:
    """Fréchet distance of two samples, see `Gaussian.distance`."""
    return Gaussian.fitted(real_MF).distance(Gaussian.fitted(fake_NF))


class Subsets:
    """Extrapolates the Fréchet distance to infinitely many images (Chong & Forsyth 2020, arXiv:1911.07023).

    Its bias is proportional to 1/N. A line through the distances of random subsets of both samples, from a tenth of
    each to all, is read at 1/N = 0, so that two samples of one distribution are at distance 0 on average. The paper
    extrapolates the generated sample only, and leaves its far larger reference as it is. The subsets are the beginnings
    of one random order, so that all of them together take as long as one covariance.
    """

    def __init__(self, real_MF: Tensor):
        self.real_MF = real_MF
        self.fitted: dict[float, list[Gaussian]] = {}

    def distance(self, fake_NF: Tensor) -> Tensor:
        smallest = PER_FEATURE * fake_NF.shape[1] / min(len(self.real_MF), len(fake_NF))
        smallest = min(0.5, max(SMALLEST, smallest))
        shares = np.linspace(smallest, 1, NUM_SIZES)
        if smallest not in self.fitted:
            self.fitted[smallest] = beginnings(self.real_MF, shares)
        pairs = zip(self.fitted[smallest], beginnings(fake_NF, shares), strict=True)
        distances = [real.distance(fake).item() for real, fake in pairs]
        return torch.tensor(np.polynomial.Polynomial.fit(1 / shares, distances, 1)(0.0), device=fake_NF.device)


def beginnings(points_NF: Tensor, shares: np.ndarray) -> list[Gaussian]:
    """Gaussians of the first points in one random order, the same each time, for each of these rising shares."""
    order_N = torch.randperm(len(points_NF), generator=torch.Generator().manual_seed(SEED)).to(points_NF.device)
    points_NF = points_NF[order_N].double()
    sum_F, product_FF, fitted = torch.zeros_like(points_NF[0]), points_NF.new_zeros(2 * [points_NF.shape[1]]), []
    for start, end in pairwise([0, *(round(share * len(points_NF)) for share in shares)]):
        part_BF = points_NF[start:end]
        sum_F, product_FF = sum_F + part_BF.sum(0), product_FF + part_BF.T @ part_BF
        mean_F = sum_F / end
        fitted.append(Gaussian(mean_F, (product_FF - end * mean_F.outer(mean_F)) / (end - 1)))
    return fitted


@dataclass(frozen=True)
class Paired:
    """Points of which all pairs are compared by the kernel (xᵀy/F + 1)³, in float64."""

    points_NF: Tensor

    @cached_property
    def own(self) -> Tensor:
        """Mean kernel of the pairs of two different points."""
        num, features = self.points_NF.shape
        own = ((self.points_NF.double().square().sum(1) / features + 1) ** 3).sum()
        return (self.total(self) - own) / (num * (num - 1))

    def total(self, other: "Paired") -> Tensor:
        """Sum of the kernel over all pairs of one of these points and one of the others."""
        rows_NF, others_FM = self.points_NF.double(), other.points_NF.double().T
        kernels = (((rows_BF @ others_FM / len(others_FM) + 1) ** 3).sum() for rows_BF in rows_NF.split(ROWS))
        return torch.stack([*kernels]).sum()

    def distance(self, other: "Paired") -> Tensor:
        """Kernel inception distance, the squared MMD (Bińkowski et al. 2018, arXiv:1801.01401).

        The unbiased estimate on all pairs, which has less variance than the usual mean over random subsets and may be
        slightly negative.
        """
        return self.own + other.own - 2 * self.total(other) / (len(self.points_NF) * len(other.points_NF))


@dataclass(frozen=True)
class Balls:
    """The balls around real images that reach to the k-th nearest other one.

    `clipped_M`: radii no larger than their median. `own_density`: clipped density of the real images themselves.
    """

    neighbours: int
    radius_M: Tensor
    clipped_M: Tensor
    own_density: Tensor

    @classmethod
    def around(cls, real_MF: Tensor, neighbours: int) -> "Balls":
        distance_Mk, index_Mk = nearest(real_MF, real_MF, neighbours)
        radius_M = distance_Mk[:, -1]
        clipped_M = radius_M.clamp(max=radius_M.quantile(0.5))
        held_M = index_Mk[distance_Mk <= clipped_M.unsqueeze(1)].bincount(minlength=len(real_MF))
        return cls(neighbours, radius_M, clipped_M, (held_M / neighbours).clamp(max=1).mean())


def neighbourhoods(real_MF: Tensor, real: Balls, fake_NF: Tensor) -> dict[str, Tensor]:
    """Precision and recall (Kynkäänniemi et al. 2019, arXiv:1904.06991), density and coverage (Naeem et al. 2020).

    arXiv:2002.09797. Clipped density and coverage: Salvy et al. 2026, arXiv:2507.01761; no image and no ball counts
    more than once, and what they measure of a mixture of good and bad samples is the share of good ones. k is 5 as in
    the latter two, where Kynkäänniemi et al. take 3.
    """
    k, fake_radius_N = real.neighbours, nearest(fake_NF, fake_NF, real.neighbours)[0][:, -1]
    balls_N, clipped_N, inside_a_ball_M, nearest_M, samples_M = [], [], [], [], []
    for rows_BF in fake_NF.split(ROWS):
        distance_BM = torch.cdist(rows_BF, real_MF)
        balls_N.append((distance_BM < real.radius_M).sum(1))
        clipped_N.append((distance_BM <= real.clipped_M).sum(1))
    for rows_BF, radius_B in zip(real_MF.split(ROWS), real.radius_M.split(ROWS), strict=True):
        distance_BN = torch.cdist(rows_BF, fake_NF)
        inside_a_ball_M.append((distance_BN < fake_radius_N).any(1))
        nearest_M.append(distance_BN.amin(1))
        samples_M.append((distance_BN <= radius_B.unsqueeze(1)).sum(1))
    clipped_density = (torch.cat(clipped_N) / k).clamp(max=1).mean() / real.own_density
    filled = (torch.cat(samples_M) / k).clamp(max=1).mean().item()
    return {
        "precision": (torch.cat(balls_N) > 0).float().mean(),
        "recall": torch.cat(inside_a_ball_M).float().mean(),
        "density": torch.cat(balls_N).float().mean() / k,
        "coverage": (torch.cat(nearest_M) < real.radius_M).float().mean(),
        "clipped_density": clipped_density.clamp(max=1),
        "clipped_coverage": torch.tensor(good_share(filled, len(real_MF), len(fake_NF), k), device=fake_NF.device),
    }


def good_share(filled: float, num_real: int, num_fake: int, neighbours: int) -> float:
    """The share of good samples at which so much of the balls is expected to be filled (`calibrate` in the paper)."""
    filled_G = expected_filled(num_real, num_fake, neighbours)
    return float(np.interp(filled, filled_G, np.linspace(0, 1, num_fake + 1)))


@cache
def expected_filled(num_real: int, num_fake: int, neighbours: int) -> np.ndarray:
    """E[min(J, k)]/k for G = 0 … N good samples, of which J fall into the ball of a real image.

    The real distribution's mass in a ball that reaches to the k-th of M − 1 other points is Beta(k, M − k), so J is
    beta-binomial.
    """
    count_K = np.arange(neighbours)[:, None]
    chance_KG = betabinom.pmf(count_K, np.arange(num_fake + 1), neighbours, num_real - neighbours)
    return 1 - ((1 - count_K / neighbours) * chance_KG).sum(0)


def vendi_score(features_NF: Tensor) -> Tensor:
    """The effective number of distinct images (Friedman & Dieng 2023, arXiv:2210.02410), cosine kernel.

    The kernel matrix XXᵀ/N has the eigenvalues of the small XᵀX/N.
    """
    unit_NF = torch.nn.functional.normalize(features_NF.double())
    eigenvalues = torch.linalg.eigvalsh((unit_NF.T @ unit_NF / len(unit_NF)).cpu()).clamp(min=0)
    return torch.exp(-torch.xlogy(eigenvalues, eigenvalues).sum()).to(features_NF.device)


def nearest(points_NF: Tensor, others_MF: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Distances and indices [N, k] of the k nearest others of each point; of the points themselves without its own."""
    same = points_NF is others_MF
    if len(others_MF) <= k:
        raise ValueError(f"{len(others_MF)} samples are too few for {k} nearest neighbours: take more")
    parts = []
    for number, rows_BF in enumerate(points_NF.split(ROWS)):
        distance_BM = torch.cdist(rows_BF, others_MF)
        if same:
            distance_BM.diagonal(number * ROWS).fill_(torch.inf)
        parts.append(distance_BM.topk(k, largest=False))
    return torch.cat([part.values for part in parts]), torch.cat([part.indices for part in parts])
