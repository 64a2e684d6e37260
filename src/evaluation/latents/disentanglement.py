"""Disentanglement of dimensions and known factors: MIG and DCI.

N bars, L latent dims, K factors.
"""

import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor
from torch.special import entr

from src.evaluation.latents.dependence import binned, entropy, mutual_information
from src.evaluation.latents.encode import Codes, EncodedSplit, LatentCodes
from src.evaluation.latents.probes import importance_L, predict, sparse_probe
from src.evaluation.metrics.onset import ACTIVE_NATS

SCORES = ("mig", "dci_disentanglement", "dci_completeness", "dci_informativeness")


def disentanglement(fit: LatentCodes, held: LatentCodes) -> dict[str, float | None]:
    """MIG and DCI of all levels together and of each, by metric name; all None where no factor is known.

    MIG uses posterior samples, as defined; DCI uses posterior means.

    The style is one of the factors; constant factors are left out. Only active dimensions take part, since the means of
    the others differ by less than the posterior's noise. A level without active dimensions scores 0, so that a mean
    over runs includes collapsed ones.
    """
    factors = _factors(fit.bars, held.bars)
    scores: dict[str, float | None] = {}
    for suffix, levels in {"": [*held.means], **{f"_{level}": [level] for level in held.means}}.items():
        active = {level: held.bars.kl[level] > ACTIVE_NATS for level in levels}
        values: tuple[float | None, ...] = (None,) * len(SCORES) if factors is None else (0.0,) * len(SCORES)
        if factors is not None and any(active_L.any() for active_L in active.values()):
            gap = mig(_active(active, fit.samples), _active(active, held.samples), *factors)
            values = (gap, *dci(_active(active, fit.means), _active(active, held.means), *factors))
        scores |= {f"{score}{suffix}": value for score, value in zip(SCORES, values, strict=True)}
    return scores


def mig(fit_NL: Tensor, held_NL: Tensor, fit_NK: Tensor, held_NK: Tensor) -> float:
    """Mutual information gap (Chen et al. 2018, arXiv:1802.04942), with binned codes.

    The mean difference of the two dimensions with the most information on a factor, divided by its entropy, binned as
    in Locatello et al. 2019 (arXiv:1811.12359). The two dimensions are chosen on `fit` and measured on `held`, so that
    independent codes have 0 on average. A code of one dimension has no second one to subtract.
    """
    best_2K = mutual_information(binned(fit_NL), fit_NK).topk(min(2, fit_NL.shape[1]), 0).indices
    nats_2K = mutual_information(binned(held_NL), held_NK).gather(0, best_2K)
    gap_K = nats_2K[0] - nats_2K[1] if len(nats_2K) > 1 else nats_2K[0]
    return (gap_K / entropy(held_NK)).mean().item()


def dci(fit_NL: Tensor, held_NL: Tensor, fit_NK: Tensor, held_NK: Tensor) -> tuple[float, float, float]:
    """Disentanglement, completeness and informativeness, each 1 at best, 0 for codes without information.

    Eastwood & Williams 2018, "A framework for the quantitative evaluation of disentangled representations".
    The lasso is logistic, as factors are unordered: importances are the mean absolute weights of `sparse_probe`.
    Disentanglement: concentration of each dimension's importance on one factor, weighted by importance. Completeness:
    concentration of each factor's importance on one dimension, 0 for a factor without importance. Informativeness: the
    share of the errors of always predicting the most frequent value that the probe avoids.
    """
    probes = [sparse_probe(fit_NL, values_N) for values_N in fit_NK.unbind(1)]
    importance_LK = torch.from_numpy(np.stack([importance_L(probe) for probe in probes], 1))
    weight_L = importance_LK.sum(1)
    right_K = torch.stack([predict(probe, held_NL) for probe in probes], 1).eq(held_NK).double().mean(0)
    guess_K = (fit_NK.mode(0).values == held_NK).double().mean(0)
    return (
        ((weight_L * concentration(importance_LK)).sum() / weight_L.sum()).nan_to_num(0).item(),
        concentration(importance_LK.T).mean().item(),
        ((right_K - guess_K) / (1 - guess_K)).mean().item(),
    )


def concentration(amounts_AB: Tensor) -> Tensor:
    """1 − the entropy of each row's shares to base B [A]: 1 if one has all, 0 if all are equal."""
    total_A = amounts_AB.sum(1)
    shares_AB = amounts_AB / total_A[:, None]
    return torch.where(total_A > 0, 1 - entr(shares_AB).sum(1) / math.log(max(2, amounts_AB.shape[1])), 0)


def _factors(fit: EncodedSplit, held: EncodedSplit) -> tuple[Tensor, Tensor] | None:
    """The known factors of both splits [N, K] that vary in both, the style first; None without factors."""
    if not held.factors:
        return None
    both = [torch.stack([split.styles_N, *split.factors.values()], 1) for split in (fit, held)]
    varies_K = (both[0] != both[0][0]).any(0) & (both[1] != both[1][0]).any(0)
    return (both[0][:, varies_K], both[1][:, varies_K]) if varies_K.any() else None


def _active(active: Mapping[str, Tensor], codes: Codes) -> Tensor:
    """The active dimensions' codes [N, L]."""
    return torch.cat([codes[level][:, active_L] for level, active_L in active.items()], 1)
