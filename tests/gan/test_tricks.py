import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from lightning import Callback
from omegaconf import OmegaConf
from torch import nn

from src import resolvers
from src.gan.module import GAN, frozen
from src.gan.networks import Generator
from src.gan.step import Judged, Step
from src.gan.tricks import EMA, R1

CONF = Path(__file__).parents[2] / "conf"
LOSSES = sorted(path.stem for path in (CONF / "gan.loss").glob("*.yaml"))
TRICKS = sorted(path.stem for path in (CONF / "gan.tricks").glob("*.yaml"))
OPTIONS = [("gan.loss", name) for name in LOSSES] + [("gan.tricks", name) for name in TRICKS]


def snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z0-9])(?=[A-Z][a-z])", "_", name).lower()


def options_of(group: str, name: str) -> Mapping:
    return OmegaConf.load(CONF / group / f"{name}.yaml")


# R1


def linear(images_BCHW):
    """D(x) = w·x + b with w = 0, 1, 2, …"""
    weight = torch.arange(float(images_BCHW[0].numel()))
    return images_BCHW.flatten(-3) @ weight + 0.7, images_BCHW.flatten(-3)


def penalty(trick, discriminator, images):
    images = images.requires_grad_()
    return trick.discriminator_term(Step(Judged(images, discriminator), Judged(-images.detach(), discriminator)))


@pytest.mark.parametrize("gamma", [1.0, 0.3, 10.0])
def test_r1_of_a_linear_discriminator(gamma):
    """γ/2 |w|², whatever the images."""
    term = penalty(R1(gamma), linear, torch.randn(6, 2, 3, 2))
    assert term.item() == pytest.approx(gamma / 2 * sum(i**2 for i in range(12)), rel=1e-5)


def test_r1_of_a_quadratic_discriminator():
    """D(x) = Σ x²/2 has the gradient x: the penalty is γ/2 times the mean |x|² of the real images, not the fake."""
    images = torch.tensor([[1.0, 2.0], [3.0, 0.0], [0.0, 0.0]]).view(3, 1, 1, 2)
    trick = R1(gamma=4.0)
    term = penalty(trick, lambda x: (x.square().sum((1, 2, 3)) / 2, x), images)
    assert term.item() == pytest.approx(4 / 2 * (5 + 9 + 0) / 3)


def test_r1_leaves_leading_axes_free():
    images = torch.randn(3, 5, 1, 2, 2)

    def cubic(x):
        return x.pow(3).sum((-3, -2, -1)), x

    together = penalty(R1(), cubic, images.clone())
    alone = torch.stack([penalty(R1(), cubic, image.clone()) for image in images])
    assert together.shape == (3,)
    torch.testing.assert_close(together, alone)


def test_r1_has_a_gradient_for_the_discriminator():
    """By hand: D(x) = a x has the penalty γ/2 a², and so the gradient γ a."""
    slope = nn.Parameter(torch.tensor(3.0))
    term = penalty(R1(gamma=2.0), lambda x: ((slope * x).sum((1, 2, 3)), x), torch.randn(4, 1, 1, 1))
    term.backward()
    assert slope.grad.item() == pytest.approx(2 * 3.0)


def test_r1_is_no_term_of_the_generator(make_gan):
    gan = make_gan(tricks={"r1": R1()})
    step = gan.judge(torch.randn(4, 1, 8, 8), gan.generator(gan.noise(4)))
    assert gan.tricks["r1"].generator_term(step) == 0
    penalty(gan.tricks["r1"], gan.discriminator, torch.randn(4, 1, 8, 8)).backward()
    assert all(weight.grad is None for weight in gan.generator.parameters())
    assert gan.discriminator.body[0].weight.grad.abs().sum() > 0


# EMA


class Snapshots(Callback):
    """What an average must follow, and how fast."""

    def __init__(self):
        self.taken = []

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_index):
        self.taken.append((module.images_seen, len(batch), deepcopy(module.generator.state_dict())))


@pytest.mark.parametrize(("half_life", "ramp"), [(20.0, 0.5), (10_000.0, 0.05), (5.0, 100.0)])
def test_ema_against_a_loop(make_gan, fit, half_life, ramp):
    gan, snapshots = make_gan(tricks={"ema": EMA(half_life, ramp)}), Snapshots()
    average = deepcopy(gan.generator.state_dict())
    fit(gan, num_batches=6, callbacks=[snapshots])
    assert len(snapshots.taken) == 6
    for images_seen, batch_size, weights in snapshots.taken:
        decay = 0.5 ** (batch_size / min(half_life, ramp * images_seen))
        average = {name: decay * average[name] + (1 - decay) * weights[name] for name in average}
    kept = gan.tricks["ema"].average.state_dict()
    floats = [name for name in average if not name.endswith("num_batches_tracked")]
    assert any(name.endswith("running_var") for name in floats)
    for name in floats:
        torch.testing.assert_close(kept[name], average[name], atol=1e-6, rtol=1e-5, msg=name)
    assert not torch.equal(kept["project.0.weight"], gan.generator.state_dict()["project.0.weight"])


def ema_of_a_number(half_life, ramp, batch_images, num_steps, target=1.0):
    """Follows a weight that jumped from 0 to `target` and stays there."""
    generator = nn.Linear(1, 1, bias=False).requires_grad_(False)
    gan = SimpleNamespace(generator=generator, images_seen=0, batch_images=batch_images)
    generator.weight.fill_(0)
    ema = EMA(half_life, ramp)
    ema.attach(gan)
    generator.weight.fill_(target)
    for _ in range(num_steps):
        gan.images_seen += batch_images
        ema.after_step(gan)
    return ema.average.weight.item()


