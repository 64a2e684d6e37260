"""Runs of one seed see the same batches and the same noise, whatever the loss and the tricks."""

from copy import deepcopy

import pytest
import torch
from lightning import Trainer
from torch import Tensor

from src.data.loader import ResidentLoader
from src.gan.module import GAN
from src.gan.tricks import EMA, InstanceNoise
from src.training.callbacks.randomness import noise_stream
from tests.conftest import BARE
from tests.gan.conftest import OPTIONS

STEPS = 4
DRAWING = (
    *("adaptive_augment", "consistency", "diff_augment", "diffusion_gan", "dragan", "gradient_penalty"),
    *("instance_noise", "presgan", "r1_approx", "r2_approx"),
)


def inputs_of(gan: GAN, images: Tensor, num_batches: int = STEPS) -> list[list[Tensor]]:
    """Batch and noise of each step of a run with seed 0 but for the weights, which are made already."""
    inputs, step = [], gan.step

    def recorded(*tensors: Tensor) -> dict[str, Tensor]:
        inputs.append([tensor.clone() for tensor in tensors])
        return step(*tensors)

    gan.step = recorded
    loader = ResidentLoader(images, 8, num_batches, seed=0, stack=1)
    Trainer(accelerator="cpu", **BARE).fit(gan, loader)
    return inputs


KEPT: dict[str, list[list[Tensor]]] = {}  # the same for every test


@pytest.fixture
def baseline(build, images):
    if not KEPT:
        KEPT["standard"] = inputs_of(build("gan.loss", "standard"), images)
    return KEPT["standard"]


def assert_equal(one: list[list[Tensor]], other: list[list[Tensor]]) -> None:
    assert len(one) == len(other)
    for step, (mine, theirs) in enumerate(zip(one, other, strict=True)):
        assert all(map(torch.equal, mine, theirs)), step


@pytest.mark.parametrize(("group", "name"), OPTIONS)
def test_batches_and_noise_are_the_same(build, images, baseline, group, name):
    assert_equal(inputs_of(build(group, name), images), baseline)


@pytest.mark.parametrize("name", DRAWING)
def test_these_tricks_draw_numbers_of_their_own(build, images, name):
    """Or the test above would show nothing."""
    gan = build("gan.tricks", name)
    before = torch.get_rng_state()
    inputs_of(gan, images)
    assert not torch.equal(torch.get_rng_state(), before)


def test_dropout_does_not_change_the_noise(build, images, baseline):
    gan = build("gan.loss", "standard")
    gan.discriminator.body.insert(1, torch.nn.Dropout2d(0.5))
    before = torch.get_rng_state()
    assert_equal(inputs_of(gan, images), baseline)
    assert not torch.equal(torch.get_rng_state(), before)


def test_no_two_latents_are_the_same(baseline):
    """Of two updates, steps, seeds or ranks; nor are they the numbers that the weights are drawn from."""
    latents = [z for _, *noise in baseline for z in noise]
    for seed, rank in ((1, 0), (0, 1), (1, 1)):
        torch.manual_seed(seed)
        latents.append(torch.randn(8, 64, generator=noise_stream("cpu", rank)))
    torch.manual_seed(0)
    latents.append(torch.randn(8, 64))
    flat = torch.stack(latents).flatten(1)
    assert flat.shape == (2 * STEPS + 4, 8 * 64)
    assert torch.corrcoef(flat).fill_diagonal_(0).abs().max() < 0.25
    assert flat.std().item() == pytest.approx(1, abs=0.05)


def test_a_checkpoint_continues_the_noise(make_gan, toy_images):
    """Also of several ranks; one of an earlier version, which has no noise, or of another device starts it anew."""
    whole, first, second = make_gan(), make_gan(), make_gan()
    expected = inputs_of(whole, toy_images, 6)
    inputs_of(first, toy_images, 3)
    checkpoint = {}
    first.on_save_checkpoint(checkpoint)
    second.on_load_checkpoint(deepcopy(checkpoint))
    continued = [noise for _, *noise in inputs_of(second, toy_images, 3)]
    assert_equal(continued, [noise for _, *noise in expected[3:]])
    state = checkpoint.pop("noise")[0]
    third = make_gan()
    third.on_load_checkpoint(checkpoint)
    assert_equal([noise for _, *noise in inputs_of(third, toy_images, 3)], [noise for _, *noise in expected[:3]])
    torch.manual_seed(0)
    anew = noise_stream("cpu", 1).get_state()
    assert torch.equal(noise_stream("cpu", 1, [anew, state]).get_state(), state)
    assert torch.equal(noise_stream("cpu", 1, [state]).get_state(), anew), "a rank more than were saved"
    assert torch.equal(noise_stream("cpu", 1, [state, state[:16]]).get_state(), anew), "of a GPU"


def test_evaluating_does_not_change_the_noise(make_gan, toy_images):
    expected = inputs_of(make_gan(tricks={"ema": EMA()}), toy_images)
    gan = make_gan(tricks={"instance_noise": InstanceNoise(), "ema": EMA()})
    count = gan.count

    def count_and_sample(batch: Tensor) -> None:
        count(batch)
        gan.noise(3)
        gan.sample(3, seed=5)

    gan.count = count_and_sample
    assert_equal(inputs_of(gan, toy_images), expected)
