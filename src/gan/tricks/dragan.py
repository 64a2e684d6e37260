"""DRAGAN: a slope of 1 in the neighbourhood of the data."""

import torch
from torch import Tensor

from src.gan.step import Step
from src.gan.tricks.one_centred import OneCentred


class Dragan(OneCentred):
    """At points between a real image and its perturbed copy, x + α · `noise` · σ · U.

    Kodali et al. 2017, arXiv:1705.07215, as in the authors' code: α ~ U(0, 1) for each image, U ~ U(0, 1) for each of
    its pixels, and σ the standard deviation of the batch. It bounds the slope near the data alone, which does not make
    a Wasserstein distance.

    Args:
        weight: λ.
        noise: largest perturbation, in standard deviations of a pixel.
    """

    def __init__(self, weight: float = 10.0, noise: float = 0.5):
        super().__init__(weight)
        self.noise = noise

    def places(self, step: Step) -> Tensor:
        real_BCHW = step.real.images_BCHW
        deviation = real_BCHW.std((-4, -3, -2, -1), correction=0, keepdim=True)
        share_B111 = torch.rand_like(real_BCHW[..., :1, :1, :1])
        return real_BCHW + share_B111 * self.noise * deviation * torch.rand_like(real_BCHW)
