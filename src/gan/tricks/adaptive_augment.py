"""ADA: augment just as often as it takes to keep the discriminator from overfitting.

B batch, C channels, H height, W width.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from src.core.validation import COUNT, POSITIVE
from src.gan.step import Step
from src.gan.tricks.augmenting import Augmenting

if TYPE_CHECKING:
    from src.gan.module import GAN


class AdaptiveAugment(Augmenting):
    """Each augmentation hits an image with probability p, which follows the discriminator (Karras et al. 2020).

    arXiv:2006.06676, section 3. Overfitting shows in E[sign D(x)] over real images: p, at first 0, climbs while that is
    above its target and falls while it is below. Of the paper's augmentations those are used that leave a letter what
    it is: translation by whole pixels and cutout.

    Args:
        target: of E[sign D(x)].
        ramp: images in which p gets from 0 to 1.
        interval: discriminator updates over which the signs are averaged before p moves.
        translation: furthest shift, as a share of the image's size.
        cutout: size of the hidden window, as a share of the image's.
    """

    def __init__(
        self,
        target: float = 0.6,
        ramp: float = 500_000,
        interval: int = 4,
        translation: float = 0.125,
        cutout: float = 0.5,
    ):
        super().__init__("adaptive_augment", translation, cutout)
        if not -1 < target < 1:
            raise ValueError(f"gan.tricks.adaptive_augment.target={target}: choose a mean sign between -1 and 1")
        POSITIVE.check("gan.tricks.adaptive_augment.ramp", ramp)
        COUNT.check("gan.tricks.adaptive_augment.interval", interval)
        self.target = target
        self.ramp = ramp
        self.interval = interval
        self.register_buffer("probability", torch.zeros(()))
        self.register_buffer("mean_sign", torch.zeros(()))  # of the updates since p last moved

    def attach(self, gan: "GAN") -> None:
        super().attach(gan)
        if not gan.loss.splits_at_zero:
            raise ValueError(
                "gan.tricks=adaptive_augment reads overfitting off the sign of the logits, which says nothing under "
                "this loss: choose gan.loss=standard, minimax, feature_matching or hinge, or gan.tricks=[diff_augment]"
            )

    def before_step(self, gan: "GAN") -> None:
        self.moves = (gan.steps + 1) % self.interval == 0

    def transform(self, images_BCHW: Tensor) -> Tensor:
        images_BCHW = self.sometimes(images_BCHW, self.move(images_BCHW))
        return self.sometimes(images_BCHW, self.hide(images_BCHW))

    def sometimes(self, images_BCHW: Tensor, augmented_BCHW: Tensor) -> Tensor:
        hit_B = torch.rand(len(images_BCHW), device=images_BCHW.device) < self.probability
        return torch.where(hit_B[:, None, None, None], augmented_BCHW, images_BCHW)

    @torch.no_grad()
    def after_discriminator(self, gan: "GAN", step: Step) -> None:
        self.mean_sign += step.real.logits_B.float().sign().mean() / self.interval
        if not self.moves:
            return
        images = self.interval * len(step.real.images_BCHW) * gan.trainer.world_size
        self.probability += (self.mean_sign - self.target).sign() * images / self.ramp
        self.probability.clamp_(0, 1)
        self.mean_sign.zero_()

    def charts(self) -> dict[str, Tensor]:
        return {"augmentation_probability": self.probability}
