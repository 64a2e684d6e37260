"""A comparison changes one thing: each remedy's recipe differs from its baseline's by the remedy's own keys alone."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from src.core import resolvers

CONF = Path(__file__).parents[2] / "conf"
RECIPES = sorted(path.stem for path in (CONF / "experiment").glob("gan_*.yaml"))
LOSS, LABELS, TRICKS, RATE = "gan.loss", "gan.conditional", "gan.tricks.", "gan.discriminator_optimizer.lr"
UPDATE, REJECTION = "gan.update", "evaluator.rejection"


@cache
def composed(experiment: str) -> dict[str, Any]:
    """A recipe's values by key; a loss or another single choice with its parameters is one value, as is each trick."""
    resolvers.register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = OmegaConf.to_container(compose("train", [f"experiment={experiment}"]))
    for part in ("hydra", "model"):  # the model is the part that `gan` or `vae` names
        config.pop(part, None)
    return dict(leaves(config))


def leaves(node: Any, key: str = ""):
    if (
        isinstance(node, dict)
        and key not in (LOSS, LABELS, UPDATE, REJECTION)
        and not re.fullmatch(r"(gan\.tricks|vae\.anneal)\.\w+", key)
    ):
        for name, below in node.items():
            yield from leaves(below, f"{key}.{name}" if key else name)
    else:
        yield key, node


def differences(remedy: str, baseline: str) -> set[str]:
    one, other = composed(remedy), composed(baseline)
    return {key for key in one.keys() | other.keys() if one.get(key) != other.get(key)}


def head(recipe: str) -> str:
    lines = (CONF / "experiment" / f"{recipe}.yaml").read_text().splitlines()
    return " ".join(line[1:].strip() for line in lines if line.startswith("#"))


@pytest.mark.parametrize(
    ("remedy", "baseline", "changed"),
    [
        ("toy_ring_r3", "toy_ring_standard", {LOSS, TRICKS + "r1", TRICKS + "r2", TRICKS + "ema"}),
        ("toy_grid_r3", "toy_grid_standard", {LOSS, TRICKS + "r1", TRICKS + "r2", TRICKS + "ema"}),
        ("toy_grid_standard", "toy_ring_standard", {"data._target_"}),
        ("quick/mlp_fm", "quick/mlp_standard", {LOSS}),
        ("quick/mlp_r1", "quick/mlp_standard", {TRICKS + "r1"}),
        ("quick/mlp_r3", "quick/mlp_standard", {LOSS, TRICKS + "r1", TRICKS + "r2"}),
        ("quick/seed_fm", "quick/seed_standard", {LOSS}),
        ("quick/seed_r1", "quick/seed_standard", {TRICKS + "r1"}),
        ("quick/seed_r3", "quick/seed_standard", {LOSS, TRICKS + "r1", TRICKS + "r2"}),
        ("quick/seed_balanced", "quick/seed_standard", {RATE}),
        ("quick/vae_linear", "quick/vae_none", {"vae.anneal.none", "vae.anneal.linear"}),
        ("quick/vae_cyclical", "quick/vae_none", {"vae.anneal.none", "vae.anneal.cyclical"}),
        ("quick/vae_free_bits", "quick/vae_none", {"vae.anneal.none", "vae.anneal.free_bits"}),
    ],
)
def test_a_pair_differs_by_the_remedy_alone(remedy, baseline, changed):
    assert differences(remedy, baseline) == changed


@pytest.mark.parametrize("recipe", [recipe for recipe in RECIPES if recipe not in ("gan_standard", "gan_seed")])
def test_a_recipe_changes_one_thing_or_says_that_it_is_a_bundle(recipe):
    """One loss, way for labels, trick, rate, update rule or rejection other than a baseline's that its head names."""
    named = set(re.findall(r"\bgan_\w+", head(recipe))) & set(RECIPES) - {recipe}
    changes = {baseline: differences(recipe, baseline) for baseline in named}
    is_one_change = any(
        len(changed) == 1 and next(iter(changed)).startswith((LOSS, LABELS, TRICKS, RATE, UPDATE, REJECTION))
        for changed in changes.values()
    )
    assert named
    assert is_one_change != ("bundle" in head(recipe).lower())


@pytest.mark.parametrize(
    "experiment",
    ["toy_ring_standard", "toy_grid_standard", "quick/mlp_standard", "quick/seed_standard", "gan_standard"],
)
def test_baselines_start_from_dcgans_momentum(experiment):
    """Radford et al. 2016, section 4: β1 0.9 makes the training of GANs oscillate, 0.5 stabilises it."""
    optimizers = [composed(experiment)[f"gan.{network}_optimizer.betas"] for network in ("generator", "discriminator")]
    assert optimizers == [[0.5, 0.999]] * 2
