"""Copies of training images among samples, in the oracle's feature space.

N samples, M held-out images, T training images, F features, k neighbours.
"""

import torch
from torch import Tensor

from src.evaluation.metrics.fidelity import nearest
from src.evaluation.oracles.base import Predictions

MAX_SAMPLES = 2_500
RATIO = 1 / 3  # of the distances to the nearest and the second nearest training image
MIN_IN_CELL = 20  # samples of a class that C_T takes into account, as in the paper's experiments


class Copies:
    """Compares distances to the nearest of different training images between samples, these and held-out images."""

    def __init__(self, train_TF: Tensor, held_out: Predictions):
        self.mean_F = train_TF.double().mean(0)
        self.train_TF = self._centred(train_TF)
        self.radius_T = nearest_training(self.train_TF, self.train_TF, 1)[0][:, 0]
        self.held_out_M = nearest_training(self._centred(held_out.features_NF), self.train_TF, 1)[0][:, 0]
        self.held_out_class_M = held_out.classes_NS[:, 0]

    def measure(self, samples: Predictions) -> dict[str, Tensor]:
        """Of the first samples, in float64; without `c_t` where no class has enough of them.

        `memorised`: share whose distance to the nearest training image is less than a third of that to the second
        nearest (Yoon et al. 2023; Gu et al. 2023, arXiv:2310.02664). `authenticity`: share that is farther from the
        nearest training image than that one is from any other (Alaa et al. 2022, arXiv:2102.08921; AuthPct in Stein
        et al. 2023, arXiv:2306.04675). `c_t`: see `data_copying`.
        """
        distance_Nk, index_Nk = nearest_training(self._centred(samples.features_NF[:MAX_SAMPLES]), self.train_TF, 2)
        first_N, second_N = distance_Nk.unbind(1)
        class_N = samples.classes_NS[:MAX_SAMPLES, 0]
        copying = data_copying(first_N, class_N, self.held_out_M, self.held_out_class_M)
        return {
            "memorised": (first_N < RATIO * second_N).double().mean(),
            "authenticity": (first_N > self.radius_T[index_Nk[:, 0]]).double().mean(),
            **({} if copying is None else {"c_t": copying}),
        }

    def _centred(self, features_NF: Tensor) -> Tensor:
        return (features_NF.double() - self.mean_F).to(features_NF.dtype)


def nearest_training(points_NF: Tensor, train_TF: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """As `nearest`, with distances from differences in float64: those of a copy are 0 up to its features' rounding."""
    _, index_Nk = nearest(points_NF, train_TF, k)
    distance_Nk, order_Nk = (points_NF.double().unsqueeze(1) - train_TF[index_Nk].double()).norm(dim=2).sort(1)
    return distance_Nk, index_Nk.gather(1, order_Nk)


def data_copying(samples_N: Tensor, cell_N: Tensor, held_out_M: Tensor, cell_M: Tensor) -> Tensor | None:
    """C_T of distances to the nearest training image (Meehan et al. 2020, arXiv:2004.05675).

    The z-value of Mann and Whitney's U in each cell, averaged with the cells' shares of the held-out images: well below
    0 where samples are nearer to the training images than held-out ones are, well above where they are farther. Cells
    are the oracle's classes; the paper's are clusters of the training images.
    """
    values, weights = [], []
    for cell in cell_M.unique():
        near_N, near_M = samples_N[cell_N == cell], held_out_M[cell_M == cell]
        n, m = len(near_N), len(near_M)
        if n > MIN_IN_CELL:
            u = (torch.sign(near_N.unsqueeze(1) - near_M) + 1).sum() / 2
            values.append((u - n * m / 2) / (n * m * (n + m + 1) / 12) ** 0.5)
            weights.append(m)
    if not values:
        return None
    share_C = torch.tensor(weights, dtype=torch.float64, device=samples_N.device)
    return (torch.stack(values) * share_C).sum() / share_C.sum()
