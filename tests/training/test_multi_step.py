"""Who sees every step, and who has a part in each update; without them, training reaches the same weights."""

from types import SimpleNamespace

import pytest
import torch
from lightning import Callback, Trainer
from lightning.pytorch.callbacks import LambdaCallback
from lightning.pytorch.plugins.precision import MixedPrecision
from lightning.pytorch.strategies import DDPStrategy, SingleDeviceStrategy

from src.data.loader import ResidentLoader
from src.gan.module import GAN
from src.gan.tricks import EMA, R1, Unrolled
from src.training.multi_step import UPDATE_HOOKS, sees_every_step
from tests.conftest import BARE

STEPS = 6


class UsingBreakpoints(Callback):
    uses_breakpoints = True

    def on_train_batch_end(self, *_):
        pass


class Asking(UsingBreakpoints):
    """Sees every step, as callbacks from elsewhere do."""

    uses_breakpoints = False


class Watching(Callback):
    """Notes the norm of the gradient before each update, as callbacks from elsewhere do."""

    def __init__(self):
        self.norms = []

    def on_before_optimizer_step(self, trainer, gan, optimizer):
        weights = [weight for group in optimizer.param_groups for weight in group["params"]]
        self.norms.append(torch.nn.utils.get_total_norm([weight.grad for weight in weights]).item())


def test_who_sees_every_step():
    assert sees_every_step(Asking())
    assert sees_every_step(LambdaCallback(on_train_batch_end=lambda *_: None))
    assert not sees_every_step(UsingBreakpoints())
    assert not sees_every_step(LambdaCallback(on_train_start=lambda *_: None))


def trained(gan, images, callbacks=(), **options) -> GAN:
    trainer = Trainer(accelerator="cpu", callbacks=list(callbacks), **{**BARE, **options})
    torch.manual_seed(7)
    trainer.fit(gan, ResidentLoader(images, 8, STEPS, seed=0))
    return gan


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
@pytest.mark.parametrize("tricks", [dict, lambda: {"r1": R1(3.0), "ema": EMA(0.1)}, lambda: {"unrolled": Unrolled(2)}])
def test_updates_without_wrappers_reach_the_same_weights(make_gan, toy_images, tricks, precision):
    seen = Watching()
    wrapped = trained(make_gan(tricks=tricks()), toy_images, [seen], precision=precision)
    bare = trained(make_gan(tricks=tricks()), toy_images, precision=precision)
    assert (wrapped.uses_lightning_wrappers, bare.uses_lightning_wrappers) == (True, False)
    assert (wrapped.steps, bare.steps, len(seen.norms)) == (STEPS, STEPS, 2 * STEPS)
    assert all(norm > 0 for norm in seen.norms)
    assert all(torch.equal(bare.state_dict()[name], tensor) for name, tensor in wrapped.state_dict().items())


class Clipped(GAN):
    def on_before_optimizer_step(self, optimizer):
        raise InterruptedError


@pytest.mark.parametrize("hook", UPDATE_HOOKS)
def test_a_hook_around_updates_is_heard(make_gan, toy_images, hook):
    heard = []
    trained(make_gan(), toy_images, [LambdaCallback(**{hook: lambda *_: heard.append(hook)})])
    assert heard == [hook] * 2 * STEPS


def test_a_hook_of_the_module_itself_is_heard(make_gan, toy_images):
    gan = make_gan()
    gan.__class__ = Clipped
    with pytest.raises(InterruptedError):
        trained(gan, toy_images)


SIMPLE = {"scaler": None, "gradient_clip_val": None, "callbacks": [UsingBreakpoints()]}


@pytest.mark.parametrize(
    "change",
    [
        {"scaler": MixedPrecision("16-mixed", "cpu").scaler},
        {"gradient_clip_val": 1.0},
        {"strategy": DDPStrategy()},
        {"callbacks": [Asking()]},
        {"callbacks": [Watching()]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_needs_lightning_wrappers(make_gan, change):
    gan = make_gan()
    gan._trainer = SimpleNamespace(**SIMPLE, strategy=SingleDeviceStrategy("cpu"))
    assert not gan.needs_lightning_wrappers
    vars(gan._trainer).update(change)
    assert gan.needs_lightning_wrappers
