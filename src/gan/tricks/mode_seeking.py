"""Mode seeking: rewards different images for different noise."""

from torch import Tensor

from src.gan.interfaces import Step
from src.gan.tricks.trick import Trick


class ModeSeeking(Trick):
    """λ / (E|G(z) − G(z')| / E|z − z'| + ε), per pixel and per latent dimension (Mao et al. 2019, arXiv:1903.05628).

    Each image is compared with the next one of its batch.

    Args:
        weight: λ.
        epsilon: ε, which bounds the penalty if all images are the same.
    """

    excludes_labels = "compares each image with the next one of its batch, which is of another class"

    def __init__(self, weight: float = 1.0, epsilon: float = 1e-5):
        super().__init__()
        self.weight = weight
        self.epsilon = epsilon

    def generator_penalty(self, step: Step) -> Tensor:
        images_BCHW, z_BZ = step.fake.images_BCHW.float(), step.fake.z_BZ
        if z_BZ.shape[-2] < 2:
            raise ValueError("gan.tricks=mode_seeking compares the images of a batch: choose a batch_size above 1")
        between_images = (images_BCHW - images_BCHW.roll(1, -4)).abs().mean((-4, -3, -2, -1))
        between_noise = (z_BZ - z_BZ.roll(1, -2)).abs().mean((-2, -1))
        return self.weight / (between_images / between_noise + self.epsilon)
