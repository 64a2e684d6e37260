"""What the recipes' heads promise."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from src.core import resolvers
from tests.gan.conftest import FEW_IMAGES

CONF = Path(__file__).parents[2] / "conf"
RECIPES = sorted((CONF / "experiment").glob("gan_*.yaml"))
STEPS = 10  # a multiple of the critic steps of every recipe


def head(path: Path) -> str:
    return " ".join(line[1:].strip() for line in path.read_text().splitlines() if line.startswith("#"))


def test_there_are_recipes():
    assert {"gan_standard", "gan_fm", "gan_r1"} <= {path.stem for path in RECIPES}


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_the_head_says_what_to_expect_and_how_to_get_it(path):
    text = head(path)
    assert "Reached: " in text
    assert f"python -m src.train experiment={path.stem}" in text


@pytest.mark.ci
@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_the_head_states_the_cost(path, spec, fit):
    stated = re.search(r"Cost: (\d+) discriminator passes per generator step", head(path))
    resolvers.register()
    small = ["gan.generator.width=4", "gan.discriminator.width=4", *FEW_IMAGES.get(path.stem, ())]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", [f"experiment={path.stem}", *small])
    torch.manual_seed(0)
    gan = instantiate(config.model)(spec=replace(spec, shape=(1, 12, 12)))
    images = torch.randint(0, 256, (32, 12, 12), dtype=torch.uint8)
    fit(gan, num_batches=STEPS, images=images)
    assert stated
    assert gan.discriminator_passes / gan.generator_steps == int(stated.group(1))
