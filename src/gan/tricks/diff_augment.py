"""Differentiable augmentation: a discriminator that never sees the same image twice memorises none."""

from torch import Tensor

from src.gan import augmentation
from src.gan.tricks.trick import Trick


class DiffAugment(Trick):
    """Real and generated images are augmented alike, in the updates of both networks (Zhao et al. 2020).

    arXiv:2006.10738, eqs. 4–6; the generator's gradient passes through. Of the paper's three augmentations the one of
    colour is left out, which has next to no meaning on ink.

    Args:
        translation: furthest shift, as a share of the image's size.
        cutout: size of the hidden window, as a share of the image's.
    """

    def __init__(self, translation: float = 0.125, cutout: float = 0.5):
        super().__init__()
        self.translation = share_of_size("gan.tricks.diff_augment.translation", translation)
        self.cutout = share_of_size("gan.tricks.diff_augment.cutout", cutout)

    def transform(self, images_BCHW: Tensor) -> Tensor:
        return augmentation.cutout(augmentation.translate(images_BCHW, self.translation), self.cutout)


def share_of_size(key: str, value: float) -> float:
    """A parameter that a user gave, checked."""
    if not 0 <= value <= 1:
        raise ValueError(f"{key}={value}: choose a share of the image's size, from 0 to 1")
    return value
