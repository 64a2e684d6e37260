import pytest
import torch
from torch import nn

from src.gan.networks.dcgan import Discriminator, Generator, halvings, has_batch_norm, initialise, make_norm

SHAPES = [(1, 28, 28), (3, 28, 28), (1, 16, 9), (1, 32, 32), (3, 32, 32), (3, 64, 64)]
SMALLEST = {(28, 28): (7, 7), (16, 9): (4, 2), (32, 32): (4, 4), (64, 64): (4, 4), (20, 24): (5, 6), (8, 128): (1, 16)}
NORMS = ["none", "batch", "layer", "group"]


def num_parameters(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("norm", NORMS)
def test_shapes_and_range(shape, norm):
    torch.manual_seed(0)
    generator = Generator(shape, z=6, width=4, norm=norm)
    for weight in generator.parameters():
        weight.data.mul_(20)  # far into saturation
    images = generator(torch.randn(5, 6))
    assert images.shape == (5, *shape)
    assert images.abs().max() <= 1
    assert images.abs().max() > 0.9

    logits, features = Discriminator(shape, width=4, norm=norm)(images)
    assert logits.shape == (5,)
    height, width = SMALLEST[shape[1:]]
    assert features.shape == (5, 2 * shape[1] // height * height * width)


@pytest.mark.parametrize(("size", "smallest"), SMALLEST.items())
def test_networks_deepen_with_the_size(size, smallest):
    assert halvings(*size, None)[-1] == smallest


def test_logits_are_not_rounded_to_bf16():
    """Where they are near 20, as with a sure discriminator, bf16 knows only multiples of an eighth."""
    torch.manual_seed(0)
    discriminator = Discriminator((1, 28, 28), width=4)
    discriminator.head.bias.data.fill_(20)
    with torch.autocast("cpu", torch.bfloat16):
        logits, features = discriminator(torch.randn(8, 1, 28, 28))
    assert features.dtype == torch.bfloat16
    torch.testing.assert_close(logits, discriminator.head(features).squeeze(1))
    assert (logits.bfloat16().float() != logits).any()


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_every_depth_that_fits(depth):
    images = Generator((1, 28, 28), z=3, width=2, depth=depth)(torch.randn(2, 3))
    assert images.shape == (2, 1, 28, 28)
    logits, _ = Discriminator((1, 28, 28), width=2, depth=depth)(images)
    assert logits.shape == (2,)


@pytest.mark.parametrize("network", [Generator, Discriminator])
def test_unknown_norm_is_refused(network):
    with pytest.raises(ValueError, match="norm='spectral' is unknown; choose one of none, batch, layer, group"):
        network((1, 28, 28), norm="spectral")


@pytest.mark.parametrize("network", [Generator, Discriminator])
def test_what_cannot_be_halved_at_all_is_sent_elsewhere(network):
    with pytest.raises(ValueError, match=r"images of 1×2: choose gan\.network=mlp"):
        network((1, 1, 2))


@pytest.mark.parametrize("network", [Generator, Discriminator])
def test_too_many_halvings_are_refused(network):
    with pytest.raises(ValueError, match="depth=4 halvings are too many for images of 16×9: choose 3 at most"):
        network((1, 16, 9), depth=4)
    network((1, 16, 9), depth=3, width=2)


def test_halvings():
    assert halvings(28, 28, 2) == [(28, 28), (14, 14), (7, 7)]
    assert halvings(16, 9, 2) == [(16, 9), (8, 4), (4, 2)]
    assert halvings(5, 5, 1) == [(5, 5), (2, 2)]


@pytest.mark.parametrize(("norm", "layer"), [("none", nn.Identity), ("batch", nn.BatchNorm2d)])
def test_norm_layers(norm, layer):
    assert isinstance(make_norm(norm, 12), layer)


def test_layer_and_group_norm_treat_every_image_on_its_own():
    images = torch.randn(4, 16, 5, 5) * torch.arange(1.0, 5).view(4, 1, 1, 1)
    for norm in ("layer", "group"):
        together = make_norm(norm, 16)(images)
        torch.testing.assert_close(together[2:3], make_norm(norm, 16)(images[2:3]))
        torch.testing.assert_close(together.flatten(1).std(1), torch.ones(4), atol=0.01, rtol=0)
    assert make_norm("group", 4).num_groups == 4  # fewer channels than the usual eight groups
    assert make_norm("layer", 16).num_groups == 1


def test_a_discriminator_of_a_quarter_of_the_width_is_much_the_smaller():
    generator = Generator((1, 28, 28))
    whole, quarter = (Discriminator((1, 28, 28), width=width, norm="none") for width in (32, 8))
    assert num_parameters(quarter) < num_parameters(whole) / 8
    assert num_parameters(quarter) < num_parameters(generator) / 4
    by_hand = (1 * 8 * 16 + 8) + (8 * 16 * 16 + 16) + (16 * 49 + 1)
    assert num_parameters(quarter) == by_hand


def test_logits_are_linear_in_the_features():
    torch.manual_seed(0)
    discriminator = Discriminator((1, 28, 28), width=4)
    logits, features = discriminator(torch.rand(6, 1, 28, 28))
    expected = features @ discriminator.head.weight[0] + discriminator.head.bias
    torch.testing.assert_close(logits, expected)
    assert features.std() > 0


@pytest.mark.parametrize("norm", NORMS)
def test_has_batch_norm(norm):
    assert has_batch_norm(Generator((1, 28, 28), width=2, norm=norm)) == (norm == "batch")
    assert has_batch_norm(Discriminator((1, 28, 28), width=2, norm=norm)) == (norm == "batch")


def test_discriminator_leaves_its_first_layer_unnormalised():
    norms = [layer for layer in Discriminator((1, 28, 28), depth=3, norm="batch").body if has_batch_norm(layer)]
    assert [norm.num_features for norm in norms] == [64, 128]


def test_initialisation():
    torch.manual_seed(0)
    generator = Generator((1, 28, 28), z=64, width=32, norm="none")
    layers = [layer for layer in generator.requires_grad_(False).modules() if hasattr(layer, "weight")]
    assert len(layers) == 3
    for layer in layers:
        layer.bias.fill_(1)
    initialise(generator)
    for layer in layers:
        assert layer.bias.abs().max() == 0
        assert layer.weight.std().item() == pytest.approx(0.02, rel=0.1)
        assert layer.weight.mean().abs() < 0.005


def test_generator_reaches_every_pixel():
    """An odd side comes from an output padding, not from an empty row."""
    torch.manual_seed(0)
    images = Generator((1, 16, 9), z=4, width=4)(torch.randn(64, 4))
    assert (images.std(0) > 1e-6).all()


def test_a_network_halves_at_least_once():
    with pytest.raises(ValueError, match="depth=0"):
        Generator((1, 28, 28), depth=0)


def test_dropout_takes_whole_channels_of_each_image_in_training_alone():
    torch.manual_seed(0)
    dropping, plain = Discriminator((1, 28, 28), width=8, dropout=0.5), Discriminator((1, 28, 28), width=8)
    plain.load_state_dict(
        {name: dropping.state_dict()[old] for name, old in zip(plain.state_dict(), dropping.state_dict(), strict=True)}
    )
    images = torch.rand(64, 1, 28, 28)
    _, features_BF = dropping(images)
    lost_BC = (features_BF.view(64, 16, 49) == 0).all(2)
    assert lost_BC.float().mean().item() == pytest.approx(0.5, abs=0.06)
    assert lost_BC.float().mean(0).min() > 0  # another choice for every image
    torch.testing.assert_close(dropping.eval()(images), plain.eval()(images))


@pytest.mark.parametrize("dropout", [-0.1, 1, 2.5])
def test_impossible_dropout_is_refused(dropout):
    with pytest.raises(ValueError, match=rf"gan\.discriminator\.dropout={dropout}"):
        Discriminator((1, 28, 28), dropout=dropout)
