"""Top-k: the generator learns from its best images only."""

import math
from typing import TYPE_CHECKING

from src.core.validation import SHARE
from src.gan.step import Step
from src.gan.tricks.trick import Trick

if TYPE_CHECKING:
    from src.gan.module import GAN


class TopK(Trick):
    """The generator's loss is taken of the k fake images with the highest logits (Sinha et al. 2020, arXiv:2002.06224).

    k falls from the whole batch to a share of it by a constant factor an image, as in the paper.

    Args:
        share: of the batch, that is left at last.
        duration: share of the run after which it is reached.
    """

    def __init__(self, share: float = 0.5, duration: float = 0.5):
        super().__init__()
        for name, value in (("share", share), ("duration", duration)):
            SHARE.check(f"gan.tricks.top_k.{name}", value)
        self.share = share
        self.duration = duration

    def attach(self, gan: "GAN") -> None:
        if gan.loss.pairs_samples:
            raise ValueError(
                "gan.tricks=top_k drops generated images, but this loss compares each with a real one: choose another "
                "gan.loss, or leave the trick out"
            )
        mixing = [name for name, trick in gan.tricks.items() if trick.mixes_samples]
        if mixing:
            raise ValueError(
                f"gan.tricks=top_k keeps images by their logits, but under gan.tricks={mixing[0]} a logit belongs to "
                "several: choose one of them"
            )

    def before_step(self, gan: "GAN") -> None:
        self.kept_share = self.share ** min(1.0, gan.progress / self.duration)

    def select(self, step: Step) -> Step:
        logits_B = step.fake.logits_B
        best_B = logits_B.topk(math.ceil(self.kept_share * len(logits_B))).indices
        return Step(step.gan, step.real, step.fake.keep(best_B))
