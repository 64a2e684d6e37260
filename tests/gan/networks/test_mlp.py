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
    assert f"# Cost: {passes} discriminator passes a generator step." in path.read_text()
