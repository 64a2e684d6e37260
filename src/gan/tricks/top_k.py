"""Top-k: the generator learns only from its images with the highest logits."""

import math

from src.core.validation import SHARE
from src.gan.interfaces import GANInterface, Step
from src.gan.tricks.trick import Trick


class TopK(Trick):
    """Computes the generator's loss from the k fake images with the highest logits.

    Sinha et al. 2020, arXiv:2002.06224: k falls exponentially from the whole batch to a share of it.

    Args:
        share: final k, as a share of the batch.
        duration: share of the run over which k falls.
    """

    def __init__(self, share: float = 0.5, duration: float = 0.5):
        super().__init__()
        self.share = self.number("share", share, SHARE)
        self.duration = self.number("duration", duration, SHARE)

    def attach(self, gan: GANInterface) -> None:
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

    def before_step(self, gan: GANInterface) -> None:
        self.kept_share = self.share ** min(1.0, gan.progress / self.duration)

    def graph_key(self, gan: GANInterface) -> float:
        return self.kept_share

    def select_samples(self, step: Step) -> Step:
        logits_B = step.fake.logits_B
        best_B = logits_B.topk(math.ceil(self.kept_share * len(logits_B))).indices
        return step.keep_fake(best_B)
