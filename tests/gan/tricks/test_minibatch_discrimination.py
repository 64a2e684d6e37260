from functools import partial

import pytest
import torch

from src.gan.losses import Relativistic
from src.gan.networks import Discriminator
from src.gan.tricks import R1, MinibatchDiscrimination
from src.gan.tricks.minibatch_discrimination import Closeness


def test_closeness_against_loops():
    torch.manual_seed(0)
    layer, features = Closeness(num_features=7, num_kernels=3, kernel_size=2), torch.randn(5, 7)
    tensor = layer.project.weight.view(3, 2, 7)
    expected = torch.zeros(5, 3)
    for i in range(5):
        for kernel in range(3):
            rows = [tensor[kernel] @ features[j] for j in range(5)]
            expected[i, kernel] = sum(torch.exp(-(rows[i] - row).abs().sum()) for row in rows) / 5
    together = layer(features)
    torch.testing.assert_close(together[:, :7], features)
    torch.testing.assert_close(together[:, 7:], expected)
    assert expected.std() > 0.01


def test_identical_images_are_as_close_as_can_be(make_gan):
    gan = make_gan(tricks={"minibatch_discrimination": MinibatchDiscrimination(num_kernels=6)})
    _, features = gan.discriminator(torch.randn(1, 1, 8, 8).expand(4, -1, -1, -1))
    torch.testing.assert_close(features[:, -6:], torch.ones(4, 6))
    _, features = gan.discriminator(10 * torch.randn(4, 1, 8, 8))
    assert features[:, -6:].max() < 1


def test_the_head_sees_it_and_the_kernels_learn(make_gan):
    plain, gan = make_gan(), make_gan(tricks={"minibatch_discrimination": MinibatchDiscrimination(num_kernels=6)})
    assert gan.discriminator.head.in_features == plain.discriminator.head.in_features + 6
    logits, features = gan.discriminator(torch.randn(4, 1, 8, 8))
    torch.testing.assert_close(gan.discriminator.head(features).squeeze(1), logits)
    assert 0.015 < gan.discriminator.body[-1].project.weight.std() < 0.025
    logits.sum().backward()
    assert gan.discriminator.body[-1].project.weight.grad.abs().sum() > 0


def test_a_logit_depends_on_the_other_images(make_gan):
    gan = make_gan(tricks={"minibatch_discrimination": MinibatchDiscrimination()})
    images = torch.randn(4, 1, 8, 8, requires_grad=True)
    gan.discriminator(images)[0][0].backward()
    assert all(gradient.abs().sum() > 0 for gradient in images.grad)


def test_impossible_combinations(make_gan):
    tricks = {"minibatch_discrimination": MinibatchDiscrimination()}
    with pytest.raises(ValueError, match=r"gan\.loss=relativistic .* under gan\.tricks=minibatch_discrimination"):
        make_gan(tricks=tricks, loss={"relativistic": Relativistic()})
    with pytest.raises(ValueError, match=r"gan\.tricks=r1 .* under gan\.tricks=minibatch_discrimination a logit"):
        make_gan(tricks={"r1": R1(), **tricks}, discriminator=partial(Discriminator, width=4, norm="none"))
    with pytest.raises(ValueError, match=r"num_kernels=0"):
        MinibatchDiscrimination(num_kernels=0)
