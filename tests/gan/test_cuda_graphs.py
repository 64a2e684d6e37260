"""Captured steps, where a tape of operations stands in for a CUDA graph: it freezes what a graph freezes."""

from collections import defaultdict
from copy import deepcopy
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from src.core import resolvers
from src.gan.tricks.trick import Trick
from src.training.cuda_graphs import MAX_GRAPHS, WARMUP_STEPS, CapturedStep, GraphedStep

CONF = Path(__file__).parents[2] / "conf"
RECIPES = sorted(path.stem for path in (CONF / "experiment").glob("gan_*.yaml"))
TRICKS = sorted(path.stem for path in (CONF / "gan.tricks").glob("*.yaml"))
STEPS = 20  # burn-in ends, and a step of n_critic with the generator's update is captured
ADAM = {"_target_": "torch.optim.Adam", "_partial_": True, "lr": 2e-3, "betas": [0.5, 0.999], "fused": True}


class Tape(TorchDispatchMode):
    """Operations with their arguments; replaying repeats them on the same tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Any, tuple, dict, Any]] = []

    def __torch_dispatch__(self, function: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        if function is torch.ops.aten._local_scalar_dense.default:
            raise RuntimeError("operation not permitted when stream is capturing")
        result = function(*args, **(kwargs or {}))
        self.calls.append((function, args, kwargs or {}, result))
        return result

    def pool(self) -> int:
        return id(self)

    @torch.no_grad()
    def replay(self) -> None:
        for function, args, kwargs, result in self.calls:
            repeated = function(*args, **kwargs)
            arguments = {place(tensor) for tensor in tensors((args, kwargs))}
            for kept, new in zip(tensors(result), tensors(repeated), strict=True):
                if place(kept) not in arguments:  # else it is a view, or was changed in place
                    kept.copy_(new)


def tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def place(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata


class Capture:
    """Captures without effect, as on a GPU: the operations' changes are undone."""

    gan: Any

    def __init__(self, tape: Tape, pool: int | None, capture_error_mode: str):
        self.tape = tape

    def __enter__(self) -> None:
        self.before = [(tensor, tensor.detach().clone()) for tensor in state(self.gan)]
        self.random = torch.get_rng_state()
        self.tape.__enter__()

    @torch.no_grad()
    def __exit__(self, *error: Any) -> None:
        self.tape.__exit__(*error)
        for tensor, value in self.before:
            tensor.copy_(value)
        torch.set_rng_state(self.random)


def state(gan: Any) -> list[Tensor]:
    return [*gan.parameters(), *gan.buffers(), *tensors([dict(optimizer.state) for optimizer in gan.optimizers()])]


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


@cache
def composed(recipe: str, *overrides: str) -> Any:
    resolvers.register()
    narrow = ("gan.generator.width=4", "gan.discriminator.width=4")
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("train", [f"experiment={recipe}", *narrow, *overrides]).model


def made(recipe: str, spec: Any, *overrides: str, **changes: Any) -> Any:
    model = composed(recipe, *overrides)
    torch.manual_seed(0)
    return instantiate(model)(spec=replace(spec, shape=(1, 12, 12)), **changes)


