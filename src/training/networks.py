"""Builds networks, the user's own among them, which need not take the options of those in this project."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from src.core.argument_types import parameters

# Options of this project's networks, which stand in conf/ and are left out where one's own does not take them.
USUAL_OPTIONS = {"z", "width", "depth", "norm", "dropout", "blocks", "mean", "cell_width", "num_features"}

SMALL = 7  # rows and columns of the smallest map: those of 28×28 after two halvings


def is_own(make: Callable[..., Any]) -> bool:
    """Whether a constructor, as Hydra hands it over, is none of this project's."""
    return not name_of(make).startswith("src.")


def name_of(make: Callable[..., Any]) -> str:
    """The path of a constructor's class or function."""
    constructor, _ = parts_of(make)
    return f"{constructor.__module__}.{constructor.__qualname__}"


def parts_of(make: Callable[..., Any]) -> tuple[Callable[..., Any], dict[str, Any]]:
    """A constructor's class or function, and what the configuration gives it."""
    return (make.func, dict(make.keywords)) if isinstance(make, partial) else (make, {})


def option(make: Callable[..., Any], name: str) -> Any:
    """What the configuration gives a constructor under this name, else the argument's default; None without either."""
    constructor, options = parts_of(make)
    argument = inspect.signature(constructor).parameters.get(name)
    default = None if argument is None or argument.default is argument.empty else argument.default
    return options.get(name, default)


def build(key: str, make: Callable[..., nn.Module], **offered: Any) -> nn.Module:
    """Builds a network from the offered arguments that it takes, and one's own from the usual options that it takes.

    Args:
        key: of the network in the configuration.
        make: the constructor, with the options of the configuration.
        offered: what the network may depend on, such as the images' shape.

    Raises:
        ValueError: an option that it does not take.
    """
    constructor, options = parts_of(make)
    if not is_own(make):
        known, _ = parameters(constructor)
        return make(**{name: value for name, value in offered.items() if name in known})
    own, given = inspect.signature(constructor).parameters, offered | options
    if any(each.kind is each.VAR_KEYWORD for each in own.values()):
        return constructor(**given)
    for name in given.keys() - own - offered.keys() - USUAL_OPTIONS:
        raise ValueError(f"{key}.{name}={given[name]}: {name_of(make)} takes no {name}")
    for name, each in own.items():
        if each.default is each.empty and each.kind is not each.VAR_POSITIONAL and name not in given:
            raise ValueError(f"{key}: {name_of(make)} needs {name}; give +{key}.{name}=")
    return constructor(**{name: value for name, value in given.items() if name in own})


def trial(key: str, network: nn.Module, inputs: Tensor) -> Any:
    """A network's output on blank inputs, which changes neither its statistics nor the random numbers drawn later.

    Raises:
        ValueError: they do not pass; with the key.
    """
    try:
        with evaluating(network), torch.no_grad(), torch.random.fork_rng(devices=[]):
            return network(inputs)
    except Exception as error:  # as code of one's own raises it
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise ValueError(f"{key}: {list(inputs.shape)} does not pass through it ({reason})") from error


def described(output: Any) -> str:
    """The shape of a network's output, or what else it is."""
    return str(list(output.shape)) if isinstance(output, Tensor) else type(output).__name__


def halvings(height: int, width: int, depth: int | None) -> list[tuple[int, int]]:
    """Sizes when (height, width) is halved `depth` times, rounding down: 28×28, 14×14, 7×7; 16×9, 8×4, 4×2.

    Without a depth as often as leaves at most `SMALL` rows and columns, and at least twice where there are so many:
    64×64, …, 8×8, 4×4; 32×2, 16×1.
    """
    most = min(height, width).bit_length() - 1
    if depth is None:
        depth = min(max(most, 1), max(2, (max(height, width) // (SMALL + 1)).bit_length()))
    sizes = [(height >> level, width >> level) for level in range(depth + 1)]
    if depth < 1:
        raise ValueError(f"depth={depth}: the networks halve the image at least once")
    if 0 in sizes[-1]:
        way_out = f"choose {most} at most" if most else "choose gan.network=mlp"
        raise ValueError(f"depth={depth} halvings are too many for images of {height}×{width}: {way_out}")
    return sizes


def present(*tensors: Tensor | None) -> list[Tensor]:
    """Those that are not None."""
    return [tensor for tensor in tensors if tensor is not None]


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Evaluation mode; restores that of before."""
    was_training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(was_training)


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """Lets gradients pass through the network without reaching its weights; those frozen before stay so."""
    learnt = [weight for weight in network.parameters() if weight.requires_grad]
    network.requires_grad_(False)
    try:
        yield
    finally:
        for weight in learnt:
            weight.requires_grad_(True)


def float_state(network: nn.Module) -> list[Tensor]:
    """Weights and running statistics, each once, without integer counters."""
    return [tensor for tensor in (*network.parameters(), *network.buffers()) if tensor.is_floating_point()]
