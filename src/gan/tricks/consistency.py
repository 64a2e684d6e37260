"""Consistency regularisation: an augmentation should not change the discriminator's output."""

from torch import Tensor

from src.gan.interfaces import ScoredImages, Step
from src.gan.tricks.augmentation import AugmentationTrick


class Consistency(AugmentationTrick):
    """Balanced consistency, bCR: λ E(D(x) − D(T(x)))² over real and over generated images.

    Zhao et al. 2021, arXiv:2002.04724. T translates, as in the paper, but does not mirror, which would change a letter.

    Args:
        weight: λ, the same for both kinds of images.
        translation: largest shift by T, as a share of the image's size.
        cutout: size of the window that T hides, as a share of the image's.
    """

    def __init__(self, weight: float = 10.0, translation: float = 0.125, cutout: float = 0.0):
        super().__init__(translation, cutout)
        self.weight = weight

    def discriminator_penalty(self, step: Step) -> Tensor:
        return self.weight * (self._gap(step, step.real) + self._gap(step, step.fake))

    def _gap(self, step: Step, scored: ScoredImages) -> Tensor:
        images_BCHW = self.hide(self.move(scored.images_BCHW.detach()))
        augmented = step.gan.discriminate(images_BCHW, scored.z_BZ, labels_BS=scored.labels_BS)
        return (scored.logits_B.float() - augmented.logits_B.float()).square().mean(-1)
