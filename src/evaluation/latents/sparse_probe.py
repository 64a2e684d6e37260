"""Linear readers that use as few dimensions of a code as they can, one a factor, all fitted at once.

N bars, L latent dims, K factors, C values that a factor takes at most, P permutations.
"""

import torch
from torch import Tensor
from torch.nn.functional import one_hot

SEED = 20_26  # of the permutations: the same for every model
PERMUTATIONS = 100
QUANTILE = 0.95
MOST_STEPS = 500
TOLERANCE = 1e-4  # of a step's largest change of a weight


class SparseProbe:
    """Multinomial logistic regressions from standardised codes to factors, with an L1 penalty on their weights.

    A factor's penalty is as large as it takes to leave it without any weight in 95 % of the cases where the codes know
    nothing of it (quantile universal threshold, Giacobino et al. 2017, arXiv:1511.05433), found by permuting the bars.
    The minimum is found by accelerated proximal gradients that restart (Beck & Teboulle 2009, doi:10.1137/080716542;
    O'Donoghue & Candès 2015, arXiv:1204.3982).

    Args:
        codes_NL: codes to fit it on.
        factors_NK: int64 from 0.
        num_values: C.
    """

    def __init__(self, codes_NL: Tensor, factors_NK: Tensor, num_values: int):
        codes_NL = codes_NL.double()
        self.mean_L, self.scale_L = codes_NL.mean(0), codes_NL.std(0, correction=0)
        self.scale_L[self.scale_L == 0] = 1
        inputs_NL = (codes_NL - self.mean_L) / self.scale_L
        hits_NKC = one_hot(factors_NK, num_values).double()
        share_KC = hits_NKC.mean(0)
        self.never_KC = share_KC == 0
        self.penalty_K = _penalties(inputs_NL, hits_NKC)
        self.weight_LKC = inputs_NL.new_zeros(inputs_NL.shape[1], *share_KC.shape)
        self.bias_KC = torch.where(self.never_KC, 0, share_KC.log())
        self._fit(inputs_NL, hits_NKC)

    def __call__(self, codes_NL: Tensor) -> Tensor:
        """The likeliest value of each factor [N, K]."""
        inputs_NL = (codes_NL.double() - self.mean_L) / self.scale_L
        return self._logits(inputs_NL, self.weight_LKC, self.bias_KC).argmax(2)

    @property
    def importance_LK(self) -> Tensor:
        """How much each factor's reader makes of each dimension: its mean absolute weight over the factor's values."""
        return self.weight_LKC.abs().sum(2) / (~self.never_KC).sum(1)

    def _logits(self, inputs_NL: Tensor, weight_LKC: Tensor, bias_KC: Tensor) -> Tensor:
        logits_NKC = (inputs_NL @ weight_LKC.flatten(1)).unflatten(1, bias_KC.shape) + bias_KC
        return logits_NKC.masked_fill(self.never_KC, -torch.inf)

    def _fit(self, inputs_NL: Tensor, hits_NKC: Tensor) -> None:
        num = len(inputs_NL)
        # A softmax curves by at most 1/2; centred inputs do not interact with the bias, whose second moment is 1.
        step = 2 / torch.linalg.eigvalsh(inputs_NL.T @ inputs_NL / num)[-1].clamp(min=1)
        shrinkage_K1 = step * self.penalty_K[:, None]
        ahead_LKC, ahead_KC, pace = self.weight_LKC, self.bias_KC, 1.0
        for _ in range(MOST_STEPS):
            error_NKC = self._logits(inputs_NL, ahead_LKC, ahead_KC).softmax(2) - hits_NKC
            gradient_LKC = (inputs_NL.T @ error_NKC.flatten(1) / num).unflatten(1, ahead_KC.shape)
            weight_LKC = _shrunk(ahead_LKC - step * gradient_LKC, shrinkage_K1)
            bias_KC = ahead_KC - step * error_NKC.mean(0)
            moved_LKC, moved_KC = weight_LKC - self.weight_LKC, bias_KC - self.bias_KC
            uphill = ((ahead_LKC - weight_LKC) * moved_LKC).sum() + ((ahead_KC - bias_KC) * moved_KC).sum() > 0
            faster = 1.0 if uphill else (1 + (1 + 4 * pace**2) ** 0.5) / 2
            momentum = 0.0 if uphill else (pace - 1) / faster
            ahead_LKC, ahead_KC = weight_LKC + momentum * moved_LKC, bias_KC + momentum * moved_KC
            self.weight_LKC, self.bias_KC, pace = weight_LKC, bias_KC, faster
            if max(moved_LKC.abs().max(), moved_KC.abs().max()) < TOLERANCE:
                break


def _penalties(inputs_NL: Tensor, hits_NKC: Tensor) -> Tensor:
    """For each factor [K] the penalty above which no weight leaves 0, in all but 5 % of the permutations."""
    random = torch.Generator().manual_seed(SEED)
    orders = (torch.randperm(len(inputs_NL), generator=random).to(inputs_NL.device) for _ in range(PERMUTATIONS))
    slope_PK = [
        (inputs_NL[order_N].T @ hits_NKC.flatten(1)).abs().unflatten(1, hits_NKC.shape[1:]).amax((0, 2))
        for order_N in orders
    ]
    return torch.stack(slope_PK).quantile(QUANTILE, 0) / len(inputs_NL)


def _shrunk(weight_LKC: Tensor, by_K1: Tensor) -> Tensor:
    return weight_LKC.sign() * (weight_LKC.abs() - by_K1).clamp(min=0)
