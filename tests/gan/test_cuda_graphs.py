"""Steps from recordings, where a tape of operations stands in for a CUDA graph: it freezes what a graph freezes."""

import warnings
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from src.core import resolvers
from src.gan import cuda_graphs
from src.gan.cuda_graphs import Recording, Replays
from src.gan.tricks.trick import Trick

CONF = Path(__file__).parents[2] / "conf"
RECIPES = sorted(path.stem for path in (CONF / "experiment").glob("gan_*.yaml"))
STEPS = 24  # burn-in ends, and a generator that moves in every fifth step is recorded
ADAM = {"_target_": "torch.optim.Adam", "_partial_": True, "lr": 2e-3, "betas": [0.5, 0.999], "fused": True}


class Tape(TorchDispatchMode):
    """Operations with their arguments; to replay them is to do them again on the same tensors."""

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
            anew = function(*args, **kwargs)
            given = {place(tensor) for tensor in tensors((args, kwargs))}
            for kept, new in zip(tensors(result), tensors(anew), strict=True):
                if place(kept) not in given:  # else it is a view, or was changed in place
                    kept.copy_(new)


def tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def place(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata


class Capture:
    """Records without effect, as on a GPU: what the operations did is undone."""

    gan: Any

    def __init__(self, tape: Tape, pool: int | None, capture_error_mode: str):
        self.tape = tape

    def __enter__(self) -> None:
        self.before = [(tensor, tensor.detach().clone()) for tensor in state(self.gan)]
        self.chance = torch.get_rng_state()
        self.tape.__enter__()

    @torch.no_grad()
    def __exit__(self, *error: Any) -> None:
        self.tape.__exit__(*error)
        for tensor, value in self.before:
            tensor.copy_(value)
        torch.set_rng_state(self.chance)


def state(gan: Any) -> list[Tensor]:
    return [*gan.parameters(), *gan.buffers(), *tensors([dict(optimizer.state) for optimizer in gan.optimizers()])]


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> list[Recording]:
    """Recordings by tape on the CPU, in the order in which they were played."""
    played: list[Recording] = []
    play = Recording.play
    monkeypatch.setattr(Replays, "suit", lambda gan: (setattr(Capture, "gan", gan), True)[1])
    monkeypatch.setattr(Recording, "play", lambda self, batch: (played.append(self), play(self, batch))[1])
    monkeypatch.setattr(torch.cuda, "get_sync_debug_mode", lambda: 0)
    monkeypatch.setattr(torch.cuda, "set_sync_debug_mode", lambda mode: None)
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Tape)
    monkeypatch.setattr(torch.cuda, "graph", Capture)
    return played


def made(recipe: str, spec: Any, *overrides: str) -> Any:
    resolvers.register()
    narrow = ("gan.generator.width=4", "gan.discriminator.width=4")
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", [f"experiment={recipe}", *narrow, *overrides])
    torch.manual_seed(0)
    return instantiate(config.model)(spec=replace(spec, shape=(1, 12, 12)))


@pytest.mark.parametrize("recipe", RECIPES)
def test_replayed_steps_train_to_the_same_weights(recipe, spec, fit, recorded):
    images = torch.randint(0, 256, (32, 12, 12), dtype=torch.uint8)
    plain, replayed = made(recipe, spec, "gan.replay=false"), made(recipe, spec)
    for gan in (plain, replayed):
        fit(gan, num_batches=STEPS, images=images)
    assert recorded, "no step was like another"
    ours, theirs = replayed.state_dict(), plain.state_dict()
    assert [name for name in theirs if not torch.equal(ours[name], theirs[name])] == []
    assert replayed.discriminator_passes == plain.discriminator_passes
    assert replayed.generator_steps == plain.generator_steps
    assert replayed.steps == STEPS


