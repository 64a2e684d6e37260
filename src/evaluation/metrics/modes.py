"""Mode coverage: which classes of the data occur among samples.

N images, S stacked samples, K modes or classes.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torchmetrics import Metric

from src.evaluation.oracles.base import Predictions

REAL_SHARE = 0.95  # of the held-out real images that count as recognisable; sets the threshold


class ModeCoverage(Metric):
    """Which classes of the data occur among generated images, by recognisable samples and by all samples.

    An image is recognisable if the oracle's top class is not "none" and its confidence reaches `threshold`, which 95 %
    of the held-out real images do. Where the oracle predicts "none" for more than 5 % of the real images, the threshold
    is the lowest positive confidence among them. p_k is the share of mode k among recognisable real images, q_k its
    share among all generated images, q_0 the share of those not recognisable, r that of real images not recognisable.
    A mode is covered if q_k ≥ p_k / 10. kl = Σ q_k ln(q_k / ((1 − r) p_k)) + q_0 ln(q_0 / r). With S characters per
    image the modes are all K^S combinations, and p is the product of their shares, as they are independent.

    Coverage by any sample (`modes_any`, `kl_any`, `effective_modes`, `top_share`): every image counts for its best mode
    at any confidence, and one image covers a mode, as in the literature.

    Modes of a class that no held-out real image is recognised as cannot be measured (`measured_K`): they are neither
    covered nor missing, and images of them count for none.

    Args:
        real: the oracle's predictions for held-out real images.
        num_classes: K of one sample.
        rejected_share: r.
        copies: how often each held-out character occurs in a place of `real`.
    """

    full_state_update = False
    count_K: Tensor
    any_K: Tensor
    total: Tensor

    def __init__(self, real: Predictions, num_classes: int, rejected_share: float = 1 - REAL_SHARE, copies: int = 1):
        super().__init__(sync_on_compute=False)  # under DDP every rank scores all samples
        self.num_classes = num_classes
        self.rejected_share = rejected_share
        self.num_real = len(real.confidence_N) // copies
        rank = int((1 - REAL_SHARE) * len(real.confidence_N))
        self.threshold = real.confidence_N.sort().values[rank]
        positive_M = real.confidence_N[real.confidence_N > 0]
        if not self.threshold > 0:
            self.threshold = positive_M.min() if len(positive_M) else torch.ones_like(self.threshold)
        recognised_MS = real.classes_NS[real.confidence_N >= self.threshold]
        shares_SK = [_shares(class_M, num_classes) for class_M in recognised_MS.unbind(1)]
        self.free_shares = sum(max(0, int((share_K > 0).sum()) - 1) for share_K in shares_SK)
        self.register_buffer("real_share_K", _product(shares_SK))
        self.register_buffer("measured_K", self.real_share_K > 0)
        self.add_state("count_K", torch.zeros(len(self.real_share_K), dtype=torch.long), dist_reduce_fx="sum")
        self.add_state("any_K", torch.zeros(len(self.real_share_K), dtype=torch.long), dist_reduce_fx="sum")
        self.add_state("total", torch.tensor(0), dist_reduce_fx="sum")

    def recognise(self, predictions: Predictions) -> Tensor:
        """The mode of each image [N], or −1 where it is not recognisable; confidence 0 never is."""
        return torch.where(predictions.confidence_N >= self.threshold, self._best_mode(predictions), -1)

    def update(self, predictions: Predictions) -> None:
        self.count_K += _counts(self.recognise(predictions), len(self.count_K))
        self.any_K += _counts(self._best_mode(predictions), len(self.any_K))
        self.total += len(predictions.confidence_N)

    def _best_mode(self, predictions: Predictions) -> Tensor:
        """The oracle's best mode [N], or −1 where there is none or it cannot be measured."""
        mode_N = torch.zeros_like(predictions.classes_NS[:, 0])
        for class_N in predictions.classes_NS.unbind(1):
            mode_N = mode_N * self.num_classes + class_N
        known_N = (predictions.classes_NS >= 0).all(1)
        return torch.where(known_N & self.measured_K[mode_N.clamp(min=0)], mode_N, -1)

    def compute(self) -> dict[str, Tensor]:
        """Tensors by metric name, finite for any counts; `covered` and `shares` have one entry per mode.

        `shares` are those among recognisable images. Where no image belongs to a mode, as with points far from all
        Gaussians, `effective_modes` and `top_share` are 0 and `kl_any` has its maximum, that of the rarest mode alone.
        """
        share_K = self.count_K.double() / self.total
        covered_K = self.measured_K & (share_K >= self.real_share_K / 10)
        any_K = self.any_K.double() / self.any_K.sum().clamp(min=1)
        in_a_mode = self.any_K.sum() > 0
        divergence_any = torch.xlogy(any_K, any_K / self.real_share_K)[self.measured_K].sum()
        rarest = torch.where(self.measured_K, self.real_share_K, 1).min()
        return {
            "modes": covered_K.sum(),
            "recognisable": share_K.sum(),
            "kl": self._divergence(share_K),
            "kl_floor": self._floor(),
            "effective_modes": torch.exp(-torch.xlogy(any_K, any_K).sum()) * in_a_mode,
            "top_share": any_K.max(),
            "modes_any": (self.any_K > 0).sum(),
            "kl_any": torch.where(in_a_mode, divergence_any, -rarest.log()),
            "covered": covered_K,
            "shares": self.count_K.double() / self.count_K.sum().clamp(min=1),
        }

    def _divergence(self, share_K: Tensor) -> Tensor:
        """KL in nats of the shares of all images from the real ones, with unrecognisable images as a further class."""
        rejected = (1 - share_K.sum()).clamp(min=0)
        recognised = torch.xlogy(share_K, share_K / ((1 - self.rejected_share) * self.real_share_K))
        return recognised[self.measured_K].sum() + torch.xlogy(rejected, rejected / self.rejected_share)

    def _floor(self) -> Tensor:
        """Expected `kl` of a perfect sampler: (K−1)/2 · (1/N + 1/M) for K modes and M held-out real images.

        The reference of stacked characters has S (K−1) free shares, as it is a product. Valid where N is several times
        the number of modes. The unrecognisable share adds 1/2N.
        """
        modes = (self.measured_K.sum() - 1).clamp(min=0)
        return modes / (2 * self.total.double()) + self.free_shares / (2 * self.num_real)


