"""Mode coverage: which classes of the data a generator still draws.

N images, C channels, K modes.
"""

import torch
from torch import Tensor
from torchmetrics import Metric

from src.oracles.oracle import Opinion

REAL_SHARE = 0.95  # of the held-out real images that count as recognisable; sets the threshold


class ModeCoverage(Metric):
    """Counts the classes of the data that occur among generated images.

    An image is recognisable if the oracle's top class is not "none" (its confidence is positive, see `Opinion`) and its
    confidence reaches `threshold`, which 95 % of the held-out real images do. Where the oracle calls more than 5 % of
    the real images "none", the threshold is the lowest positive confidence among them: fewer than 95 % pass it.
    p_k is the share of mode k among recognisable real images, q_k its share among all generated ones, unrecognisable
    ones counting for none. A mode is covered if q_k ≥ p_k / 10. With C characters per image the modes are all K^C
    combinations, and p is the product of the channels' shares, since they are independent.

    Beside this stand `modes_any` and `kl_any`, the literature's protocol: every image counts for the mode that the
    oracle likes best, however little, and one image covers a mode.

    Of a class that is so rare that no held-out real image is recognised as its own nothing can be said: its modes are
    not judged (`judged_K`), neither covered nor missing, and an image that the oracle takes for one counts for none.

    Args:
        real: the oracle's opinion of held-out real images.
        num_classes: K of one channel.
    """

    full_state_update = False
    count_K: Tensor
    any_K: Tensor
    total: Tensor

    def __init__(self, real: Opinion, num_classes: int):
        super().__init__(sync_on_compute=False)  # under DDP every rank scores all samples
        self.num_classes = num_classes
        rank = int((1 - REAL_SHARE) * len(real.confidence_N))
        self.threshold = real.confidence_N.sort().values[rank]
        positive_M = real.confidence_N[real.confidence_N > 0]
        if not self.threshold > 0:
            self.threshold = positive_M.min() if len(positive_M) else torch.ones_like(self.threshold)
        recognised_MC = real.classes_NC[real.confidence_N >= self.threshold]
        self.register_buffer("real_share_K", _product_of_shares(recognised_MC, num_classes))
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
        """The mode that the oracle likes best [N], or −1 where it sees none at all or one that is not judged."""
        mode_N = torch.zeros_like(opinion.classes_NC[:, 0])
        for class_N in opinion.classes_NC.unbind(1):
            mode_N = mode_N * self.num_classes + class_N
        known_N = (opinion.classes_NC >= 0).all(1)
        return torch.where(known_N & self.judged_K[mode_N.clamp(min=0)], mode_N, -1)

    def compute(self) -> dict[str, Tensor]:
        """Tensors by metric name; `covered` and `shares` (q̂) have one entry a mode.

        Of an empty q̂ the distances are not defined: `kl`, `effective_modes` and `top_share` are NaN.
        """
        share_K = self.count_K.double() / self.total
        recognisable = share_K.sum()
        normed_K = share_K / recognisable
        covered_K = self.judged_K & (share_K >= self.real_share_K / 10)
        any_K = self.any_K.double() / self.any_K.sum()
        return {
            "modes": covered_K.sum(),
            "recognisable": recognisable,
            "kl": self._divergence(normed_K),
            "kl_floor": (self.judged_K.sum() - 1) / (2 * self.total.double()),
            "effective_modes": torch.exp(-torch.xlogy(normed_K, normed_K).sum()),
            "top_share": normed_K.max(),
            "modes_any": (self.any_K > 0).sum(),
            "kl_any": self._divergence(any_K),
            "covered": covered_K,
            "shares": torch.nan_to_num(normed_K),
        }

    def _divergence(self, share_K: Tensor) -> Tensor:
        """From the real shares, in nats; modes that are not judged have no share in either."""
        return torch.xlogy(share_K, share_K / self.real_share_K)[self.judged_K].sum()


def _counts(mode_N: Tensor, num_modes: int) -> Tensor:
    return torch.bincount(mode_N[mode_N >= 0], minlength=num_modes)


def _product_of_shares(classes_MC: Tensor, num_classes: int) -> Tensor:
    """Shares [K^C] of all combinations, from the shares of the classes in each channel."""
    shares = torch.ones(1, dtype=torch.double, device=classes_MC.device)
    for class_M in classes_MC.unbind(1):
        count_K = torch.bincount(class_M, minlength=num_classes)
        shares = torch.outer(shares, count_K.double() / max(1, len(class_M))).flatten()
    return shares
