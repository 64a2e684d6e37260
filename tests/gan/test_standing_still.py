"""While one network is updated, the other does not change."""

from copy import deepcopy

import pytest
import torch

from src.gan.tricks import Trick
from src.training.networks import frozen


class Witness(Trick):
    """Notes, during both updates, what can learn and what has a gradient."""

    generator_needs_real = True

    def attach(self, gan):
        self.seen = []
        self.gan = [gan]  # in a list, or it would be a submodule of itself

    def note(self, name):
        (gan,) = self.gan
        self.seen.append(
            (
                name,
                all(weight.requires_grad for weight in gan.discriminator.parameters()),
                deepcopy([weight.detach() for weight in gan.generator.parameters()]),
                deepcopy([weight.detach() for weight in gan.discriminator.parameters()]),
            )
        )
        return 0.0

    def discriminator_penalty(self, step):
        assert not step.fake.images_BCHW.requires_grad
        assert not step.real.images_BCHW.requires_grad
        return self.note("discriminator")

    def generator_penalty(self, step):
        assert step.fake.images_BCHW.requires_grad
        assert not step.real.images_BCHW.requires_grad
        return self.note("generator")

    def after_step(self, gan):
        self.note("after")


def test_one_network_stands_still_while_the_other_learns(make_gan, fit):
    witness = Witness()
    gan = make_gan(tricks={"witness": witness})
    fit(gan, num_batches=1)
    (first, learns, g0, d0), (second, frozen_meanwhile, g1, d1), (third, again, g2, d2) = witness.seen
    assert (first, second, third) == ("discriminator", "generator", "after")
    assert (learns, frozen_meanwhile, again) == (True, False, True)
    same = [all(torch.equal(a, b) for a, b in zip(*pair, strict=True)) for pair in ((g0, g1), (d1, d2))]
    assert same == [True, True]
    changed = [not any(torch.equal(a, b) for a, b in zip(*pair, strict=True)) for pair in ((d0, d1), (g1, g2))]
    assert changed == [True, True]


def test_frozen_lets_gradients_through_and_thaws_after_an_error(make_gan):
    discriminator = make_gan().discriminator
    images = torch.randn(2, 1, 8, 8, requires_grad=True)
    with frozen(discriminator):
        discriminator(images)[0].sum().backward()
    assert images.grad.abs().sum() > 0
    assert all(weight.grad is None for weight in discriminator.parameters())
    with pytest.raises(RuntimeError, match="oops"), frozen(discriminator):
        raise RuntimeError("oops")
    assert all(weight.requires_grad for weight in discriminator.parameters())
