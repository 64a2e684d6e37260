"""One-sided label smoothing: real images count as real with less than certainty."""

from typing import TYPE_CHECKING

from torch import Tensor

from src.gan.step import Step
from src.gan.tricks.trick import Trick

if TYPE_CHECKING:
    from src.gan.module import GAN


class LabelSmoothing(Trick):
    """The discriminator's target for real images is below 1 (Salimans et al. 2016, arXiv:1606.03498, section 3.4).

    Cross-entropy against the target t is −t log σ(D) − (1−t) log(1−σ(D)) = −log σ(D) + (1−t) D, so that smoothing adds
    (1−t) E[D(x)] to the loss.

    Args:
        target: t.
    """

    def __init__(self, target: float = 0.9):
        super().__init__()
        if not 0.5 < target < 1:
            raise ValueError(f"gan.tricks.label_smoothing.target={target}: choose a number between 0.5 and 1")
        self.target = target

    def attach(self, gan: "GAN") -> None:
        if not gan.loss.is_cross_entropy:
            raise ValueError(
                "gan.tricks=label_smoothing moves the target of a cross-entropy, which this loss is not: choose "
                "gan.loss=standard, minimax or feature_matching"
            )

    def discriminator_term(self, step: Step) -> Tensor:
        return (1 - self.target) * step.real.logits_B.mean(-1)
