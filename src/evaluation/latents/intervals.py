"""95 % intervals of shares and of ratios.

N independent trials, B bootstrap samples.
"""

import numpy as np
from torch import Tensor

from src.evaluation.latents.codec import SEED

NORMAL = 1.959964  # 97.5 % of a normal distribution lie below
NUM_RESAMPLES = 1000


def wilson(hits: int, num: int) -> tuple[float, float]:
    """Interval of a share of `num` independent trials, which stays within [0, 1] and has a width at 0 and 1 too.

    Wilson 1927, "Probable inference, the law of succession, and statistical inference".
    """
    share, extra = hits / num, NORMAL**2 / num
    centre = (share + extra / 2) / (1 + extra)
    half = (extra * (share * (1 - share) + extra / 4)) ** 0.5 / (1 + extra)
    return max(0.0, centre - half), min(1.0, centre + half)


def share(hit_N: Tensor) -> dict[str, float | list[float]]:
    """The share of trials that hit, with its Wilson interval: a fact for results.json."""
    hits, num = int(hit_N.sum()), len(hit_N)
    return {"share": hits / num, "interval": list(wilson(hits, num))}


def ratio(part_N: Tensor, whole_N: Tensor) -> dict[str, float | list[float]] | None:
    """The sum of the parts by that of the wholes, with a percentile bootstrap interval; None where the whole is 0."""
    part_N, whole_N = (side.double().cpu().numpy() for side in (part_N, whole_N))
    if not whole_N.sum() > 0:
        return None
    drawn_BN = np.random.default_rng(SEED).integers(len(part_N), size=(NUM_RESAMPLES, len(part_N)))
    parts_B, wholes_B = part_N[drawn_BN].sum(1), whole_N[drawn_BN].sum(1)
    low, high = np.quantile(parts_B[wholes_B > 0] / wholes_B[wholes_B > 0], (0.025, 0.975))
    return {"value": float(part_N.sum() / whole_N.sum()), "interval": [float(low), float(high)]}
