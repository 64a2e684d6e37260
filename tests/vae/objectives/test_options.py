"""Every objective in conf/: its name, its parameters, its recipe, that it trains, that it resumes, what it refuses."""

import inspect
import re
from copy import deepcopy
from functools import partial

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf

from src.vae import objectives
from src.vae.anneal import Linear
from src.vae.networks import BottomUp
from src.vae.objectives import IWAE, DReG, Objective
from tests.vae.anneal.test_options import Charts, Gradients
from tests.vae.test_recipes import CONF, composed, papers

NAMES = sorted(path.stem for path in (CONF / "vae.objective").glob("*.yaml"))
NEW = [name for name in NAMES if name != "elbo"]  # whose recipes are named after them
NETWORKS = {"encoder", "inference", "prior", "decoder"}


def option(name, **changes):
    return instantiate(OmegaConf.load(CONF / "vae.objective" / f"{name}.yaml"), **changes)


def head(name):
    lines = (CONF / "experiment" / f"vae_{name}.yaml").read_text().splitlines()
    return " ".join(line[1:].strip() for line in lines if line.startswith("#"))


def test_there_are_options():
    classes = {each for each in vars(objectives).values() if isinstance(each, type) and issubclass(each, Objective)}
    assert {type(option(name)) for name in NAMES} == classes - {Objective}


@pytest.mark.parametrize("name", NAMES)
def test_one_name_for_file_and_class_and_every_parameter_in_the_file(name):
    text = (CONF / "vae.objective" / f"{name}.yaml").read_text()
    assert re.match(r"# \w.*[.]\n", text), "opens with why one would choose it"
    written = {key: value for key, value in OmegaConf.create(text).items() if key != "_target_"}
    assert type(option(name)).name == name
    parameters = inspect.signature(type(option(name))).parameters
    assert written == {key: parameter.default for key, parameter in parameters.items()}


@pytest.mark.parametrize("name", NAMES)
def test_trains_stays_finite_and_reaches_every_network(make_vae, fit_vae, name):
    charts, reached = Charts(), Gradients()
    vae = make_vae(objective=option(name))
    fit_vae(vae, 6, callbacks=[charts, reached])
    assert all(tensor.isfinite().all() for tensor in vae.state_dict().values())
    assert all(torch.tensor(list(row.values())).isfinite().all() for row in charts.rows)
    assert {"loss", "reconstruction", "kl_high", "kl_low"} <= set(charts.rows[-1])
    assert ("objective/loss" in charts.rows[-1]) == (name not in ("elbo", "semi_amortized"))
    assert reached.reached[-1] == NETWORKS


@pytest.mark.parametrize("name", NAMES)
def test_resumes_exactly(make_vae, fit_vae, tmp_path, name):
    """Eight batches are three, a checkpoint, and the rest, bit for bit."""
    charts, resumed_charts = Charts(), Charts()
    straight, resumed = (make_vae(seed, objective=option(name), anneal={"linear": Linear()}) for seed in (0, 1))
    fit_vae(straight, 8, callbacks=[charts], save=(3, tmp_path / "last.ckpt"))
    torch.manual_seed(99)
    fit_vae(resumed, 8, callbacks=[resumed_charts], resume=tmp_path / "last.ckpt")
    assert resumed_charts.rows == charts.rows[3:]
    for key, tensor in straight.state_dict().items():
        assert torch.equal(resumed.state_dict()[key], tensor), key


@pytest.mark.parametrize("name", NAMES)
def test_trains_bottom_up_in_mixed_precision(make_vae, fit_vae, name):
    vae = make_vae(objective=option(name), inference=partial(BottomUp, width=8))
    before = deepcopy(vae.state_dict())
    fit_vae(vae, 3, precision="bf16-mixed")
    after = vae.state_dict()
    assert all(tensor.isfinite().all() for tensor in after.values())
    for network in NETWORKS:
        assert any(not torch.equal(before[key], after[key]) for key in before if key.startswith(network)), network


