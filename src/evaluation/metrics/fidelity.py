"""Distances between real and generated images in the oracle's feature space.

N generated images, M real images, F features, k neighbours.
"""

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

ROWS = 256  # of a distance matrix held at once
MAX_POINTS = 10_000  # of neighbourhoods, in quadratic time
MAX_PAIRED = 2_500  # points of which KID takes all pairs, in float64


class Fidelity(Metric):
    """Fréchet distance, KID, precision, recall, density, coverage and Vendi score of generated against real features.

    Neighbourhoods and the Vendi score use features centred by the real mean, since distances are computed as
    differences of squares, which would cancel in float32 far from the origin.

    Args:
        real_MF: features of held-out real images; their radii are computed once per number of fakes.
        neighbours: k of the neighbourhoods.
    """

    full_state_update = False
    features: list[Tensor]

    def __init__(self, real_MF: Tensor, neighbours: int = 5):
        super().__init__(sync_on_compute=False)  # under DDP every rank scores all samples
        self.register_buffer("real_MF", real_MF)
        self.neighbours = neighbours
        self.real_radii: dict[int, Tensor] = {}
        self.add_state("features", [], dist_reduce_fx="cat")

    def update(self, features_NF: Tensor) -> None:
        self.features.append(features_NF)

    def compute(self) -> dict[str, Tensor]:
        """The seven metrics; neighbourhoods use equally many of each, since radii shrink with number."""
        fake_NF = dim_zero_cat(self.features)
        num = min(len(fake_NF), len(self.real_MF), MAX_POINTS)
        real_MF, centred_NF = self._centred(self.real_MF[:num]), self._centred(fake_NF)
        if num not in self.real_radii:
            self.real_radii[num] = radii(real_MF, self.neighbours)
        return {
            "fid": frechet_distance(self.real_MF, fake_NF),
            "kid": kernel_distance(self.real_MF[:MAX_PAIRED], fake_NF[:MAX_PAIRED]),
            **neighbourhoods(real_MF, self.real_radii[num], centred_NF[:num], self.neighbours),
            "vendi": vendi_score(centred_NF),
        }

    def _centred(self, features_NF: Tensor) -> Tensor:
        return (features_NF.double() - self.real_MF.double().mean(0)).to(features_NF.dtype)


def frechet_distance(real_MF: Tensor, fake_NF: Tensor) -> Tensor:
    """Squared 2-Wasserstein distance of two fitted Gaussians (Heusel et al. 2017, arXiv:1706.08500, eq. 6)."""
    real_MF, fake_NF = real_MF.double(), fake_NF.double()
    gap = (real_MF.mean(0) - fake_NF.mean(0)).square().sum()
    real_FF, fake_FF = torch.cov(real_MF.T), torch.cov(fake_NF.T)
    # tr (ΣΣ')^½ is the sum of the roots of the eigenvalues of ΣΣ', non-negative up to rounding.
    # On the CPU, where such a small matrix takes milliseconds.
    overlap = torch.linalg.eigvals((real_FF @ fake_FF).cpu()).real.clamp(min=0).sqrt().sum().to(gap)
    return gap + real_FF.trace() + fake_FF.trace() - 2 * overlap


def kernel_distance(real_MF: Tensor, fake_NF: Tensor) -> Tensor:
    """Kernel inception distance: squared MMD, kernel (xᵀy/F + 1)³ (Bińkowski et al. 2018, arXiv:1801.01401, sec. 4).

    The unbiased estimate on all pairs, which has less variance than the usual mean over random subsets and may be
    slightly negative.
    """
    real_MF, fake_NF = real_MF.double(), fake_NF.double()
    return (
        _mean_kernel(real_MF, real_MF, same=True)
        + _mean_kernel(fake_NF, fake_NF, same=True)
        - 2 * _mean_kernel(real_MF, fake_NF, same=False)
    )


def _mean_kernel(one_NF: Tensor, other_MF: Tensor, same: bool) -> Tensor:
    """Mean over all pairs, without those of a point with itself."""
    features = one_NF.shape[1]
    total = sum(((rows_BF @ other_MF.T / features + 1) ** 3).sum() for rows_BF in one_NF.split(ROWS))
    if not same:
        return total / (len(one_NF) * len(other_MF))
    own = ((one_NF.square().sum(1) / features + 1) ** 3).sum()
    return (total - own) / (len(one_NF) * (len(one_NF) - 1))


def neighbourhoods(real_MF: Tensor, real_radius_M: Tensor, fake_NF: Tensor, neighbours: int) -> dict[str, Tensor]:
    """Precision and recall (Kynkäänniemi et al. 2019, arXiv:1904.06991), density and coverage (Naeem et al. 2020).

    arXiv:2002.09797. The ball of a point reaches to its k-th nearest neighbour of the same kind, see `radii`.
    """
    fake_radius_N = radii(fake_NF, neighbours)
    real_balls_N, inside_a_ball_M, nearest_M = [], [], []
    for rows_BF in fake_NF.split(ROWS):
        real_balls_N.append((torch.cdist(rows_BF, real_MF) < real_radius_M).sum(1))
    for rows_BF in real_MF.split(ROWS):
        distance_BN = torch.cdist(rows_BF, fake_NF)
        inside_a_ball_M.append((distance_BN < fake_radius_N).any(1))
        nearest_M.append(distance_BN.amin(1))
    return {
        "precision": (torch.cat(real_balls_N) > 0).float().mean(),
        "recall": torch.cat(inside_a_ball_M).float().mean(),
        "density": torch.cat(real_balls_N).float().mean() / neighbours,
        "coverage": (torch.cat(nearest_M) < real_radius_M).float().mean(),
    }


def vendi_score(features_NF: Tensor) -> Tensor:
    """The effective number of distinct images (Friedman & Dieng 2023, arXiv:2210.02410, eq. 3), cosine kernel.

    The kernel matrix XXᵀ/N has the eigenvalues of the small XᵀX/N.
    """
    unit_NF = torch.nn.functional.normalize(features_NF.double())
    eigenvalues = torch.linalg.eigvalsh((unit_NF.T @ unit_NF / len(unit_NF)).cpu()).clamp(min=0)
    return torch.exp(-torch.xlogy(eigenvalues, eigenvalues).sum()).to(features_NF.device)


def radii(points_NF: Tensor, neighbours: int) -> Tensor:
    """Distance of each point to its k-th nearest other point."""
    if len(points_NF) <= neighbours:
        raise ValueError(f"{len(points_NF)} samples are too few for {neighbours} nearest neighbours: take more")
    nearest = [
        torch.cdist(rows, points_NF).topk(neighbours + 1, largest=False).values for rows in points_NF.split(ROWS)
    ]
    return torch.cat(nearest)[:, -1]  # the nearest of all is the point itself
