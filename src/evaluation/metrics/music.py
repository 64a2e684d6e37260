"""Musical metrics of generated drum bars.

N bars, M reference bars, T steps, V voices, F features.
"""

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from src.data.drums.features import Features, halves
from src.data.voices import KICK, VOICES, Kit, roles_of
from src.evaluation.metrics.fidelity import frechet_distance

CHUNK = 25_000  # bars whose features are computed together


class Musicality(Metric):
    """Validity, diversity and feature distance of generated bars.

    The first two do not distinguish music from noise: independent hits at density 0.3 are valid (0.999) and diverse,
    one repeated bar is valid (1.0) though not diverse. Compare the feature distance, and that with its control, the
    distance of the test split.

    Args:
        reference_MTV: the bars whose features are the reference, those of the training split.
    """

    full_state_update = False
    grids: list[Tensor]

    def __init__(self, reference_MTV: Tensor, kit: Kit = VOICES):
        super().__init__(sync_on_compute=False)  # under DDP every rank scores all samples
        self.kit, self.describe = kit, Features(kit, reference_MTV.shape[1])
        self.register_buffer("reference_MF", torch.cat([*map(self.describe, reference_MTV.split(CHUNK))]))
        self.add_state("grids", [], dist_reduce_fx="cat")

    def update(self, grids_NTV: Tensor) -> None:
        self.grids.append(grids_NTV)

    def compute(self) -> dict[str, Tensor]:
        """The three metrics, of at least two bars."""
        grids_NTV = dim_zero_cat(self.grids)
        return {
            "validity": validity(grids_NTV, self.kit).mean(),
            "diversity": diversity(grids_NTV),
            "feature_distance": feature_distance(self.reference_MF, self.describe(grids_NTV)),
        }


def validity(grids_NTV: Tensor, kit: Kit = VOICES) -> Tensor:
    """The homework's score [N]: not empty, not crowded, with a kick, with similar halves.

    0 for an empty bar, else 1, × 0.8 if more than half of the cells are hits, × 0.7 without a kick, × 0.8 if the halves
    agree in fewer than 30 % of their cells. Silent cells agree too, so nearly every sparse bar passes. A kit without a
    kick needs none.
    """
    hits_NTV, kick = grids_NTV.bool(), roles_of(kit).get(KICK)
    first, second = halves(hits_NTV)
    agreement_N = (first == second).float().mean((1, 2))
    score_N = hits_NTV.any(2).any(1).double()
    score_N[hits_NTV.float().mean((1, 2)) > 0.5] *= 0.8
    if kick is not None:
        score_N[~hits_NTV[..., kick].any(1)] *= 0.7
    score_N[agreement_N < 0.3] *= 0.8
    return score_N


def diversity(grids_NTV: Tensor) -> Tensor:
    """Mean normalised Hamming distance of all pairs of bars; exact, from counts.

    A cell that c of N bars hit differs in c (N − c) of the N (N − 1) / 2 pairs.
    """
    num = len(grids_NTV)
    count_TV = grids_NTV.bool().sum(0)
    return (count_TV * (num - count_TV)).double().mean() / (num * (num - 1) / 2)


def feature_distance(reference_MF: Tensor, features_NF: Tensor) -> Tensor:
    """Fréchet distance of musical features, in standard deviations of the reference.

    A feature that is constant in the reference keeps its own units. The estimate is biased: compare distances of
    equally many bars.
    """
    reference_MF, features_NF = reference_MF.double(), features_NF.double()
    mean_F, deviation_F = reference_MF.mean(0), reference_MF.std(0)
    scale_F = torch.where(deviation_F > 0, deviation_F, 1)
    return frechet_distance((reference_MF - mean_F) / scale_F, (features_NF - mean_F) / scale_F)
