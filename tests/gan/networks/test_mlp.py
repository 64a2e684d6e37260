from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from src.core import resolvers
from src.data.gaussians import LEVELS
from src.gan.networks.mlp import GAIN, Discriminator, Generator

CONF = Path(__file__).parents[3] / "conf"
SHAPES = [(1, 1, 2), (3, 1, 2), (1, 16, 9)]


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes(shape):
    images = Generator(shape, z=5, width=12)(torch.randn(7, 5))
    assert images.shape == (7, *shape)
    logits, features = Discriminator(shape, width=12)(images)
    assert logits.shape == (7,)
    assert features.shape == (7, 12)


def test_logits_are_linear_in_the_features():
    torch.manual_seed(0)
    discriminator = Discriminator((1, 1, 2), width=6)
    logits, features = discriminator(torch.rand(5, 1, 1, 2))
    torch.testing.assert_close(logits, features @ discriminator.head.weight[0] + discriminator.head.bias)


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_depth_counts_hidden_layers(depth):
    for network in (Generator((1, 1, 2), z=2, width=4, depth=depth), Discriminator((1, 1, 2), width=4, depth=depth)):
        linear = [layer for layer in network.modules() if isinstance(layer, torch.nn.Linear)]
        assert len(linear) == depth + 1


@pytest.mark.parametrize("network", [Generator, Discriminator])
def test_without_hidden_layers_it_is_refused(network):
    with pytest.raises(ValueError, match="depth=0"):
        network((1, 1, 2), depth=0)


def test_weights_start_orthogonal_and_biases_at_zero():
    for layer in Generator((1, 1, 2), z=3, width=8).requires_grad_(False).modules():
        if isinstance(layer, torch.nn.Linear):
            narrow = layer.weight.T if layer.out_features > layer.in_features else layer.weight
            torch.testing.assert_close(narrow @ narrow.T, GAIN**2 * torch.eye(len(narrow)), atol=1e-5, rtol=0)
            assert layer.bias.abs().max() == 0


def test_batch_norm_standardises_hidden_layers_and_keeps_moving_averages_for_samples():
    torch.manual_seed(0)
    generator = Generator((1, 1, 2), z=2, width=16, depth=2, norm="batch", std=0.02)
    linear = [layer for layer in generator.layers if isinstance(layer, torch.nn.Linear)]
    assert [layer.bias is None for layer in linear] == [True, True, False]
    assert linear[1].weight.std().item() == pytest.approx(0.02, rel=0.2)
    z = torch.randn(500, 2)
    for _ in range(500):  # the averages start at 0 and 1
        images = generator(z)
    torch.testing.assert_close(generator.eval()(z), images, atol=1e-3, rtol=1e-2)


def test_maxout_takes_the_largest_of_its_pieces():
    torch.manual_seed(0)
    discriminator = Discriminator((1, 1, 2), width=3, depth=1, pieces=4)
    points = torch.randn(6, 1, 1, 2)
    _, features = discriminator(points)
    layer = discriminator.body[1]
    pieces = points.flatten(1) @ layer.weight.T + layer.bias
    torch.testing.assert_close(features, torch.stack([pieces[:, i : i + 4].max(1).values for i in (0, 4, 8)], 1))


def test_a_scale_changes_units_and_nothing_else():
    """Networks see the paper's coordinates; images stay in their own."""
    torch.manual_seed(0)
    plain, scaled = Generator((1, 1, 2), z=3, width=8), Generator((1, 1, 2), z=3, width=8, scale=6.0)
    scaled.load_state_dict(plain.state_dict())
    z = torch.randn(5, 3)
    torch.testing.assert_close(scaled(z) * 6, plain(z))
    judge, scaled_judge = Discriminator((1, 1, 2), width=8), Discriminator((1, 1, 2), width=8, scale=6.0)
    scaled_judge.load_state_dict(judge.state_dict())
    torch.testing.assert_close(scaled_judge(scaled(z))[0], judge(plain(z))[0])


def test_without_a_slope_it_is_relu():
    discriminator = Discriminator((1, 1, 2), width=8, depth=1, slope=0.0)
    assert discriminator(torch.randn(50, 1, 1, 2))[1].min() == 0


@pytest.mark.parametrize(
    ("network", "options", "message"),
    [
        (Generator, {"norm": "layer"}, r"gan\.generator\.norm=layer: .*none, batch"),
        (Generator, {"scale": 0.0}, r"gan\.generator\.scale=0\.0: choose a number above 0"),
        (Discriminator, {"pieces": 0}, r"gan\.discriminator\.pieces=0: choose 1"),
    ],
)
def test_options_out_of_range_are_refused(network, options, message):
    with pytest.raises(ValueError, match=message):
        network((1, 1, 2), **options)


def test_autocast_costs_no_precision():
    torch.manual_seed(0)
    generator, discriminator = Generator((1, 1, 2), z=4, width=16), Discriminator((1, 1, 2), width=16)
    z = torch.randn(20, 4)
    images = generator(z)
    logits, features = discriminator(images)
    with torch.autocast("cpu", torch.bfloat16):
        again = generator(z)
        logits_again, features_again = discriminator(images)
    assert torch.equal(images, again)
    assert torch.equal(logits, logits_again)
    assert torch.equal(features, features_again)
    assert not torch.equal(discriminator(images.bfloat16())[0], logits), "a coarser point is another point"


@pytest.mark.parametrize(("recipe", "passes"), [("standard", 3), ("r3", 6)])
@pytest.mark.parametrize("toy", ["ring", "grid"])
def test_toys_state_what_they_cost(toy, recipe, passes, spec, fit):
    path = CONF / "experiment" / f"toy_{toy}_{recipe}.yaml"
    resolvers.register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", [f"experiment={path.stem}"])
    points = replace(spec, shape=(1, 1, 2), levels=LEVELS)
    gan = instantiate(config.model)(spec=points)
    fit(gan, images=torch.randint(0, LEVELS, (64, 1, 2), dtype=points.dtype))
    assert gan.discriminator_passes / gan.generator_steps == passes
    assert f"# Cost: {passes} discriminator passes per generator step." in path.read_text()
