"""Whether each known factor has a dimension of its own, and each dimension a factor of its own: MIG and DCI.

N bars, L latent dims, K factors.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from src.evaluation.latents.codec import Codes
from src.evaluation.latents.codes import Reading
from src.evaluation.latents.dependence import binned, entropy, mutual_information
from src.evaluation.latents.encode import Coded
from src.evaluation.latents.sparse_probe import SparseProbe
from src.evaluation.metrics.onset import ACTIVE_NATS
from src.vae.latents import LEVELS

SCORES = ("mig", "dci_disentanglement", "dci_completeness", "dci_informativeness")
SUBSETS = {"": LEVELS, **{f"_{level}": (level,) for level in LEVELS}}


@dataclass(frozen=True)
class DCI:
    """Disentanglement, completeness and informativeness: each 1 at best, 0 where the codes know nothing."""

    disentanglement: float
    completeness: float
    informativeness: float


def disentanglement(fit: Reading, held: Reading) -> dict[str, float | None]:
    """MIG and DCI of both levels together and of each, by metric's name; all None where no factor is known.

    MIG is that of samples from the posteriors, as it is defined, DCI that of their means.

    The style counts as a factor beside the others; what is the same in all bars of a split does not. Only active
    dimensions take part: the means of the others differ by what the posterior's noise drowns. A level without any knows
    nothing and has 0 in everything, so that a mean over runs does not leave out those that collapsed.
    """
    factors = _factors(fit.bars, held.bars)
    scores: dict[str, float | None] = {}
    for suffix, levels in SUBSETS.items():
        names = [f"{score}{suffix}" for score in SCORES]
        if factors is None:
            scores |= dict.fromkeys(names, None)
            continue
        active = {level: held.bars.rates[level] > ACTIVE_NATS for level in levels}
        if not any(active_L.any() for active_L in active.values()):
            scores |= dict.fromkeys(names, 0.0)
            continue
        gap = mig(_of(active, fit.drawn), _of(active, held.drawn), *factors)
        found = dci(_of(active, fit.means), _of(active, held.means), *factors)
        values = (gap, found.disentanglement, found.completeness, found.informativeness)
        scores |= dict(zip(names, values, strict=True))
    return scores


def mig(fit_NL: Tensor, held_NL: Tensor, fit_NK: Tensor, held_NK: Tensor) -> float:
    """Mean gap between the two dimensions that tell most of a factor, as a share of its entropy.

    Mutual information gap (Chen et al. 2018, arXiv:1802.04942, eq. 6), with the codes in bins as in Locatello et al.
    2019 (arXiv:1811.12359). Which two they are is settled on `fit` and the gap measured on `held`: codes that know
    nothing have 0 on average, and not the distance of the two luckiest. The only dimension of a code competes with
    nothing.
    """
    best_2K = mutual_information(binned(fit_NL), fit_NK).topk(min(2, fit_NL.shape[1]), 0).indices
    nats_2K = mutual_information(binned(held_NL), held_NK).gather(0, best_2K)
    gap_K = nats_2K[0] - nats_2K[1] if len(nats_2K) > 1 else nats_2K[0]
    return (gap_K / entropy(held_NK)).mean().item()


def dci(fit_NL: Tensor, held_NL: Tensor, fit_NK: Tensor, held_NK: Tensor) -> DCI:
    """DCI (Eastwood & Williams 2018, "A framework for the quantitative evaluation of disentangled representations").

    Its lasso is a logistic one here, as the factors have no order: the importances are the weights of `SparseProbe`.
    Disentanglement: how far each dimension serves one factor only, the more important ones counting more.
    Completeness: how far each factor is read off one dimension only, 0 for a factor that is read off none.
    Informativeness: the share of the errors of a guess, which always says the commonest value, that the reader avoids.
    """
    num_values = int(max(fit_NK.max(), held_NK.max())) + 1
    probe = SparseProbe(fit_NL, fit_NK, num_values)
    importance_LK = probe.importance_LK
    weight_L = importance_LK.sum(1)
    pure_L, whole_K = concentration(importance_LK), concentration(importance_LK.T)
    right_K = (probe(held_NL) == held_NK).double().mean(0)
    guessed_K = (fit_NK.mode(0).values == held_NK).double().mean(0)
    return DCI(
        ((weight_L * pure_L).sum() / weight_L.sum()).nan_to_num(0).item(),
        whole_K.mean().item(),
        ((right_K - guessed_K) / (1 - guessed_K)).mean().item(),
    )


def concentration(amounts_AB: Tensor) -> Tensor:
    """1 − the entropy of each row's shares to base B [A]: 1 where one has all, 0 where all have the same."""
    total_A = amounts_AB.sum(1)
    shares_AB = amounts_AB / total_A[:, None]
    nats_A = -torch.xlogy(shares_AB, shares_AB).sum(1)
    return torch.where(total_A > 0, 1 - nats_A / math.log(max(2, amounts_AB.shape[1])), 0)


def _factors(fit: Coded, held: Coded) -> tuple[Tensor, Tensor] | None:
    """The known factors of both splits [N, K] that vary in both, the style first; None without any but the style."""
    if not held.factors:
        return None
    both = [torch.stack([split.styles_N, *split.factors.values()], 1) for split in (fit, held)]
    varies_K = (both[0] != both[0][0]).any(0) & (both[1] != both[1][0]).any(0)
    return (both[0][:, varies_K], both[1][:, varies_K]) if varies_K.any() else None


def _of(active: Mapping[str, Tensor], codes: Codes) -> Tensor:
    """The active dimensions' codes [N, L]."""
    return torch.cat([codes[level][:, active_L] for level, active_L in active.items()], 1)