@pytest.fixture
def images() -> Tensor:
    return torch.randint(0, 256, (32, 12, 12), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


@pytest.mark.parametrize(
    ("recipe", "overrides"),
    [
        *((recipe, ()) for recipe in RECIPES),
        ("gan_unrolled", ("gan.tricks=[unrolled,burn_in]", "gan.tricks.unrolled.steps=2")),
        ("gan_standard", ("gan.discriminator.dropout=0.5",)),
    ],
)
def test_replayed_steps_train_to_the_same_weights(recipe, overrides, spec, fit, replayed, images):
    plain, graphed = made(recipe, spec, *overrides, cuda_graphs=False), made(recipe, spec, *overrides)
    for gan in (plain, graphed):
        fit(gan, num_batches=STEPS, images=images)
    assert replayed, "no step was captured"
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


class Fading(Trick):
    """A penalty with a weight that changes at step 10."""

    def before_step(self, gan):
        self.weight = 1.0 if gan.steps < 10 else 0.5

    def graph_key(self, gan):
        return self.weight

    def discriminator_penalty(self, step):
        return self.weight * step.real.logits_B.square().mean(-1)


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


# What Python decides within a step is in the key.

COUNTS = ("steps", "images_seen", "batch_images", "total_steps", "progress")
SHORT = {"lecam": ("gan.tricks.lecam.warm_up=5",)}  # or it would not begin


def plain(value: Any) -> Any:
    """A comparable copy of what a graph would freeze; None of tensors, which it would follow, and of methods."""
    if isinstance(value, Optimizer):
        return [plain({name: group[name] for name in group if name != "params"}) for group in value.param_groups]
    if isinstance(value, dict):
        return {key: plain(below) for key, below in value.items()}
    if isinstance(value, list | tuple | set):
        return [plain(below) for below in value]
    return value if isinstance(value, bool | int | float | str) else None


def values_read_by_key(gan: Any, fit: Any, images: Tensor) -> dict[Any, list[dict[str, Any]]]:
    """For each graph key the Python values of tricks, and the GAN's counts, that the steps with it read."""
    readings: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    current: dict[str, Any] | None = None

    def watch(owner: Any, label: str, names: tuple[str, ...] | None) -> None:
        class Watched(type(owner)):
            def __getattribute__(self, name: str) -> Any:
                value = super().__getattribute__(name)
                if current is not None and (name in names if names else name not in vars(nn.Module())):
                    current[f"{label}.{name}"] = deepcopy(plain(value))
                return value

        owner.__class__ = Watched

    step = gan.step

    def watched_step(*inputs: Tensor) -> Any:
        nonlocal current
        key = gan.graph_key()
        current = {}
        outputs = step(*inputs)
        readings[key].append(current)
        current = None
        return outputs

    for name, trick in gan.tricks.items():
        watch(trick, name, None)
    watch(gan, "gan", COUNTS)
    gan.step = watched_step
    fit(gan, num_batches=12, images=images)
    return readings


def assert_frozen_values_are_in_the_key(readings: dict[Any, list[dict[str, Any]]]) -> None:
    for key, steps in readings.items():
        for name in sorted(set().union(*steps)):
            values = [values[name] for values in steps if name in values]
            assert key is None or all(value == values[0] for value in values), name


@pytest.mark.parametrize("name", TRICKS)
def test_what_a_trick_reads_in_a_step_is_in_its_key(spec, fit, images, name):
    """Beside burn-in, which moves other tricks' values."""
    names = ["burn_in", "r1", "ema"] if name == "burn_in" else [name, "burn_in"]
    gan = made("gan_standard", spec, f"gan.tricks=[{','.join(names)}]", *SHORT.get(name, ()))
    readings = values_read_by_key(gan, fit, images)
    assert sum(map(len, readings.values())) == 12
    assert any(key.startswith(name) for steps in readings.values() for step in steps for key in step)
    assert_frozen_values_are_in_the_key(readings)


class WithoutKey(Fading):
    def graph_key(self, gan):
        return ()


class Late(WithoutKey):
    def discriminator_penalty(self, step):
        return (1 - step.gan.progress) * step.real.logits_B.square().mean(-1)


class Listing(WithoutKey):
    def before_step(self, gan):
        self.weights = [gan.steps]

    def discriminator_penalty(self, step):
        return self.weights[0] * step.real.logits_B.square().mean(-1)


@pytest.mark.parametrize(
    ("trick", "value"), [(WithoutKey(), "trick.weight"), (Late(), "gan.progress"), (Listing(), "trick.weights")]
)
def test_a_value_that_is_missing_in_the_key_is_noticed(make_gan, fit, toy_images, trick, value):
    readings = values_read_by_key(make_gan(tricks={"trick": trick}), fit, toy_images)
    with pytest.raises(AssertionError, match=value):
        assert_frozen_values_are_in_the_key(readings)
