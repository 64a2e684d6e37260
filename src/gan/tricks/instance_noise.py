"""Instance noise: makes the distributions of real and generated images overlap."""

import torch
from torch import Tensor

from src.core.validation import POSITIVE
from src.gan.interfaces import GANInterface
from src.gan.tricks.trick import Trick


class InstanceNoise(Trick):
    """Adds Gaussian noise to all inputs of the discriminator; its standard deviation falls linearly to 0.

    Sønderby et al. 2017, arXiv:1610.04490; Arjovsky & Bottou 2017, arXiv:1701.04862.

    Args:
        sigma: standard deviation at the start of the run; images are in [-1, 1].
    """

    sigma: Tensor

    def __init__(self, sigma: float = 0.1):
        super().__init__()
        self.initial_sigma = self.number("sigma", sigma, POSITIVE)
        self.register_buffer("sigma", torch.tensor(float(sigma)), persistent=False)

    def before_step(self, gan: GANInterface) -> None:
        self.sigma.fill_(self.initial_sigma * (1 - gan.progress))

    def transform(self, images_BCHW: Tensor) -> Tensor:
        return images_BCHW + self.sigma * torch.randn_like(images_BCHW)

    def logs(self) -> dict[str, Tensor]:
        return {"noise_sigma": self.sigma}
