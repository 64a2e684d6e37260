from copy import deepcopy
from functools import partial

import pytest
import torch
from torch import nn

from src.gan.losses import Wasserstein
from src.gan.networks.dcgan import Discriminator
from src.gan.networks.residual import ResidualDiscriminator
from src.gan.tricks import MinibatchDiscrimination, SpectralNorm, WeightClipping

PLAIN = partial(Discriminator, width=4, depth=2, norm="none")


@pytest.fixture
def gan(make_gan):
    return make_gan(discriminator=PLAIN, tricks={"spectral_norm": SpectralNorm()})


def layers(network):
    return [layer for layer in network.modules() if isinstance(layer, nn.Linear | nn.Conv2d)]


def test_every_layer_is_divided_by_its_largest_singular_value(make_gan, gan):
    plain = layers(make_gan(discriminator=PLAIN).discriminator)
    assert len(plain) == len(layers(gan.discriminator)) == 3
    for _ in range(100):  # each a step of the power iteration
        gan.discriminator(torch.randn(2, 1, 8, 8))
    for before, after in zip(plain, layers(gan.discriminator), strict=True):
        largest = torch.linalg.svdvals(before.weight.flatten(1))[0]
        torch.testing.assert_close(after.weight, before.weight / largest, rtol=1e-3, atol=1e-5)


def test_one_power_iteration_a_look(gan):
    layer = gan.discriminator.body[2].parametrizations.weight
    matrix, u = layer.original.detach().flatten(1), layer[0]._u.clone()
    gan.discriminator(torch.randn(2, 1, 8, 8))
    v = matrix.T @ layer[0]._u
    torch.testing.assert_close(layer[0]._v, v / v.norm())
    assert not torch.equal(layer[0]._u, u)
    u = layer[0]._u.clone()
    gan.discriminator.eval()(torch.randn(2, 1, 8, 8))
    assert torch.equal(layer[0]._u, u)


def test_the_generator_is_left_alone(make_gan, gan):
    assert list(gan.generator.state_dict()) == list(make_gan().generator.state_dict())


@pytest.mark.parametrize("training", [True, False])
def test_a_copy_gives_the_same_logits(gan, fit, training):
    fit(gan, num_batches=3)
    gan.train(training)
    images, copy = torch.randn(4, 1, 8, 8), deepcopy(gan)
    assert torch.equal(copy.discriminator(images)[0], gan.discriminator(images)[0])
    fresh = deepcopy(gan)
    for weight in fresh.parameters():
        nn.init.normal_(weight)
    fresh.load_state_dict(copy.state_dict())
    assert torch.equal(fresh.discriminator(images)[0], copy.discriminator(images)[0])


def test_under_bf16(gan):
    with torch.autocast("cpu", torch.bfloat16):
        logits_B, _ = gan.discriminator(torch.randn(4, 1, 8, 8))
        logits_B.float().sum().backward()
    assert all(weight.grad.isfinite().all() for weight in gan.discriminator.parameters())


def test_it_bounds_the_slope_only_where_nothing_else_scales(make_gan):
    changes = {"loss": {"wasserstein": Wasserstein()}, "tricks": {"spectral_norm": SpectralNorm()}}
    make_gan(discriminator=PLAIN, **changes)
    for norm in ("group", "layer", "batch"):
        with pytest.raises(ValueError, match=r"gan\.tricks=spectral_norm .* choose gan\.discriminator\.norm=none"):
            make_gan(discriminator=partial(Discriminator, width=4, norm=norm), **changes)


def test_clipping_would_be_divided_out(make_gan):
    tricks = {"clipping": WeightClipping(), "spectral_norm": SpectralNorm()}
    for names in (list(tricks), list(tricks)[::-1]):
        with pytest.raises(ValueError, match=r"gan\.tricks=clipping clips .* gan\.tricks=spectral_norm divides .* one"):
            make_gan(discriminator=PLAIN, tricks={name: tricks[name] for name in names})


def test_residual_networks_start_from_zero(make_gan):
    with pytest.raises(ValueError, match=r"layers that start from zero: choose gan\.network=dcgan"):
        make_gan(discriminator=partial(ResidualDiscriminator, width=4), tricks={"spectral_norm": SpectralNorm()})


def test_it_comes_after_what_adds_layers(make_gan):
    tricks = {"minibatch_discrimination": MinibatchDiscrimination(3, 2), "spectral_norm": SpectralNorm()}
    gan = make_gan(discriminator=PLAIN, tricks=tricks)
    assert sum(hasattr(layer, "parametrizations") for layer in layers(gan.discriminator)) == 3
    with pytest.raises(ValueError, match=r"name spectral_norm last"):
        make_gan(tricks=dict(reversed(tricks.items())))
