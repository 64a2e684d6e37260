"""Mode coverage: which classes of the data a generator still draws.

N images, C channels, K modes.
"""

import torch
from torch import Tensor
from torchmetrics import Metric

from src.oracle import Opinion

REAL_SHARE = 0.95  # of the held-out real images that count as recognisable; sets the threshold


class ModeCoverage(Metric):
    """Counts the classes of the data that occur among generated images.

    An image is recognisable if the oracle's confidence reaches `threshold`, which 95 % of the held-out real images do.
    p_k is the share of mode k among recognisable real images, q_k its share among all generated ones, unrecognisable
    ones counting for none. A mode is covered if q_k ≥ p_k / 10. With C characters per image the modes are all K^C
    combinations, and p is the product of the channels' shares, since they are independent.

    Beside this stand `modes_any` and `kl_any`, the literature's protocol: every image counts for the mode that the
    oracle likes best, however little, and one image covers a mode.

    Args:
        real: the oracle's opinion of held-out real images.
        num_classes: K of one channel.

    Raises:
        ValueError: a class has no recognisable real image, so nothing can be said of it.
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
        recognised_MC = real.classes_NC[real.confidence_N >= self.threshold]
        self.register_buffer("real_share_K", _product_of_shares(recognised_MC, num_classes))
        self.add_state("count_K", torch.zeros(len(self.real_share_K), dtype=torch.long), dist_reduce_fx="sum")
        self.add_state("any_K", torch.zeros(len(self.real_share_K), dtype=torch.long), dist_reduce_fx="sum")
        self.add_state("total", torch.tensor(0), dist_reduce_fx="sum")

    def recognise(self, opinion: Opinion) -> Tensor:
        """The mode of each image [N], or −1 where it is not recognisable."""
        return torch.where(opinion.confidence_N >= self.threshold, self._favourite(opinion), -1)

    def update(self, opinion: Opinion) -> None:
        self.count_K += _counts(self.recognise(opinion), len(self.count_K))
        self.any_K += _counts(self._favourite(opinion), len(self.any_K))
        self.total += len(opinion.confidence_N)

    def _favourite(self, opinion: Opinion) -> Tensor:
        """The mode that the oracle likes best [N], or −1 where it sees none at all."""
        mode_N = torch.zeros_like(opinion.classes_NC[:, 0])
        for class_N in opinion.classes_NC.unbind(1):
            mode_N = mode_N * self.num_classes + class_N
        return torch.where((opinion.classes_NC >= 0).all(1), mode_N, -1)

    def compute(self) -> dict[str, Tensor]:
        """Tensors by metric name; `covered` and `shares` (q̂) have one entry a mode.

        Of an empty q̂ the distances are not defined: `kl`, `effective_modes` and `top_share` are NaN.
        """
        share_K = self.count_K.double() / self.total
        recognisable = share_K.sum()
        normed_K = share_K / recognisable
        covered_K = share_K >= self.real_share_K / 10
        any_K = self.any_K.double() / self.any_K.sum()
        return {
            "modes": covered_K.sum(),
            "recognisable": recognisable,
            "kl": torch.xlogy(normed_K, normed_K / self.real_share_K).sum(),
            "kl_floor": (len(share_K) - 1) / (2 * self.total.double()),
            "effective_modes": torch.exp(-torch.xlogy(normed_K, normed_K).sum()),
            "top_share": normed_K.max(),
            "modes_any": (self.any_K > 0).sum(),
            "kl_any": torch.xlogy(any_K, any_K / self.real_share_K).sum(),
            "covered": covered_K,
            "shares": torch.nan_to_num(normed_K),
        }


def _counts(mode_N: Tensor, num_modes: int) -> Tensor:
    return torch.bincount(mode_N[mode_N >= 0], minlength=num_modes)


def _product_of_shares(classes_MC: Tensor, num_classes: int) -> Tensor:
    """Shares [K^C] of all combinations, from the shares of the classes in each channel."""
    shares = torch.ones(1, dtype=torch.double, device=classes_MC.device)
    for class_M in classes_MC.unbind(1):
        count_K = torch.bincount(class_M, minlength=num_classes)
        if (count_K == 0).any():
            absent = (count_K == 0).nonzero().flatten().tolist()
            raise ValueError(f"classes {absent} have no recognisable held-out image: give the data more of them")
        shares = torch.outer(shares, count_K.double() / len(class_M)).flatten()
    return shares
