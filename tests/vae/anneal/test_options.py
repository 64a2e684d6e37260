"""Every annealer in conf/: its name, its parameters, that it trains, and that it resumes exactly."""

import inspect
import re
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from lightning import Callback
from omegaconf import OmegaConf

from src.vae import anneal
from src.vae.anneal import Annealer, Exponential, KLTransform, NoAnnealing, PIController
from src.vae.latents import KLs

CONF = Path(__file__).parents[3] / "conf" / "vae.anneal"
NAMES = sorted(path.stem for path in CONF.glob("*.yaml"))
SHORT = {"aggressive": {"window": 2, "max_inner_updates": 6, "check_every": 3}}  # to do in 8 steps what takes hundreds
SHORTER = {"none": NoAnnealing, "control": PIController, "saturating": Exponential}  # options named otherwise
LISTS = [["cyclical", "free_bits", "temperature"], ["aggressive", "control", "geco", "word_dropout", "batch_norm_mean"]]


def class_of(name):
    return getattr(anneal, OmegaConf.load(CONF / f"{name}.yaml")[name]["_target_"].rpartition(".")[2])


def snake_case(name):
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def test_there_are_options():
    classes = {each for each in vars(anneal).values() if isinstance(each, type) and issubclass(each, Annealer)}
    strategies = {each for each in classes if not inspect.isabstract(each)} - {Annealer}
    assert {class_of(name) for name in NAMES} == strategies
    assert len(NAMES) == 22


@pytest.mark.parametrize("name", NAMES)
def test_one_name_for_file_key_and_class(name):
    text = (CONF / f"{name}.yaml").read_text()
    assert re.match(r"# \w.*[.]\n", text), "opens with why one would choose it"
    assert list(OmegaConf.load(CONF / f"{name}.yaml")) == [name]
    snake = snake_case(class_of(name).__name__)
    assert class_of(name).name == name
    assert snake == name or SHORTER[name] is class_of(name)


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_stands_in_the_file(name):
    """With the value that the constructor has by default."""
    written = {key: value for key, value in OmegaConf.load(CONF / f"{name}.yaml")[name].items() if key != "_target_"}
    parameters = inspect.signature(class_of(name)).parameters
    assert written == {key: parameter.default for key, parameter in parameters.items()}


class Gradients(Callback):
    """The networks that a step's gradient reaches."""

    def __init__(self):
        self.reached = []

    def on_before_optimizer_step(self, trainer, vae, optimizer):
        self.reached.append(
            {
                name
                for name in ("encoder", "inference", "prior", "decoder")
                if sum(weight.grad.abs().sum() for weight in getattr(vae, name).parameters() if weight.grad is not None)
            }
        )


class Charts(Callback):
    """What each step reports."""

    def __init__(self):
        self.rows = []

    def on_train_batch_end(self, trainer, vae, outputs, batch, batch_index):
        self.rows.append({name: torch.as_tensor(value).float().mean().item() for name, value in outputs.items()})


@pytest.mark.parametrize("name", NAMES)
def test_trains_stays_finite_and_reaches_every_network(make_vae, fit_vae, option, name):
    charts, gradients = Charts(), Gradients()
    vae = make_vae(anneal=option(name, **{key: SHORT[key] for key in SHORT if key == name}))
    before = deepcopy(vae.state_dict())
    fit_vae(vae, 6, callbacks=[charts, gradients])
    after = vae.state_dict()
    assert all(tensor.isfinite().all() for tensor in after.values())
    assert all(torch.tensor(list(row.values())).isfinite().all() for row in charts.rows)
    assert {"anneal/beta_high", "anneal/beta_low", "anneal/temperature"} <= set(charts.rows[-1])
    assert gradients.reached[-1] == {"encoder", "inference", "prior", "decoder"}
    for network in ("encoder", "inference", "prior", "decoder"):
        assert any(not torch.equal(before[key], after[key]) for key in before if key.startswith(network)), network


@pytest.mark.parametrize(
    ("names", "after"), [*(([name], 3) for name in NAMES), *((names, 5) for names in (["aggressive"], *LISTS))]
)
def test_resumes_exactly(make_vae, fit_vae, option, tmp_path, names, after):
    """Eight batches are three (or five), a checkpoint, and the rest, bit for bit."""
    path = tmp_path / "last.ckpt"
    short = {key: SHORT[key] for key in SHORT if key in names}
    charts, resumed_charts = Charts(), Charts()
    straight = make_vae(anneal=option(*names, **short))
    fit_vae(straight, 8, callbacks=[charts], save=(after, path))
    resumed = make_vae(anneal=option(*names, **short))
    torch.manual_seed(99)
    fit_vae(resumed, 8, callbacks=[resumed_charts], resume=path)
    assert resumed.steps == straight.steps == 8
    assert resumed_charts.rows == charts.rows[after:]
    for key, tensor in straight.state_dict().items():
        assert torch.equal(resumed.state_dict()[key], tensor), key
    for one, other in zip(straight.annealers, resumed.annealers, strict=True):
        assert_same(one.state_dict(), other.state_dict())


def assert_same(one, other):
    """Two states, whatever is nested in them."""
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_same(one[key], other[key])
    elif isinstance(one, torch.Tensor):
        assert torch.equal(one, other)
    else:
        assert one == other


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_bound_to_the_cpu(make_vae, option, kls, name):
    """Its state follows the KLs to their device, also fresh from a checkpoint: the meta device stands for any."""
    vae = make_vae(anneal=option(name))
    vae.total_steps = 10
    annealer = vae.annealers[0]
    elsewhere = KLs(tuple(kl_BL.detach().to("meta") for kl_BL in kls.levels_BL))
    for _ in range(3):
        beta = annealer.beta(elsewhere)
        assert annealer.history(torch.ones(6, 4, 3, device="meta")).is_meta
        assert (annealer.reconstruction_weight() * torch.ones((), device="meta")).is_meta
        if isinstance(annealer, KLTransform):
            assert annealer.penalty(elsewhere, beta).is_meta
        annealer.observe(torch.ones(6, device="meta"), elsewhere)
