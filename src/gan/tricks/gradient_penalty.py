"""Gradient penalty: the smooth way to keep a critic's slope bounded."""

import torch
from torch import Tensor

from src.gan.step import Step
from src.gan.tricks.one_centred import OneCentred


class GradientPenalty(OneCentred):
    """WGAN-GP: at random points between a real and a generated image (Gulrajani et al. 2017, arXiv:1704.00028, eq. 3).

    The paper normalises the critic by layer or not at all, and gives it five updates for each of the generator's.
    """

    bounds_slope = True

    def places(self, step: Step) -> Tensor:
        real_BCHW, fake_BCHW = step.real.images_BCHW, step.fake.images_BCHW
        share_B111 = torch.rand_like(real_BCHW[..., :1, :1, :1])
        return real_BCHW + share_B111 * (fake_BCHW - real_BCHW)
