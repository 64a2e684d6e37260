"""DRAGAN: a slope of 1 in the neighbourhood of the data."""

import torch
from torch import Tensor

from src.gan.step import Step
from src.gan.tricks.one_centred import OneCentred


class Dragan(OneCentred):
    """At real images with noise, x + `noise` · σ · U, where σ is the batch's standard deviation and U in [0, 1)^CHW.

    Kodali et al. 2017, arXiv:1705.07215. It bounds the slope near the data alone, which does not make a Wasserstein
    distance.

    Args:
        weight: λ.
        noise: how far from the data, in standard deviations of a pixel.
    """

    def __init__(self, weight: float = 10.0, noise: float = 0.5):
        super().__init__(weight)
        self.noise = noise

    def places(self, step: Step) -> Tensor:
        real_BCHW = step.real.images_BCHW
        deviation = real_BCHW.std((-4, -3, -2, -1), correction=0, keepdim=True)
        return real_BCHW + self.noise * deviation * torch.rand_like(real_BCHW)
