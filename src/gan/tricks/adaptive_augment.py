"""ADA: augments as often as it takes to keep the discriminator from overfitting.

B batch, C channels, H height, W width.
"""

import torch
from torch import Tensor

from src.gan.tricks.adaptive import Adaptive
from src.gan.tricks.augmentation import AugmentationTrick


class AdaptiveAugment(Adaptive, AugmentationTrick):
    """Applies each augmentation with a probability p that follows overfitting (Karras et al. 2020, arXiv:2006.06676).

    Section 3. Of the paper's augmentations translation by whole pixels and cutout are used, which preserve a letter.
    """

    alternative = "diff_augment"

    def transform(self, images_BCHW: Tensor) -> Tensor:
        images_BCHW = self.sometimes(images_BCHW, self.move(images_BCHW))
        return self.sometimes(images_BCHW, self.hide(images_BCHW))

    def sometimes(self, images_BCHW: Tensor, augmented_BCHW: Tensor) -> Tensor:
        hit_B = torch.rand(len(images_BCHW), device=images_BCHW.device) < self.probability
        return torch.where(hit_B[:, None, None, None], augmented_BCHW, images_BCHW)

    def logs(self) -> dict[str, Tensor]:
        return {"augmentation_probability": self.probability}