def class_accuracy(
    predictions: Predictions, recognised_N: Tensor, requested_NS: Tensor, judged_K: Tensor
) -> dict[str, float | list[float]]:
    """How often samples are of the class that was asked for.

    `class_accuracies`: per class, the share of the samples requested as it that are recognised as it, of stacked
    samples one by one; NaN where none was requested or the class is not judged. `class_accuracy`: their mean.
    `class_accuracy_any`: the mean of the shares whose best class it is, recognisable or not.
    """
    right_NS = predictions.classes_NS == requested_NS
    asked_K, any_K, recognised_K = (
        _counts(requested_NS[chosen_NS], len(judged_K)).double().masked_fill(~judged_K, torch.nan)
        for chosen_NS in (torch.ones_like(right_NS), right_NS, right_NS & recognised_N[:, None])
    )
    return {
        "class_accuracy": (recognised_K / asked_K).nanmean().item(),
        "class_accuracy_any": (any_K / asked_K).nanmean().item(),
        "class_accuracies": (recognised_K / asked_K).tolist(),
    }


def _counts(mode_N: Tensor, num_modes: int) -> Tensor:
    return torch.bincount(mode_N[mode_N >= 0], minlength=num_modes)


def _shares(class_M: Tensor, num_classes: int) -> Tensor:
    return torch.bincount(class_M, minlength=num_classes).double() / max(1, len(class_M))


def _product(shares_SK: Sequence[Tensor]) -> Tensor:
    """Shares [K^S] of all combinations, from the shares [K] of the classes in each of S places."""
    product = shares_SK[0]
    for share_K in shares_SK[1:]:
        product = torch.outer(product, share_K).flatten()
    return product
