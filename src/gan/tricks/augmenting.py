"""What the tricks have in common that move images and hide parts of them.

B batch, C channels, H height, W width.
"""

from typing import TYPE_CHECKING

from torch import Tensor

from src.gan import augmentation
from src.gan.augmentation import COLUMNS, ROWS
from src.gan.tricks.trick import Trick

if TYPE_CHECKING:
    from src.gan.module import GAN


class Augmenting(Trick):
    """Translation and cutout, as far as the data bear them.

    A letter stays what it is. A bar of drums moves along time alone, since one voice further a kick would be a snare;
    off the beat it is another rhythm all the same.

    Args:
        name: of the trick, for messages.
        translation: furthest shift, as a share of the image's size.
        cutout: size of the hidden window, as a share of the image's.
    """

    def __init__(self, name: str, translation: float, cutout: float):
        super().__init__()
        self.name = name
        self.translation = augmentation.share_of_size(f"gan.tricks.{name}.translation", translation)
        self.cutout = augmentation.share_of_size(f"gan.tricks.{name}.cutout", cutout)
        self.axes = (ROWS, COLUMNS)

    def attach(self, gan: "GAN") -> None:
        if gan.spec.kind == "points":
            raise ValueError(
                f"gan.tricks={self.name} moves images and hides parts of them, but data={gan.spec.name} are points, of "
                "which it would erase coordinates: choose gan.tricks=[instance_noise], or leave it out"
            )
        if gan.spec.kind == "drums":
            self.axes = (ROWS,)

    def move(self, images_BCHW: Tensor) -> Tensor:
        return augmentation.translate(images_BCHW, self.translation, self.axes)

    def hide(self, images_BCHW: Tensor) -> Tensor:
        return augmentation.cutout(images_BCHW, self.cutout)
