"""Training steps of every recipe on tensors without content: whatever would wait for a GPU's numbers fails there.

Also a copy from the host would wait, unless its memory is pinned. What a step does on another device than the model's
fails by itself.
"""

from collections.abc import Callable
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.utils import instantiate
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from src.core import resolvers
from src.core.commands import CONFIGURATION
from src.data.spec import Batch, DataSpec
from src.training.module import ProgressModule
from src.vae.anneal import Aggressive

pytestmark = pytest.mark.ci

LETTERS = DataSpec("made", "made", "0", tuple("ABC"), (1, 28, 28), {"train": 64, "val": 0, "test": 0})
BARS = DataSpec("made", "made", "0", tuple("ABC"), (1, 16, 9), {"train": 64, "val": 0, "test": 0}, levels=1)
RECIPES = [path.stem for path in CONFIGURATION.glob("experiment/[gv]a[ne]_*.yaml")]
# Those of the default tests; .ci/run takes all.
TYPICAL = {f"gan_{name}" for name in ("standard", "r3", "adaptive_augment", "lecam", "unrolled", "conditional_concat")}
TYPICAL |= {f"vae_{name}" for name in ("drums", "control", "free_bits", "aggressive")}
STEPS, BATCH = 8, 8  # several that a trick may skip


@pytest.fixture(autouse=True)
def without_autocast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps only turn it off for a while, and PyTorch knows none on the meta device."""
    monkeypatch.setattr(torch, "autocast", lambda *arguments, **options: nullcontext())


class NoCopies(TorchDispatchMode):
    """Refuses operations whose tensors lie on two devices; scalars travel with a kernel's arguments."""

    def __torch_dispatch__(self, function: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        result = function(*args, **(kwargs or {}))
        tensors = [leaf for leaf in tree_leaves((args, kwargs, result)) if isinstance(leaf, Tensor) and leaf.ndim]
        if len({tensor.device for tensor in tensors}) > 1:
            raise RuntimeError(f"{function} takes tensors from one device to another")
        return result


def model_of(recipe: str) -> ProgressModule:
    resolvers.register()
    GlobalHydra.instance().clear()
    family = recipe.partition("_")[0]
    optimizers = ("optimizer",) if family == "vae" else ("generator_optimizer", "discriminator_optimizer")
    with initialize_config_dir(version_base="1.3", config_dir=str(CONFIGURATION)):
        unfused = [f"{family}.{optimizer}.fused=false" for optimizer in optimizers]  # fused kernels want content
        config = compose("train", [f"experiment={recipe}", *unfused])
    model = instantiate(config.model)(spec=LETTERS if family == "gan" else BARS).to("meta")
    model._trainer = SimpleNamespace(world_size=1, num_training_batches=100, limit_train_batches=STEPS)
    model.total_steps = 100
    return model


def step_of(model: ProgressModule) -> Callable[[int], object]:
    images = torch.empty((BATCH, *model.spec.shape), dtype=torch.uint8, device="meta")
    labels = torch.empty((BATCH, model.spec.stack), dtype=torch.int64, device="meta")
    batch = Batch(images, labels) if model.needs_labels else images
    configured = model.configure_optimizers()
    model.manual_backward = lambda loss: loss.backward()
    if isinstance(configured, list):
        model.optimizers = lambda: configured
        return lambda number: model.training_step(batch, number)
    optimizer, scheduler = configured["optimizer"], configured["lr_scheduler"]
    optimizer.register_step_pre_hook(lambda *_: model.on_before_optimizer_step(optimizer))
    model.optimizers, model.lr_schedulers = lambda: optimizer, lambda: scheduler
    for annealer in model.annealers:
        if isinstance(annealer, Aggressive):
            annealer.is_on = False  # its inner updates go on until their loss says otherwise
    return lambda number: model.training_step(batch, number)


@pytest.mark.parametrize(
    "recipe", [pytest.param(name, marks=[] if name in TYPICAL else pytest.mark.ci) for name in RECIPES]
)
def test_a_step_never_waits_for_the_device(recipe: str):
    step = step_of(model_of(recipe))
    step(0)  # brings an annealer's state to the device
    with NoCopies():
        for number in range(1, STEPS):
            step(number)


@pytest.mark.parametrize(
    "waits",
    [
        lambda logits_B: logits_B.sum().item(),
        lambda logits_B: logits_B[logits_B > 0],
        lambda logits_B: bool(logits_B.max() > 0),
        lambda logits_B: logits_B + torch.tensor([1.0]).to(logits_B.device),
    ],
    ids=["item", "mask", "branch", "copy"],
)
def test_a_step_that_waits_is_noticed(waits: Callable[[Tensor], object]):
    gan = model_of("gan_r1")
    gan.tricks["r1"].after_discriminator = lambda gan, step: waits(step.real.logits_B)
    step = step_of(gan)
    with NoCopies(), pytest.raises((RuntimeError, NotImplementedError)):
        step(0)
