"""Captured steps, where a tape of operations stands in for a CUDA graph."""

from copy import deepcopy
from typing import Any

import pytest
import torch
from hydra.utils import instantiate

from src.training.cuda_graphs import MAX_GRAPHS, WARMUP_STEPS, CapturedStep, GraphedStep
from tests.gan.captured import ADAM, Capture, Fading, Tape, made
from tests.gan.conftest import CONF, WAITING

pytestmark = pytest.mark.ci

RECIPES = sorted(path.stem for path in (CONF / "experiment").glob("gan_*.yaml"))
# Those of the default tests: plain, schedules, several critic steps, state in tensors, copies, augmentation, labels.
TYPICAL = tuple(f"gan_{name}" for name in ("standard", "r3", "n_critic", "lecam", "ema", "adaptive_augment", "packing"))
TYPICAL += ("gan_conditional_projection",)
STEPS = 20  # burn-in ends, and a step of n_critic with the generator's update is captured


@pytest.fixture
def replayed(monkeypatch: pytest.MonkeyPatch) -> list[CapturedStep]:
    """Captures by tape on the CPU; the captured steps in the order in which they are replayed."""
    steps: list[CapturedStep] = []
    capture, replay = CapturedStep.__init__, CapturedStep.replay

    def capture_tape(self: CapturedStep, module: Any, inputs: Any) -> None:
        Capture.gan = module
        capture(self, module, inputs)

    monkeypatch.setattr(GraphedStep, "supports", lambda *_: True)
    monkeypatch.setattr(CapturedStep, "__init__", capture_tape)
    monkeypatch.setattr(CapturedStep, "replay", lambda self, inputs: (steps.append(self), replay(self, inputs))[1])
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Tape)
    monkeypatch.setattr(torch.cuda, "graph", Capture)
    return steps


@pytest.mark.parametrize(
    ("recipe", "overrides"),
    [
        *(pytest.param(recipe, (), marks=[] if recipe in TYPICAL else pytest.mark.ci) for recipe in RECIPES),
        ("gan_unrolled", ("gan.tricks=[unrolled,burn_in]", "gan.tricks.unrolled.steps=2")),
        ("gan_standard", ("gan.discriminator.dropout=0.5",)),
    ],
)
def test_replayed_steps_train_to_the_same_weights(recipe, overrides, spec, fit, replayed, images):
    plain, graphed = made(recipe, spec, *overrides, cuda_graphs=False), made(recipe, spec, *overrides)
    for gan in (plain, graphed):
        fit(gan, num_batches=STEPS, images=images)
    assert bool(replayed) != (recipe in WAITING), "no step was captured"
    ours, theirs = graphed.state_dict(), plain.state_dict()
    assert [name for name in theirs if not torch.equal(ours[name], theirs[name])] == []
    assert graphed.discriminator_passes == plain.discriminator_passes
    assert graphed.generator_steps == plain.generator_steps
    assert graphed.steps == STEPS


def test_schedules_in_tensors_and_optimizers_are_followed_from_one_graph(spec, fit, replayed, images):
    """Burn-in moves the rates, γ and the average's half-life in each of these steps."""
    fit(made("gan_r3", spec, "gan.tricks.burn_in.share=1"), num_batches=STEPS, images=images)
    assert len(replayed) == STEPS - WARMUP_STEPS
    assert len(dict.fromkeys(replayed)) == 1


def test_every_key_has_its_graph(spec, fit, replayed, images):
    fit(made("gan_n_critic", spec), num_batches=30, images=images)
    counts = [tuple(step.counts.values()) for step in dict.fromkeys(replayed)]
    assert counts == [(0, 2), (1, 3)], "updates of the generator, passes of the discriminator"


class Reading(Fading):
    """The same, but it reads a number from the device."""

    def graph_key(self, gan):
        return None

    def after_discriminator(self, gan, step):
        assert step.real.logits_B.sum().item() < float("inf")


@pytest.mark.parametrize(("trick", "replays"), [(Fading(), 7 + 7), (Reading(), 0)])
def test_a_key_of_none_is_not_captured(make_gan, fit, replayed, trick, replays):
    adam = instantiate(ADAM)
    gans = [
        make_gan(
            tricks={"fading": deepcopy(trick)}, generator_optimizer=adam, discriminator_optimizer=adam, cuda_graphs=on
        )
        for on in (False, True)
    ]
    for gan in gans:
        fit(gan, num_batches=20)
    assert len(replayed) == replays
    for plain, graphed in zip(*(gan.state_dict().values() for gan in gans), strict=True):
        assert torch.equal(plain, graphed)


def test_reading_from_the_device_without_saying_so_is_explained(make_gan, fit, replayed):
    class Silent(Reading):
        def graph_key(self, gan):
            return ()

    adam = instantiate(ADAM)
    gan = make_gan(tricks={"silent": Silent()}, generator_optimizer=adam, discriminator_optimizer=adam)
    with pytest.raises(RuntimeError, match=r"return None from graph_key .* or set gan\.cuda_graphs=false"):
        fit(gan, num_batches=10)


def test_few_graphs_are_kept(make_gan, fit, replayed):
    class Levels(Fading):
        def before_step(self, gan):
            self.weight = gan.steps // 5

    adam = instantiate(ADAM)
    gan = make_gan(tricks={"levels": Levels()}, generator_optimizer=adam, discriminator_optimizer=adam)
    fit(gan, num_batches=50)
    assert len(dict.fromkeys(replayed)) == 10
    assert list(gan.graphed_step.captured.values()) == list(dict.fromkeys(replayed))[-MAX_GRAPHS:]


def test_only_a_gpu_captures(make_gan, fit):
    gan = make_gan()
    fit(gan)
    assert gan.graphed_step is None
