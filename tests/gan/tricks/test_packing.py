from functools import partial

import pytest
import torch

from src.gan.losses import Relativistic
from src.gan.networks.dcgan import Discriminator
from src.gan.tricks import R1, Packing


def test_packs_by_hand():
    images = torch.arange(4.0).view(4, 1, 1, 1) + torch.tensor([0.0, 0.5]).view(1, 2, 1, 1)  # 4 images of 2 channels
    packs = Packing(m=2).pack_inputs(images, None)
    assert packs.flatten().tolist() == [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5]
    assert packs.shape == (2, 4, 1, 1)


@pytest.mark.parametrize("m", [2, 4])
def test_only_the_first_layer_grows(make_gan, m):
    plain, gan = make_gan().discriminator, make_gan(tricks={"packing": Packing(m)}).discriminator
    shapes = [[weight.shape for weight in network.parameters()] for network in (plain, gan)]
    assert shapes[1][0] == (4, m, 4, 4)
    assert shapes[0][1:] == shapes[1][1:]


def test_logits_and_gradients(make_gan):
    gan = make_gan(tricks={"packing": Packing(2)})
    images = torch.randn(6, 1, 8, 8, requires_grad=True)
    scored = gan.discriminate(images)
    assert scored.logits_B.shape == (3,)
    scored.logits_B[1].backward()
    assert [bool(gradient.abs().sum() > 0) for gradient in images.grad] == [False, False, True, True, False, False]


def test_impossible_combinations(make_gan, fit):
    tricks = {"packing": Packing()}
    with pytest.raises(ValueError, match=r"packing\.m=2 does not divide a batch of 7: choose batch_size"):
        fit(make_gan(tricks=tricks), batch_size=7)
    with pytest.raises(ValueError, match=r"gan\.loss=relativistic .* under gan\.tricks=packing"):
        make_gan(tricks=tricks, loss={"relativistic": Relativistic()})
    with pytest.raises(ValueError, match=r"gan\.tricks=r1 .* under gan\.tricks=packing"):
        make_gan(tricks={"r1": R1(), **tricks}, discriminator=partial(Discriminator, width=4, norm="none"))
    with pytest.raises(ValueError, match=r"m=1: choose a whole number of at least 2"):
        Packing(m=1)
