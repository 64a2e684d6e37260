"""The game min_x max_y x·y as a GAN: plain updates go round its solution or away from it."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from src.gan.interfaces import DiscriminatorNetwork, GeneratorNetwork, Loss

RATE = 0.3
START = np.array([1.0, -0.5])


class Point(GeneratorNetwork):
    """G(z) = x."""

    z = 1

    def __init__(self, shape):
        super().__init__()
        self.x = nn.Parameter(torch.tensor(float(START[0])))

    def forward(self, z_BZ):
        return self.x.expand(len(z_BZ), 1, 1, 1)


class Slope(DiscriminatorNetwork):
    """D(image) = y · image."""

    def __init__(self, shape):
        super().__init__()
        self.y = nn.Parameter(torch.tensor(float(START[1])))

    def forward(self, images_BCHW):
        features_BF = images_BCHW.flatten(1)
        return self.y * features_BF.squeeze(1), features_BF


class Product(Loss):
    """The discriminator minimises x·y, the generator −x·y: v = (−y, x)."""

    def discriminator(self, step):
        return step.fake.logits_B.mean(-1)

    def generator(self, step):
        return -step.fake.logits_B.mean(-1)


@pytest.fixture
def play(make_gan, fit, spec):
    """(x, y) after some training steps by a rule and optimizers, and the GAN."""

    def after(rule, num_steps, optimizer=None, **changes):
        optimizer = optimizer or partial(torch.optim.SGD, lr=RATE)
        gan = make_gan(
            spec=replace(spec, shape=(1, 1, 1)),
            generator=Point,
            discriminator=Slope,
            loss={"product": Product()},
            generator_optimizer=optimizer,
            discriminator_optimizer=optimizer,
            update={"rule": rule},
            **changes,
        )
        fit(gan, num_batches=num_steps, images=torch.zeros(64, 1, 1, dtype=torch.uint8))
        return np.array([gan.generator.x.item(), gan.discriminator.y.item()]), gan

    return after
