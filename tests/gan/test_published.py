"""The papers' settings: what their public code says, and two batches of each."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from torch import nn

from src.core import resolvers
from src.data.gaussians import LEVELS, GaussianGrid, GaussianRing
from src.data.spec import POINT

CONF = Path(__file__).parents[2] / "conf"
RECIPES = sorted(path for path in (CONF / "experiment" / "paper").glob("*.yaml") if "burda" not in path.stem)


def composed(name: str):
    resolvers.register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("train", [f"experiment=paper/{name}"])


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_two_batches_at_the_stated_cost(path: Path, spec, fit):
    config = composed(path.stem)
    points = "gaussians" in config.data._target_
    shape, levels = ((1, *POINT), LEVELS) if points else ((config.data.stack, 28, 28), 255)
    gan = instantiate(config.model)(spec=replace(spec, shape=shape, levels=levels))
    batch = config.gan.tricks.packing.m * 4 if "packing" in config.gan.get("tricks", {}) else 4
    images = torch.randint(0, levels, (64, *shape[1:]), dtype=gan.spec.dtype)
    fit(gan, num_batches=2, batch_size=batch, images=images)
    assert all(tensor.isfinite().all() for tensor in gan.state_dict().values())
    stated = re.search(r"Cost: (\d+) discriminator passes per generator step", path.read_text())
    assert gan.discriminator_passes / gan.generator_steps == int(stated.group(1))
    assert f"python -m src.train experiment=paper/{path.stem}" in path.read_text()


@pytest.mark.parametrize("name", ["stacked_mnist_dcgan", "stacked_mnist_r3", "burda_mnist_iwae"])
def test_digits_of_other_files(name: str):
    resolvers.register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", [f"experiment=paper/{name}", "data=idx", "data.images=x", "data.labels=y"])
    instantiate(config.data)


@pytest.mark.parametrize(("name", "data"), [("pacgan_ring", GaussianRing), ("pacgan_grid", GaussianGrid)])
def test_pacgans_setting_is_that_of_its_public_code(name: str, data):
    config = composed(name)
    assert (config.budget, config.budget_in, config.batch_size) == (400 * 100_000 // 100, "generator_steps", 100)
    gan = instantiate(config.model)(spec=_spec(data))
    assert sizes(gan.generator) == [(2, 400), (400, 400), (400, 400), (400, 400), (400, 2)]
    assert sizes(gan.discriminator) == [(2, 1000), (200, 1000), (200, 1000), (200, 1)]
    for optimizer in gan.configure_optimizers():
        assert (optimizer.defaults["lr"], optimizer.defaults["betas"]) == (1e-4, (0.8, 0.999))
    radius = {"pacgan_ring": 1.0, "pacgan_grid": 4.0}[name]
    outermost = data.mixture.centres_K2.abs().max().item() / data.mixture.reach
    assert outermost * config.gan.generator.scale == pytest.approx(radius), "in the paper's coordinates"
    assert outermost * config.gan.discriminator.scale == pytest.approx(radius)


@pytest.mark.parametrize("m", [2, 3, 4])
@pytest.mark.parametrize("toy", ["ring", "grid"])
def test_packs_change_the_discriminators_input_and_the_batch_alone(toy: str, m: int):
    plain, packed = composed(f"pacgan_{toy}"), composed(f"pacgan_{toy}_pac{m}")
    assert packed.batch_size == m * plain.batch_size
    assert packed.gan.tricks.packing.m == m
    assert (packed.budget, packed.evaluator) == (plain.budget, plain.evaluator)
    assert {key: value for key, value in packed.gan.items() if key != "tricks"} == dict(plain.gan.items())


def sizes(network: nn.Module) -> list[tuple[int, int]]:
    return [(layer.in_features, layer.out_features) for layer in network.modules() if isinstance(layer, nn.Linear)]


def _spec(data):
    toy = data(root="", budget=64, batch_size=8, seed=0, stack=1)
    toy.setup()
    return toy.spec