@pytest.mark.parametrize("batch_images", [1, 8, 40, 200])
def test_ema_half_life_counts_images_at_every_batch_size(batch_images):
    reached = ema_of_a_number(200, 1e9, batch_images, 200 // batch_images)
    assert reached == pytest.approx(0.5, abs=1e-5)


def test_ema_ramp_bounds_the_half_life_by_the_images_seen():
    first = ema_of_a_number(1e9, 0.05, 64, 1)
    assert first == pytest.approx(1 - 0.5 ** (1 / 0.05), abs=1e-6)  # nothing of the initial weights is left
    late = ema_of_a_number(640, 0.5, 64, 40)
    assert late > 0.99


def test_ema_is_sampled_instead_of_the_raw_weights(make_gan, fit):
    gan = make_gan(tricks={"ema": EMA()})
    fit(gan)
    raw, average = gan.generator, gan.tricks["ema"].average
    for weight in average.parameters():
        weight.fill_(0)
    assert gan.sample(4, seed=0).float().std() == 0
    for weight in average.parameters():
        weight.fill_(0.5)
    bright = gan.sample(4, seed=0)
    for weight in raw.parameters():
        weight.data.fill_(0)
    assert torch.equal(gan.sample(4, seed=0), bright)
    assert bright.float().mean() > 140


def test_ema_learns_nothing_itself(make_gan):
    """It is in no optimizer and needs no gradient, and it is a copy."""
    gan = make_gan(tricks={"ema": EMA()})
    assert not any(weight.requires_grad for weight in gan.tricks["ema"].average.parameters())
    assert all(weight.requires_grad for weight in gan.generator.parameters())
    learning = {
        id(weight) for o in gan.configure_optimizers() for group in o.param_groups for weight in group["params"]
    }
    assert learning == {id(weight) for weight in [*gan.generator.parameters(), *gan.discriminator.parameters()]}
    gan.generator.project[0].weight.data.fill_(7)
    assert gan.tricks["ema"].average.project[0].weight.abs().max() < 1


# Every option in conf/


@pytest.fixture
def build(spec):
    """A small GAN as the configuration makes it, with one loss or trick in place of the default."""
    resolvers.register()

    def build_with(group: str, name: str) -> GAN:
        choice = f"{group}={name}" if group == "gan.loss" else f"{group}=[{name}]"
        with initialize_config_dir(str(CONF), version_base="1.3"):
            config = compose("train", ["model=gan", choice, "gan.generator.width=4", "gan.discriminator.width=4"])
        torch.manual_seed(0)
        return instantiate(config.model)(spec=replace(spec, shape=(1, 12, 12)))

    return build_with


@pytest.fixture
def images():
    return torch.randint(0, 256, (32, 12, 12), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


def test_there_are_options():
    assert set(LOSSES) >= {"standard", "feature_matching"}
    assert set(TRICKS) >= {"ema", "r1"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [("R1", "r1"), ("EMA", "ema"), ("FeatureMatching", "feature_matching"), ("R3GAN", "r3gan"), ("LeCam", "le_cam")],
)
def test_snake_case(name, expected):
    assert snake_case(name) == expected


@pytest.mark.parametrize(("group", "name"), OPTIONS)
def test_one_name_for_file_key_and_class(group, name):
    content = options_of(group, name)
    assert list(content) == [name]
    assert snake_case(content[name]["_target_"].rpartition(".")[2]) == name


@pytest.mark.parametrize(("group", "name"), OPTIONS)
def test_trains_and_stays_finite(build, fit, images, group, name):
    gan = build(group, name)
    before = deepcopy(gan.state_dict())
    fit(gan, num_batches=2, images=images)
    after = gan.state_dict()
    assert all(tensor.isfinite().all() for tensor in after.values())
    for network in ("generator", "discriminator"):
        for weight, _ in getattr(gan, network).named_parameters():
            assert not torch.equal(before[f"{network}.{weight}"], after[f"{network}.{weight}"]), weight
    assert (gan.steps, gan.images_seen) == (2, 16)
    assert gan.sample(3, seed=0).shape == (3, 1, 12, 12)


def grads(network):
    return [weight.grad for weight in network.parameters()]


@pytest.mark.parametrize(("group", "name"), OPTIONS)
def test_gradients_reach_the_right_network_only(build, fit, images, group, name):
    gan = build(group, name)
    fit(gan, num_batches=1, images=images)
    gan.zero_grad(set_to_none=True)
    real = gan.spec.to_float(images[:8, None])

    with torch.no_grad():
        fake = gan.generator(gan.noise(8))
    step = gan.judge(real.clone().requires_grad_(gan.needs_input_gradients), fake)
    terms = [trick.discriminator_term(step) for trick in gan.tricks.values()]
    (gan.loss.discriminator(step) + sum(terms)).backward()
    assert all(grad is None for grad in grads(gan.generator))
    assert all(grad is not None and grad.isfinite().all() for grad in grads(gan.discriminator))
    assert sum(grad.abs().sum() for grad in grads(gan.discriminator)) > 0

    gan.zero_grad(set_to_none=True)
    with frozen(gan.discriminator):
        step = gan.judge(real, gan.generator(gan.noise(8)))
        terms = [trick.generator_term(step) for trick in gan.tricks.values()]
        (gan.loss.generator(step) + sum(terms)).backward()
    assert all(grad is None for grad in grads(gan.discriminator))
    assert all(grad is not None and grad.isfinite().all() for grad in grads(gan.generator))
    assert sum(grad.abs().sum() for grad in grads(gan.generator)) > 0


@pytest.mark.parametrize(("group", "name"), OPTIONS)
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


def test_ema_refuses_a_ramp_of_nothing():
    with pytest.raises(ValueError, match="ramp=0"):
        EMA(ramp=0)
