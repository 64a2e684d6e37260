"""Differentiable augmentation: a discriminator that never sees the same image twice memorises none."""

from torch import Tensor

from src.gan.tricks.augmenting import Augmenting


class DiffAugment(Augmenting):
    """Real and generated images are augmented alike, in the updates of both networks (Zhao et al. 2020).

    arXiv:2006.10738, eqs. 4–6; the generator's gradient passes through. Of the paper's three augmentations the one of
    colour is left out, which has next to no meaning on ink.

    Args:
        translation: furthest shift, as a share of the image's size.
        cutout: size of the hidden window, as a share of the image's.
    """

    def __init__(self, translation: float = 0.125, cutout: float = 0.5):
        super().__init__("diff_augment", translation, cutout)

    def transform(self, images_BCHW: Tensor) -> Tensor:
        return self.hide(self.move(images_BCHW))
