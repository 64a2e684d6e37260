"""Packing: the discriminator gets several images at once, so that it can detect a lack of variety.

B batch, C channels, H height, W width, P packs.
"""

from torch import Tensor

from src.core.validation import SEVERAL
from src.data.spec import Shape
from src.gan.tricks.trick import Trick


class Packing(Trick):
    """m images, all real or all generated, stacked as channels under one logit (Lin et al. 2018, arXiv:1712.04086).

    A batch of B images has B / m logits.

    Args:
        m: images per pack.
    """

    mixes_samples = True
    excludes_labels = "shows several images under one logit, each with a label of its own"

    def __init__(self, m: int = 2):
        super().__init__()
        self.m = self.number("m", m, SEVERAL)

    def discriminator_shape(self, shape: Shape) -> Shape:
        channels, height, width = shape
        return self.m * channels, height, width

    def pack_inputs(self, images_BCHW: Tensor, z_BZ: Tensor | None) -> Tensor:
        if len(images_BCHW) % self.m:
            raise ValueError(
                f"gan.tricks.packing.m={self.m} does not divide a batch of {len(images_BCHW)}: choose batch_size as a "
                "multiple of it"
            )
        packs_PmCHW = images_BCHW.unflatten(0, (-1, self.m))
        return packs_PmCHW.flatten(1, 2)
