"""The evidence lower bound and its terms, with β 1, raw KL and temperature 1.

N samples, L latent dims, K importance samples, T steps, V voices (cells of a step).
"""

import math
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor
from torchmetrics import Metric

from src.evaluation.metrics.onset import ACTIVE_NATS

ACTIVE_VARIANCE = 0.01  # of a dimension's posterior mean over samples


class Bound(Metric):
    """ELBO, reconstruction and KL per level and dimension, in nats, averaged over samples.

    Args:
        levels: dimensions of each latent level by name, top level first.
    """

    full_state_update = False
    distortion: Tensor
    total: Tensor

    def __init__(self, levels: Mapping[str, int]):
        super().__init__(sync_on_compute=False)  # under DDP every rank scores all samples
        self.add_state("distortion", torch.zeros((), dtype=torch.double), dist_reduce_fx="sum")
        self.levels = tuple(levels)
        for level, size in levels.items():
            self.add_state(f"kl_{level}_L", torch.zeros(size, dtype=torch.double), dist_reduce_fx="sum")
        self.add_state("total", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, distortion_N: Tensor, kls: Sequence[Tensor]) -> None:
        """Takes −log p(x|z), and of each level the KL of each dimension [N, L]."""
        self.distortion += distortion_N.double().sum()
        for level, kl_NL in zip(self.levels, kls, strict=True):
            setattr(self, f"kl_{level}_L", getattr(self, f"kl_{level}_L") + kl_NL.double().sum(0))
        self.total += len(distortion_N)

    def compute(self) -> dict[str, Tensor]:
        """Tensors by metric name; `kl_LEVEL_dims` has one entry per dimension."""
        reconstruction = self.distortion / self.total
        kl = {level: getattr(self, f"kl_{level}_L") / self.total for level in self.levels}
        return {
            "elbo": -sum((kl_L.sum() for kl_L in kl.values()), reconstruction),
            "reconstruction": reconstruction,
            **{f"kl_{level}": kl_L.sum() for level, kl_L in kl.items()},
            **{f"active_{level}": (kl_L > ACTIVE_NATS).sum() for level, kl_L in kl.items()},
            **{f"kl_{level}_dims": kl_L for level, kl_L in kl.items()},
        }


def active_units(means_NL: Tensor) -> Tensor:
    """Number of dimensions whose posterior means have a variance above 0.01 (Burda et al. 2016, section 5.2)."""
    return (means_NL.double().var(0) > ACTIVE_VARIANCE).sum()


def importance_weighted_nll(log_weights_KN: Tensor) -> Tensor:
    """−log (1/K Σ_k p(x, z_k)/q(z_k|x)) per sample [N], which tends to −log p(x) for large K (Burda et al. 2016).

    arXiv:1509.00519, eq. 8.
    """
    return math.log(len(log_weights_KN)) - log_weights_KN.double().logsumexp(0)


def cell_floor(train: Iterable[Tensor], held_out_NTV: Tensor) -> Tensor:
    """NLL in nats per sample of independent Bernoulli cells fitted on `train`, the optimum of a collapsed decoder.

    Cells in [0, 1], `train` in parts [N, T, V]; a grey cell counts as the expectation over its binarisations.
    """
    total_TV, num = 0.5, 1
    for part_NTV in train:
        total_TV, num = total_TV + part_NTV.double().sum(0), num + len(part_NTV)
    rate_TV, on_TV = total_TV / num, held_out_NTV.double().mean(0)
    return -(on_TV * rate_TV.log() + (1 - on_TV) * (-rate_TV).log1p()).sum()


def level_floor(train: Iterable[Tensor], held_out_NTV: Tensor, levels: int) -> Tensor:
    """NLL in nats per sample of independent cells with `levels` + 1 values, their frequencies fitted on `train`.

    No collapsed parallel decoder does better, whatever its likelihood. As in `cell_floor` each value starts with half a
    count (Krichevsky & Trofimov 1981).
    """
    num_values, shape = levels + 1, held_out_NTV.shape[1:]
    place_D = torch.arange(shape.numel(), device=held_out_NTV.device) * num_values
    count_X = torch.full((shape.numel() * num_values,), 0.5, dtype=torch.double, device=held_out_NTV.device)
    num = num_values / 2
    for part_NTV in train:
        count_X += torch.bincount((_stored(part_NTV, levels) + place_D).flatten(), minlength=len(count_X))
        num += len(part_NTV)
    index_ND = _stored(held_out_NTV, levels) + place_D
    return math.log(num) * shape.numel() - count_X.log()[index_ND].sum(1).mean()


def _stored(cells_NTV: Tensor, levels: int) -> Tensor:
    return (cells_NTV.flatten(1) * levels).round().long()


def covariance_eigenvalues(parts: Iterable[Tensor]) -> Tensor:
    """Variances of the cells along the principal axes, the largest first, of samples in parts [N, T, V]."""
    num, sum_D, product_DD = 0, 0.0, 0.0
    for part_NTV in parts:
        cells_ND = part_NTV.flatten(1).double()
        num, sum_D, product_DD = num + len(cells_ND), sum_D + cells_ND.sum(0), product_DD + cells_ND.T @ cells_ND
    mean_D = sum_D / num
    return torch.linalg.eigvalsh(product_DD / num - mean_D.outer(mean_D)).flip(0)


def onset_f1(real_NTV: Tensor, reconstructed_NTV: Tensor) -> Tensor:
    """F1 of the cells that are on; NaN where neither has one. Accuracy would favour silence."""
    real_NTV, reconstructed_NTV = real_NTV > 0.5, reconstructed_NTV > 0.5
    return 2 * (real_NTV & reconstructed_NTV).sum().double() / (real_NTV.sum() + reconstructed_NTV.sum())
