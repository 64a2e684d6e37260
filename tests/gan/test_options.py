import re
from collections.abc import Mapping
from copy import deepcopy
from functools import partial

import pytest
import torch
from omegaconf import OmegaConf

from src.gan.networks.dcgan import Generator
from src.gan.tricks import EMA, R1
from tests.gan.conftest import CONF, LOSSES, OPTIONS, TRICKS

SIMULTANEOUS = ("consensus", "extragradient", "simultaneous")  # tests/gan/updates/test_rules.py


def snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z0-9])(?=[A-Z][a-z])", "_", name).lower()


def options_of(group: str, name: str) -> Mapping:
    return OmegaConf.load(CONF / group / f"{name}.yaml")


def test_there_are_options():
    assert set(LOSSES) >= {"standard", "feature_matching"}
    assert set(TRICKS) >= {"ema", "r1"}


@pytest.mark.parametrize(("group", "name"), OPTIONS)
def test_one_name_for_file_key_and_class(group, name):
    content = options_of(group, name)
    assert list(content) == [name]
    assert snake_case(content[name]["_target_"].rpartition(".")[2]) == name


@pytest.mark.ci
@pytest.mark.parametrize(("group", "name"), OPTIONS)
def test_trains_on_colour_and_stays_finite(build, fit, images, group, name):
    """The other tests here train on grey images."""
    gan = build(group, name, shape=(3, 12, 12), colour=True)
    before = deepcopy(gan.state_dict())
    fit(gan, num_batches=2, images=torch.stack([images, images.flip(0), 255 - images], 1))
    after = gan.state_dict()
    assert all(tensor.isfinite().all() for tensor in after.values())
    for network in ("generator", "discriminator"):
        for name, weight in getattr(gan, network).named_parameters():
            if weight.ndim > 1:  # some losses do not see the last bias
                assert not torch.equal(before[f"{network}.{name}"], after[f"{network}.{name}"]), name
    assert (gan.steps, gan.images_seen) == (2, 16)
    assert gan.sample(3, seed=0).shape == (3, 3, 12, 12)


@pytest.mark.parametrize(("group", "name"), [each for each in OPTIONS if each[1] not in SIMULTANEOUS])
def test_gradients_reach_the_right_network_only(build, fit, images, group, name):
    gan = build(group, name)
    fit(gan, num_batches=2, images=images)  # the second step updates the generator under n_critic too
    gan.zero_grad(set_to_none=True)
    reached = []

    def note(optimizer):
        """In place of the optimizer's step."""
        reached.append([{n for n, weight in each.named_parameters() if weight.grad is not None} for each in networks])
        own = networks[len(reached) - 1]
        assert all(weight.grad.isfinite().all() for weight in own.parameters())
        assert sum(weight.grad.abs().sum() for weight in own.parameters()) > 0
        gan.zero_grad(set_to_none=True)

    networks = (gan.discriminator, gan.generator)
    gan.step(images[:8, None], *gan.training_noise(8), step_optimizer=note)
    everything = [{n for n, _ in each.named_parameters()} for each in networks]
    assert reached == [[everything[0], set()], [set(), everything[1]]]


@pytest.mark.parametrize(("group", "name"), OPTIONS)
@pytest.mark.ci
def test_survives_a_state_dict(build, fit, images, group, name):
    """What was learnt goes on alike in a fresh object: nothing that matters is left out."""
    gan, fresh = build(group, name), build(group, name)
    fit(gan, num_batches=3, images=images)
    checkpoint = {}
    gan.on_save_checkpoint(checkpoint)
    state = deepcopy(gan.state_dict())
    fresh.on_load_checkpoint(checkpoint)
    fresh.load_state_dict(state)
    assert torch.equal(fresh.sample(5, seed=0), gan.sample(5, seed=0))
    for each in (gan, fresh):
        fit(each, num_batches=2, images=images)
    for key, tensor in gan.state_dict().items():
        assert torch.equal(fresh.state_dict()[key], tensor), key
        assert state[key].numel() == tensor.numel()
    assert (fresh.steps, fresh.images_seen) == (gan.steps, gan.images_seen) == (5, 40)


def test_tricks_work_together(make_gan, fit):
    gan = make_gan(tricks={"r1": R1(), "ema": EMA()}, generator=partial(Generator, z=4, width=4, norm="none"))
    fit(gan)
    assert [trick.__class__ for trick in gan.tricks.values()] == [R1, EMA]
    assert all(tensor.isfinite().all() for tensor in gan.state_dict().values())
