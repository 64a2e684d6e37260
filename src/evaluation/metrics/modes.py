"""Mode coverage: which classes of the data a generator still draws.

N images, C channels, K modes.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torchmetrics import Metric

from src.evaluation.oracles.base import Opinion

REAL_SHARE = 0.95  # of the held-out real images that count as recognisable; sets the threshold


class ModeCoverage(Metric):
    """Which classes of the data occur among generated images, with quality and without.

    An image is recognisable if the oracle's top class is not "none" (its confidence is positive, see `Opinion`) and its
    confidence reaches `threshold`, which 95 % of the held-out real images do. Where the oracle calls more than 5 % of
    the real images "none", the threshold is the lowest positive confidence among them: fewer than 95 % pass it.
    p_k is the share of mode k among recognisable real images, q_k its share among all generated ones, and q_0 that of
    those which are not recognisable. A mode is covered if q_k ≥ p_k / 10. `kl` compares q with what real images give:
    Σ q_k ln(q_k / ((1 − r) p_k)) + q_0 ln(q_0 / r), where r is the share of real images that is not recognisable. With
    C characters per image the modes are all K^C combinations, and p is the product of the channels' shares, since they
    are independent.

    Coverage by any sample: every image counts for the mode that the oracle prefers, at whatever confidence. a_k are the
    shares of the modes among these. One image is enough for `modes_any`, as in the literature.

    A class that is so rare that no held-out real image is recognised as its own cannot be measured: its modes are left
    out (`judged_K`), neither covered nor missing, and an image that the oracle takes for one counts for none.

    Args:
        real: the oracle's opinion of held-out real images.
        num_classes: K of one channel.
        rejected_share: r.
        copies: how often each held-out character occurs in a channel of `real`.
    """

    full_state_update = False
    count_K: Tensor
    any_K: Tensor
    total: Tensor

    def __init__(self, real: Opinion, num_classes: int, rejected_share: float = 1 - REAL_SHARE, copies: int = 1):
        super().__init__(sync_on_compute=False)  # under DDP every rank scores all samples
        self.num_classes = num_classes
        self.rejected_share = rejected_share
        self.num_real = len(real.confidence_N) // copies
        rank = int((1 - REAL_SHARE) * len(real.confidence_N))
        self.threshold = real.confidence_N.sort().values[rank]
        positive_M = real.confidence_N[real.confidence_N > 0]
        if not self.threshold > 0:
            self.threshold = positive_M.min() if len(positive_M) else torch.ones_like(self.threshold)
        recognised_MC = real.classes_NC[real.confidence_N >= self.threshold]
        shares_CK = [_shares(class_M, num_classes) for class_M in recognised_MC.unbind(1)]
        self.free_shares = sum(max(0, int((share_K > 0).sum()) - 1) for share_K in shares_CK)
        self.register_buffer("real_share_K", _product(shares_CK))
        self.register_buffer("judged_K", self.real_share_K > 0)
        self.add_state("count_K", torch.zeros(len(self.real_share_K), dtype=torch.long), dist_reduce_fx="sum")
        self.add_state("any_K", torch.zeros(len(self.real_share_K), dtype=torch.long), dist_reduce_fx="sum")
        self.add_state("total", torch.tensor(0), dist_reduce_fx="sum")

    def recognise(self, opinion: Opinion) -> Tensor:
        """The mode of each image [N], or −1 where it is not recognisable; 0 never reaches the threshold."""
        return torch.where(opinion.confidence_N >= self.threshold, self._favourite(opinion), -1)

    def update(self, opinion: Opinion) -> None:
        self.count_K += _counts(self.recognise(opinion), len(self.count_K))
        self.any_K += _counts(self._favourite(opinion), len(self.any_K))
        self.total += len(opinion.confidence_N)

    def _favourite(self, opinion: Opinion) -> Tensor:
        """The mode that the oracle prefers [N], or −1 where it sees none at all or one that is not judged."""
        mode_N = torch.zeros_like(opinion.classes_NC[:, 0])
        for class_N in opinion.classes_NC.unbind(1):
            mode_N = mode_N * self.num_classes + class_N
        known_N = (opinion.classes_NC >= 0).all(1)
        return torch.where(known_N & self.judged_K[mode_N.clamp(min=0)], mode_N, -1)

    def compute(self) -> dict[str, Tensor]:
        """Tensors by metric name, finite for any counts; `covered` and `shares` have one entry per mode.

        `shares` are the modes' shares among recognisable images, zeros where there is none. Where no image belongs to
        any mode, as of points that all lie off the Gaussians, `effective_modes` and `top_share` are 0, and `kl_any` is
        its largest value, that of images which all show the rarest mode.
        """
        share_K = self.count_K.double() / self.total
        covered_K = self.judged_K & (share_K >= self.real_share_K / 10)
        any_K = self.any_K.double() / self.any_K.sum().clamp(min=1)
        in_a_mode = self.any_K.sum() > 0
        rarest = torch.where(self.judged_K, self.real_share_K, 1).min()
        return {
            "modes": covered_K.sum(),
            "recognisable": share_K.sum(),
            "kl": self._divergence(share_K),
            "kl_floor": self._floor(),
            "effective_modes": torch.exp(-torch.xlogy(any_K, any_K).sum()) * in_a_mode,
            "top_share": any_K.max(),
            "modes_any": (self.any_K > 0).sum(),
            "kl_any": torch.where(in_a_mode, self._divergence_any(any_K), -rarest.log()),
            "covered": covered_K,
            "shares": self.count_K.double() / self.count_K.sum().clamp(min=1),
        }

    def _divergence(self, share_K: Tensor) -> Tensor:
        """KL in nats from the real shares to those of all images, the unrecognisable ones being one more class."""
        rejected = (1 - share_K.sum()).clamp(min=0)
        recognised = torch.xlogy(share_K, share_K / ((1 - self.rejected_share) * self.real_share_K))
        return recognised[self.judged_K].sum() + torch.xlogy(rejected, rejected / self.rejected_share)

    def _divergence_any(self, share_K: Tensor) -> Tensor:
        """KL in nats from the real shares; modes that are not judged have no share in either."""
        return torch.xlogy(share_K, share_K / self.real_share_K)[self.judged_K].sum()

    def _floor(self) -> Tensor:
        """What a perfect sampler's `kl` is expected to be: (K−1)/2 · (1/N + 1/M), M held-out real images.

        Of K modes; the reference of stacked characters has fewer free shares, C (K−1), since it is a product. Holds
        where N is several times the number of modes. The share that is not recognisable adds 1/2N.
        """
        modes = (self.judged_K.sum() - 1).clamp(min=0)
        return modes / (2 * self.total.double()) + self.free_shares / (2 * self.num_real)


def _counts(mode_N: Tensor, num_modes: int) -> Tensor:
    return torch.bincount(mode_N[mode_N >= 0], minlength=num_modes)


def _shares(class_M: Tensor, num_classes: int) -> Tensor:
    return torch.bincount(class_M, minlength=num_classes).double() / max(1, len(class_M))


def _product(shares_CK: Sequence[Tensor]) -> Tensor:
    """Shares [K^C] of all combinations, from the shares [K] of the classes in each of C channels."""
    product = shares_CK[0]
    for share_K in shares_CK[1:]:
        product = torch.outer(product, share_K).flatten()
    return product
