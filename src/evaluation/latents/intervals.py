"""95 % intervals of shares and ratios, as facts for results.json.

N independent trials, B bootstrap resamples.
"""

import numpy as np
import torch
from scipy.stats import binomtest
from torch import Tensor

from src.evaluation import SEED

NUM_RESAMPLES = 1000


def share(hit_N: Tensor) -> dict[str, float | list[float]]:
    """Share of the trials that hit, with its Wilson interval."""
    hits, num = int(hit_N.sum()), len(hit_N)
    low, high = binomtest(hits, num).proportion_ci(method="wilson")
    return {"share": hits / num, "interval": [float(low), float(high)]}


def ratio(part_N: Tensor, whole_N: Tensor | None = None) -> dict[str, float | list[float]] | None:
    """Σ part / Σ whole, by default the mean of part, with a percentile bootstrap interval; None where Σ whole is 0."""
    whole_N = torch.ones_like(part_N) if whole_N is None else whole_N
    part_N, whole_N = (side.double().cpu().numpy() for side in (part_N, whole_N))
    if not whole_N.sum() > 0:
        return None
    index_BN = np.random.default_rng(SEED).integers(len(part_N), size=(NUM_RESAMPLES, len(part_N)))
    parts_B, wholes_B = part_N[index_BN].sum(1), whole_N[index_BN].sum(1)
    # scipy's `bootstrap` has no interval where the whole of a resample is 0.
    low, high = np.quantile(parts_B[wholes_B > 0] / wholes_B[wholes_B > 0], (0.025, 0.975))
    return {"value": float(part_N.sum() / whole_N.sum()), "interval": [float(low), float(high)]}