def test_schedules_in_tensors_and_optimizers_are_followed_from_one_recording(spec, fit, recorded):
    """Burn-in moves the rates, γ and the average's half-life in each of these steps."""
    gan = made("gan_r3", spec, "gan.tricks.burn_in.share=1")
    fit(gan, num_batches=STEPS, images=torch.randint(0, 256, (32, 12, 12), dtype=torch.uint8))
    assert len(recorded) == STEPS - cuda_graphs.ALIKE
    assert len(dict.fromkeys(recorded)) == 1


def test_every_set_of_decisions_has_its_recording(spec, fit, recorded):
    gan = made("gan_n_critic", spec)
    fit(gan, num_batches=30, images=torch.zeros(32, 12, 12, dtype=torch.uint8))
    assert [(recording.passes, recording.steps) for recording in dict.fromkeys(recorded)] == [(2, 0), (3, 1)]


class Fading(Trick):
    """A penalty that falls over the run, followed where it should be and where it should not."""

    def __init__(self, late: bool):
        super().__init__()
        self.late = late

    def before_step(self, gan):
        if not self.late:
            self.weight = 1 - gan.progress

    def discriminator_penalty(self, step):
        weight = 1 - step.gan.progress if self.late else self.weight
        return weight * step.real.logits_B.square().mean(-1)


class Stepwise(Fading):
    def before_step(self, gan):
        self.weight = 1.0 if gan.steps < 10 else 0.5


@pytest.mark.parametrize(
    ("trick", "plays"), [(Fading(late=True), 0), (Fading(late=False), 0), (Stepwise(late=False), 7 + 7)]
)
def test_what_moves_is_never_frozen(make_gan, fit, recorded, trick, plays):
    adam = instantiate(ADAM)
    gans = [
        make_gan(
            tricks={"fading": deepcopy(trick)}, generator_optimizer=adam, discriminator_optimizer=adam, replay=replay
        )
        for replay in (False, True)
    ]
    for gan in gans:
        fit(gan, num_batches=20)
    assert len(recorded) == plays
    for plain, replayed in zip(*(gan.state_dict().values() for gan in gans), strict=True):
        assert torch.equal(plain, replayed)


def test_what_a_list_holds_is_followed(make_gan, fit, recorded):
    class Listing(Fading):
        def before_step(self, gan):
            self.weights = [gan.steps]

        def discriminator_penalty(self, step):
            return self.weights[0] * step.real.logits_B.square().mean(-1)

    adam = instantiate(ADAM)
    fit(make_gan(tricks={"listing": Listing(False)}, generator_optimizer=adam, discriminator_optimizer=adam), 10)
    assert not recorded


@pytest.mark.parametrize(("text", "plays"), [("called a synchronizing CUDA operation", 0), ("something else", 7)])
def test_a_step_that_waits_is_not_recorded(make_gan, fit, recorded, text, plays):
    class Talkative(Trick):
        def after_discriminator(self, gan, step):
            warnings.warn(text, UserWarning, stacklevel=1)

    adam = instantiate(ADAM)
    gan = make_gan(tricks={"talkative": Talkative()}, generator_optimizer=adam, discriminator_optimizer=adam)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        fit(gan, num_batches=10)
    assert len(recorded) == plays
    assert any(str(warning.message) == text for warning in heard) == (plays > 0)


def test_few_recordings_are_kept(make_gan, fit, recorded):
    class Levels(Trick):
        def before_step(self, gan):
            self.level = gan.steps // 5

        def discriminator_penalty(self, step):
            return self.level * step.real.logits_B.mean(-1)

    adam = instantiate(ADAM)
    gan = make_gan(tricks={"levels": Levels()}, generator_optimizer=adam, discriminator_optimizer=adam)
    fit(gan, num_batches=50)
    assert len(dict.fromkeys(recorded)) == 10
    assert list(gan.replays.recordings.values()) == list(dict.fromkeys(recorded))[-cuda_graphs.KEPT :]


def test_only_a_gpu_records(make_gan, fit):
    gan = make_gan()
    fit(gan)
    assert gan.replays is None
