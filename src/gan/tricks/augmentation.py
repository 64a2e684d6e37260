"""Differentiable augmentations, random for each image, and the tricks' common use of them.

B batch, C channels, H height, W width, S size along one of the two axes. Images are in [-1, 1]; what an augmentation
uncovers or hides is set to 0, between ink and paper, as in the code of Zhao et al. 2020 (arXiv:2006.10738).
"""

import torch
from torch import Tensor

from src.core.validation import PART
from src.gan.interfaces import GANInterface, ScoredImages, Step
from src.gan.tricks.trick import Trick

ROWS, COLUMNS = -2, -1


def translate(images_BCHW: Tensor, share: float, axes: tuple[int, ...] = (ROWS, COLUMNS)) -> Tensor:
    """Moves each image by whole pixels, along each of these axes by up to `share` of its size there."""
    for axis in axes:
        pixel_S, furthest = _pixels(images_BCHW, axis, share)
        shift_B = torch.randint(-furthest, furthest + 1, (len(images_BCHW),), device=images_BCHW.device)
        source_BS = pixel_S - shift_B[:, None]
        inside_BS = (source_BS >= 0) & (source_BS < len(pixel_S))
        index_BS = source_BS.clamp(0, len(pixel_S) - 1)
        images_BCHW = images_BCHW.gather(axis, _along(axis, index_BS).expand_as(images_BCHW))
        images_BCHW = images_BCHW * _along(axis, inside_BS)
    return images_BCHW


def recolour(images_BCHW: Tensor) -> Tensor:
    """Changes brightness, saturation and contrast of each colour image.

    By amounts of Zhao et al.'s code: brightness by up to a quarter of the range, saturation by a factor from 0 to 2,
    contrast from ½ to 1½.
    """
    brightness, saturation, contrast = torch.rand(3, len(images_BCHW), 1, 1, 1, device=images_BCHW.device)
    images_BCHW = images_BCHW + (brightness - 0.5)
    grey_B1HW = images_BCHW.mean(1, keepdim=True)
    images_BCHW = grey_B1HW + 2 * saturation * (images_BCHW - grey_B1HW)
    mean_B111 = images_BCHW.mean((1, 2, 3), keepdim=True)
    return mean_B111 + (contrast + 0.5) * (images_BCHW - mean_B111)


def cutout(images_BCHW: Tensor, share: float) -> Tensor:
    """Hides a window of each image, `share` of its size along both axes and centred anywhere in it."""
    hidden_BCHW = torch.ones((), dtype=torch.bool, device=images_BCHW.device)
    for axis in (ROWS, COLUMNS):
        pixel_S, size = _pixels(images_BCHW, axis, share)
        num_centres = len(pixel_S) + (size + 1) % 2  # a window of an even size is centred between pixels
        first_B = torch.randint(num_centres, (len(images_BCHW),), device=images_BCHW.device) - size // 2
        from_first_BS = pixel_S - first_B[:, None]
        hidden_BCHW = hidden_BCHW & _along(axis, (from_first_BS >= 0) & (from_first_BS < size))
    return images_BCHW * ~hidden_BCHW


def _pixels(images_BCHW: Tensor, axis: int, share: float) -> tuple[Tensor, int]:
    """Pixel indices along an axis, and the nearest number of pixels to `share` of them."""
    size = images_BCHW.shape[axis]
    return torch.arange(size, device=images_BCHW.device), int(share * size + 0.5)


def _along(axis: int, values_BS: Tensor) -> Tensor:
    """The same values for all channels and across the other axis: [B, 1, S, 1] or [B, 1, 1, S]."""
    return values_BS[:, None].unsqueeze(COLUMNS if axis == ROWS else ROWS)


class AugmentationTrick(Trick):
    """Translation and cutout, restricted to what preserves the content of the data.

    Images move along both axes. Drum bars move along time only, because the next voice is another instrument.

    Args:
        translation: largest shift, as a share of the image's size.
        cutout: size of the hidden window, as a share of the image's.
    """

    def __init__(self, translation: float = 0.125, cutout: float = 0.5):
        super().__init__()
        self.translation = self.number("translation", translation, PART)
        self.cutout = self.number("cutout", cutout, PART)
        self.axes: tuple[int, ...] = (ROWS, COLUMNS)

    def attach(self, gan: GANInterface) -> None:
        if gan.spec.kind == "points":
            raise ValueError(
                f"{self} moves images and hides parts of them, but data={gan.spec.name} are points, of "
                "which it would erase coordinates: choose gan.tricks=[instance_noise], or leave it out"
            )
        if gan.spec.kind == "drums":
            self.axes = (ROWS,)

    def move(self, images_BCHW: Tensor) -> Tensor:
        return translate(images_BCHW, self.translation, self.axes)

    def hide(self, images_BCHW: Tensor) -> Tensor:
        return cutout(images_BCHW, self.cutout)


class DiffAugment(AugmentationTrick):
    """Augments real and generated images in both networks' updates (Zhao et al. 2020, arXiv:2006.10738).

    The generator's gradient passes through. The paper's third augmentation, of colour, is for images in colour only.
    """

    colour = False

    def attach(self, gan: GANInterface) -> None:
        super().attach(gan)
        self.colour = gan.spec.colour

    def transform(self, images_BCHW: Tensor) -> Tensor:
        images_BCHW = recolour(images_BCHW) if self.colour else images_BCHW
        return self.hide(self.move(images_BCHW))


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
