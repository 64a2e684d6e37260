"""Dependence of columns: rank correlation, and mutual information with its value by chance.

N bars, X and Y columns, A and B values that a column takes, P permutations.
"""

import math

import torch
from scipy.special import stdtr
from scipy.stats import rankdata
from torch import Tensor
from torch.nn.functional import one_hot
from torch.special import entr

from src.evaluation import SEED

PERMUTATIONS = 100
QUANTILE = 0.95
MAX_BINS = 10


def ranks(values_NX: Tensor) -> Tensor:
    """Ranks [N, X] from 1 within each column, float64; ties have the mean of their ranks."""
    return torch.from_numpy(rankdata(values_NX.cpu().numpy(), axis=0)).to(values_NX.device)


def rank_correlation(first_NX: Tensor, second_NY: Tensor) -> Tensor:
    """Spearman's ρ [X, Y] of every column with every other, float64; NaN where a column is constant."""
    first_NX, second_NY = (_standard(ranks(values)) for values in (first_NX, second_NY))
    return (first_NX.T @ second_NY).clamp(-1, 1)


def rank_correlation_p(rho_XY: Tensor, num: int) -> Tensor:
    """Two-sided p-value of ρ of `num` pairs, by Student's t; NaN below 3 pairs."""
    if num < 3:
        return torch.full_like(rho_XY, torch.nan)
    t_XY = rho_XY.abs() * ((num - 2) / (1 - rho_XY.square())).sqrt()
    return torch.as_tensor(2 * stdtr(num - 2, -t_XY.cpu().numpy()), device=rho_XY.device)


def binned(values_NX: Tensor) -> Tensor:
    """Each column in bins of about equal counts, int64 from 0; equal values share a bin.

    The number of bins is the cube root of N, at most `MAX_BINS`.
    """
    num = len(values_NX)
    num_bins = max(2, min(MAX_BINS, int(num ** (1 / 3) + 1e-9)))
    return ((ranks(values_NX) - 0.5) / num * num_bins).long()


def entropy(values_NX: Tensor) -> Tensor:
    """Plug-in entropy [X] of columns of int64 from 0, in nats."""
    return entr(one_hot(values_NX).double().mean(0)).sum(1)


def mutual_information(first_NX: Tensor, second_NY: Tensor) -> Tensor:
    """Plug-in mutual information [X, Y] of columns of int64 from 0, in nats.

    Its bias is about (A − 1)(B − 1) / 2N, hence `chance_information`.
    """
    return _Tables(first_NX, second_NY).information(torch.arange(len(first_NX)))


def chance_information(first_NX: Tensor, second_NY: Tensor) -> Tensor:
    """95th percentile [X, Y] of the mutual information over `PERMUTATIONS` of the first columns' bars, in nats.

    Permutation baseline (Steuer et al. 2002, doi:10.1093/bioinformatics/18.suppl_2.S231).
    """
    random = torch.Generator().manual_seed(SEED)
    tables = _Tables(first_NX, second_NY)
    information_PXY = [tables.information(torch.randperm(len(first_NX), generator=random)) for _ in range(PERMUTATIONS)]
    return torch.stack(information_PXY).quantile(QUANTILE, 0)


class _Tables:
    """Contingency tables of all pairs of columns, for any pairing of the bars."""

    def __init__(self, first_NX: Tensor, second_NY: Tensor):
        first_NXA, second_NYB = one_hot(first_NX).float(), one_hot(second_NY).float()
        self.marginal_XY = entropy(first_NX)[:, None] + entropy(second_NY)
        self.shape = (*first_NXA.shape[1:], *second_NYB.shape[1:])
        self.first_ND, self.second_NE = first_NXA.flatten(1), second_NYB.flatten(1)

    def information(self, order_N: Tensor) -> Tensor:
        """Mutual information [X, Y] with the first columns' bars in this order."""
        counts_DE = self.first_ND[order_N.to(self.first_ND.device)].T @ self.second_NE
        shares_XAYB = (counts_DE.double() / len(order_N)).unflatten(1, self.shape[2:]).unflatten(0, self.shape[:2])
        joint_XY = entr(shares_XAYB).sum((1, 3))
        return (self.marginal_XY - joint_XY).clamp(min=0)


def _standard(values_NX: Tensor) -> Tensor:
    """Each column centred and of length 1; NaN for a constant column."""
    centred_NX = values_NX - values_NX.mean(0)
    return centred_NX / centred_NX.norm(dim=0)


def gaussian_information(rho: float) -> float:
    """Mutual information of two Gaussian variables with this correlation, in nats."""
    return -math.log(1 - rho**2) / 2
