"""Consistency: what a discriminator says of an image holds for its augmentation as well."""

from torch import Tensor

from src.gan.step import Judged, Step
from src.gan.tricks.augmenting import Augmenting


class Consistency(Augmenting):
    """Balanced consistency regularisation, bCR: λ E(D(x) − D(T(x)))² over real and over generated images.

    Zhao et al. 2021, arXiv:2002.04724. T moves an image, as there; their mirroring would make other
    letters of ours.

    Args:
        weight: λ, the same for both kinds of images.
        translation: the furthest that T moves an image, as a share of its size.
        cutout: the window that T hides, as a share of the image's size.
    """

    def __init__(self, weight: float = 10.0, translation: float = 0.125, cutout: float = 0.0):
        super().__init__("consistency", translation, cutout)
        self.weight = weight

    def discriminator_term(self, step: Step) -> Tensor:
        return self.weight * (self._gap(step, step.real) + self._gap(step, step.fake))

    def _gap(self, step: Step, judged: Judged) -> Tensor:
        images_BCHW = self.hide(self.move(judged.images_BCHW.detach()))
        augmented = step.gan.judge(images_BCHW, judged.z_BZ)
        return (judged.logits_B.float() - augmented.logits_B.float()).square().mean(-1)
