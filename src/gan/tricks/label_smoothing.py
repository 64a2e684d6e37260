"""One-sided label smoothing: the target for real images is below 1."""

from torch import Tensor

from src.gan.interfaces import GANInterface, Step
from src.gan.tricks.trick import Trick


class LabelSmoothing(Trick):
    """Adds (1−t) E[D(x)] over real images (Salimans et al. 2016, arXiv:1606.03498, section 3.4).

    The cross-entropy against the target t is −t log σ(D) − (1−t) log(1−σ(D)) = −log σ(D) + (1−t) D.

    Args:
        target: t.
    """

    def __init__(self, target: float = 0.9):
        super().__init__()
        if not 0.5 < target < 1:
            raise ValueError(f"gan.tricks.label_smoothing.target={target}: choose a number between 0.5 and 1")
        self.target = target

    def attach(self, gan: GANInterface) -> None:
        if not gan.loss.is_cross_entropy:
            raise ValueError(
                "gan.tricks=label_smoothing moves the target of a cross-entropy, which this loss is not: choose "
                "gan.loss=standard, minimax or feature_matching"
            )

    def discriminator_penalty(self, step: Step) -> Tensor:
        return (1 - self.target) * step.real.logits_B.mean(-1)
