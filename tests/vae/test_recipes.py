"""Each annealing or objective has one recipe, and what their heads promise is so: all else is as without a recipe."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.types import Glob
from hydra.utils import get_class, instantiate
from omegaconf import OmegaConf

from src.core import resolvers

CONF = Path(__file__).parents[2] / "conf"
ANNEALINGS = sorted(path.stem for path in (CONF / "vae.anneal").glob("*.yaml"))
OBJECTIVES = sorted({path.stem for path in (CONF / "vae.objective").glob("*.yaml")} - {"elbo"})  # that is vae_none
RECIPES = Glob(["vae_*"], ["vae_drums", "vae_groove", "vae_seed", "vae_three_levels"])  # as a sweep over them says it
NETWORKS = {  # recipes of another part than annealing: the part
    **dict.fromkeys(("vamp", "flow", "ar1"), "prior"),
    **dict.fromkeys(("iaf", "vmf"), "inference"),
    **dict.fromkeys(("skip", "inverse_lipschitz"), "decoder"),
}
WITHOUT_WARM_UP = ("vmf", "inverse_lipschitz", "ar1")
WARM_UPS = {"word_dropout": ["sigmoid"], "du": ["linear"]}  # without which the technique's paper did not have it
STEPS = 3


@cache
def composed(*overrides: str) -> dict[str, Any]:
    """A run's configuration with its interpolations as they are."""
    resolvers.register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return OmegaConf.to_container(compose("train", list(overrides)))


def annealers(annealing: str) -> dict[str, dict[str, Any]]:
    """What the recipe hands to the model, by name."""
    return composed(f"experiment=vae_{annealing}")["vae"]["anneal"]


def head(annealing: str) -> str:
    lines = (CONF / "experiment" / f"vae_{annealing}.yaml").read_text().splitlines()
    return " ".join(line[1:].strip() for line in lines if line.startswith("#"))


def papers(text: str) -> set[str]:
    return set(re.findall(r"arXiv:\d{4}\.\d{5}", text))


def test_one_recipe_for_each_annealing_objective_or_network_and_no_other():
    result = RECIPES.filter([path.stem for path in (CONF / "experiment").glob("*.yaml")])
    assert sorted(result) == sorted(f"vae_{name}" for name in [*ANNEALINGS, *OBJECTIVES, *NETWORKS])


@pytest.mark.parametrize(("name", "part"), NETWORKS.items())
def test_all_but_the_network_is_the_default(name, part):
    own, default = composed(f"experiment=vae_{name}"), composed()
    assert own | {"vae": None, "model": None} == default | {"vae": None, "model": None}
    assert own["vae"][part] == composed(f"vae.{part}={name}")["vae"][part] != default["vae"][part]
    assert own["vae"] | {part: None, "anneal": None} == default["vae"] | {part: None, "anneal": None}
    assert list(own["vae"]["anneal"]) == ["none" if name in WITHOUT_WARM_UP else "linear"]


@pytest.mark.parametrize("annealing", ANNEALINGS)
def test_the_annealing_is_the_option_of_its_name(annealing):
    """With the option's own parameters, and under a warm-up only where the technique has one."""
    chosen = annealers(annealing)
    assert list(chosen) == [*WARM_UPS.get(annealing, []), annealing]
    for name, parameters in chosen.items():
        assert parameters == OmegaConf.load(CONF / "vae.anneal" / f"{name}.yaml")[name]


@pytest.mark.parametrize("annealing", ANNEALINGS)
def test_all_but_the_annealing_is_the_default(annealing):
    """The same data, networks, optimizer, budget and evaluation: differences are the annealing's."""
    own, default = composed(f"experiment=vae_{annealing}"), composed()
    for part in own.keys() | default.keys():
        if part != "vae":
            assert own[part] == default[part]
    assert own["vae"] | {"anneal": None} == default["vae"] | {"anneal": None}
    assert own["vae"]["decoder"]["_target_"] == "src.vae.decoders.Autoregressive"


@pytest.mark.parametrize("annealing", [*ANNEALINGS, *NETWORKS])
def test_the_head_says_what_to_expect_and_how_to_get_it(annealing):
    assert "Reached: " in head(annealing)
    assert f"python -m src.train experiment=vae_{annealing} " in head(annealing)


@pytest.mark.parametrize("annealing", ANNEALINGS)
def test_the_head_names_the_papers_of_the_technique(annealing):
    target = annealers(annealing)[annealing]["_target_"]
    assert papers(head(annealing)) == papers(get_class(target).__doc__)


@pytest.mark.parametrize(("name", "part"), NETWORKS.items())
def test_the_head_names_a_paper_of_the_network_and_states_the_cost(name, part, make_vae, fit_vae):
    config = composed(f"experiment=vae_{name}")["vae"][part]
    assert papers(head(name))
    assert papers(head(name)) <= papers(get_class(config["_target_"]).__doc__)
    passes = []
    vae = make_vae(**{part: instantiate(config, width=8)}, z_low=8)
    vae.encoder.register_forward_hook(lambda *_: passes.append(1))
    fit_vae(vae, STEPS)
    assert len(passes) == STEPS * int(re.search(r"Cost: (\d+) encoder pass", head(name))[1])


@pytest.mark.parametrize("annealing", ANNEALINGS)
def test_the_head_states_the_cost(annealing, make_vae, fit_vae):
    least, most = re.search(r"Cost: (\d+)(?: to (\d+))? encoder pass(?:es)? per step", head(annealing)).groups()
    passes = []
    vae = make_vae(anneal=instantiate(annealers(annealing), _convert_="all"))
    vae.encoder.register_forward_hook(lambda *_: passes.append(1))
    fit_vae(vae, STEPS)
    assert STEPS * int(least) <= len(passes) <= STEPS * int(most or least)
