"""A tape of operations that stands in for a CUDA graph, as it freezes what a graph freezes; tiny models of recipes."""

from dataclasses import replace
from functools import cache
from typing import Any

import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from src.core import resolvers
from src.gan.tricks.trick import Trick
from tests.gan.conftest import CONF, FEW_IMAGES

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


@cache
def composed(recipe: str, *overrides: str) -> Any:
    resolvers.register()
    narrow = ("gan.generator.width=4", "gan.discriminator.width=4", *FEW_IMAGES.get(recipe, ()))
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("train", [f"experiment={recipe}", *narrow, *overrides]).model


def made(recipe: str, spec: Any, *overrides: str, **changes: Any) -> Any:
    model = composed(recipe, *overrides)
    torch.manual_seed(0)
    return instantiate(model)(spec=replace(spec, shape=(1, 12, 12)), **changes)


class Fading(Trick):
    """A penalty with a weight that changes at step 10."""

    def before_step(self, gan):
        self.weight = 1.0 if gan.steps < 10 else 0.5

    def graph_key(self, gan):
        return self.weight

    def discriminator_penalty(self, step):
        return self.weight * step.real.logits_B.square().mean(-1)
