"""Whether two bars have the same rhythm, whatever plays it.

N pairs of bars, T steps, V voices.
"""

import torch
from torch import Tensor

from src.evaluation.latents.codec import SEED


def onset_similarity(one_NTV: Tensor, other_NTV: Tensor) -> Tensor:
    """Steps on which both bars sound as a share of those on which either does [N] (Jaccard); 1 for two silent bars."""
    one_NT, other_NT = one_NTV.bool().any(-1), other_NTV.bool().any(-1)
    either_N = (one_NT | other_NT).sum(-1)
    return torch.where(either_N > 0, (one_NT & other_NT).sum(-1) / either_N.clamp(min=1), 1.0)


def usual_similarity(grids_NTV: Tensor, styles_N: Tensor) -> float | None:
    """The median onset similarity of two different bars of one style; None where no style has two.

    Each bar is compared with the one after it in a random order of its style, so that a style counts by its bars.
    """
    order_N = torch.randperm(len(styles_N), generator=torch.Generator().manual_seed(SEED)).to(styles_N.device)
    order_N = order_N[styles_N[order_N].argsort(stable=True)]
    first_N, second_N = order_N[:-1], order_N[1:]
    alike_N = styles_N[first_N] == styles_N[second_N]
    if not alike_N.any():
        return None
    return onset_similarity(grids_NTV[first_N[alike_N]], grids_NTV[second_N[alike_N]]).double().quantile(0.5).item()
