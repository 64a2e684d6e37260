"""Tricks that act the more strongly, the more the discriminator overfits: their base class, and ADA.

B batch, C channels, H height, W width.
"""

from typing import Any

import torch
from torch import Tensor

from src.core.validation import COUNT, POSITIVE
from src.gan.interfaces import GANInterface, Step
from src.gan.tricks.augmentation import AugmentationTrick
from src.gan.tricks.trick import Trick


class Adaptive(Trick):
    """A strength p in [0, 1] that follows overfitting (Karras et al. 2020, arXiv:2006.06676).

    Overfitting is measured by r = E[sign D(x)] over real images. p starts at 0, rises while r is above its target and
    falls while it is below.

    Args:
        target: of r, the mean sign of real logits.
        ramp: images over which p can rise from 0 to 1.
        interval: discriminator updates over which the sign is averaged between adjustments of p.
    """

    alternative: str  # where the loss has no threshold at 0
    probability: Tensor  # p
    mean_sign: Tensor  # of the updates since the last adjustment

    def __init__(self, target: float = 0.6, ramp: float = 500_000, interval: int = 4, **options: Any):
        super().__init__(**options)
        if not -1 < target < 1:
            raise ValueError(f"{self.key}.target={target}: choose a mean sign between -1 and 1")
        self.target = target
        self.ramp = self.number("ramp", ramp, POSITIVE)
        self.interval = self.number("interval", interval, COUNT)
        self.register_buffer("probability", torch.zeros(()))
        self.register_buffer("mean_sign", torch.zeros(()))

    def attach(self, gan: GANInterface) -> None:
        super().attach(gan)
        if not gan.loss.has_zero_threshold:
            raise ValueError(
                f"{self} measures overfitting by the sign of the logits, which means nothing under this loss: choose "
                f"gan.loss=standard, minimax, feature_matching or hinge, or gan.tricks=[{self.alternative}]"
            )

    def before_step(self, gan: GANInterface) -> None:
        self.adjusts = (gan.steps + 1) % self.interval == 0

    def graph_key(self, gan: GANInterface) -> bool:
        return self.adjusts

    @torch.no_grad()
    def after_discriminator(self, gan: GANInterface, step: Step) -> None:
        self.mean_sign += step.real.logits_B.float().sign().mean() / self.interval
        if not self.adjusts:
            return
        images = self.interval * len(step.real.images_BCHW) * gan.world_size
        self.probability += (self.mean_sign - self.target).sign() * images / self.ramp
        self.probability.clamp_(0, 1)
        self.mean_sign.zero_()


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