IMPORTANCE = ["ciwae", "dreg", "iwae", "miwae"]
REPLACING = ["capacity", "free_bits", "free_bits_per_level", "free_bits_total", "pretrain_then_anneal", "target_rate"]
CONTROLLING = ["control", "geco"]
REFUSED = {
    *((name, each) for name in IMPORTANCE for each in [*REPLACING, *CONTROLLING]),
    ("dreg", "level_balance"),
    ("semi_amortized", "aggressive"),
    *((name, each) for name in ("semi_amortized", "latent_reconstruction") for each in ("batch_norm_mean", "du")),
}


@pytest.mark.parametrize("annealing", sorted(path.stem for path in (CONF / "vae.anneal").glob("*.yaml")))
@pytest.mark.parametrize("name", NAMES)
def test_which_annealers_an_objective_allows(make_vae, name, annealing):
    content = OmegaConf.load(CONF / "vae.anneal" / f"{annealing}.yaml")

    def make():
        return make_vae(objective=option(name), anneal=instantiate(content, _convert_="all"))

    if (name, annealing) not in REFUSED:
        make()
        return
    with pytest.raises(
        ValueError, match=rf"^vae\.objective={name} vae\.anneal={annealing}: .*; choose vae\."
    ) as refusal:
        make()
    assert "\n" not in str(refusal.value)


def test_one_beta_of_both_levels(make_vae):
    levels = {"high": 0.5, "low": 1.0}
    make_vae(objective=IWAE(2), anneal={"linear": Linear(weight=levels)})
    make_vae(objective=DReG(2), anneal={"linear": Linear(weight=0.5)})
    with pytest.raises(ValueError, match=r"vae\.objective=dreg vae\.anneal=linear: .*one β"):
        make_vae(objective=DReG(2), anneal={"linear": Linear(weight=levels)})


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("iwae", {"samples": 0}),
        ("miwae", {"estimates": 0}),
        ("ciwae", {"share": 1.5}),
        ("info_vae", {"bandwidth": 0.0}),
        ("bag_of_words", {"width": 0}),
        ("latent_reconstruction", {"duration": 2.0}),
        ("semi_amortized", {"lr": 0.0}),
    ],
)
def test_impossible_numbers(name, changes):
    ((key, value),) = changes.items()
    with pytest.raises(ValueError, match=rf"vae\.objective\.{key}={value}: choose "):
        type(option(name))(**changes)


@pytest.mark.parametrize("name", NEW)
def test_the_recipe_differs_from_the_baseline_in_the_objective_alone(name):
    own, baseline = composed(f"experiment=vae_{name}"), composed("experiment=vae_none")
    assert own["vae"].pop("objective") == OmegaConf.load(CONF / "vae.objective" / f"{name}.yaml")
    assert own == baseline | {"vae": {key: value for key, value in baseline["vae"].items() if key != "objective"}}


@pytest.mark.parametrize("name", NEW)
def test_the_head_names_the_papers_and_the_command(name):
    assert papers(head(name)) == papers(type(option(name)).__doc__)
    assert f"python -m src.train experiment=vae_{name} " in head(name)
    assert "Reached: " in head(name)


@pytest.mark.parametrize("name", NEW)
def test_the_head_states_the_cost(make_vae, fit_vae, name):
    stated = re.search(r"Cost: (\d+) encoder and (\d+) decoder passes per step", head(name))
    encoder, decoder = map(int, stated.groups())
    passes = {"encoder": 0, "decoder": 0}
    vae = make_vae(objective=option(name))

    def count(network, size):
        def hook(_, inputs, output):
            passes[network] += output.numel() / size

        getattr(vae, network).register_forward_hook(hook)

    count("encoder", 8 * 8)
    count("decoder", 8 * 4 * 3)
    fit_vae(vae, 2)
    assert passes == {"encoder": 2 * encoder, "decoder": 2 * decoder}
