"""Training steps as CUDA graphs: a few launches instead of hundreds."""

import sys
import warnings
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.optim import Optimizer

WARMUP_STEPS = 3  # without a graph, in which libraries and optimizers set up what a capture must not
MAX_GRAPHS = 4  # kept at a time, each with memory of its own


class GraphableModule(Protocol):
    """A module whose step runs on the device alone, apart from the steps of its optimizers."""

    step_counters: tuple[str, ...]
    """Names of integer attributes that `step` increases."""

    @property
    def step(self) -> Callable[..., dict[str, Tensor]]:
        """One step on device tensors; calls its argument `step_optimizer` to update an optimizer's weights."""

    def graph_key(self) -> Hashable | None:
        """Everything that Python decides in the next step, beside the inputs' shapes; None: it cannot be captured."""


class GraphedStep:
    """Makes a module's steps, from a captured graph where one with the same key exists.

    Small networks leave a GPU waiting for kernel launches. A captured step is launched as a whole, with the same
    results: random numbers, weights and other state on the device go on from where they are. Optimizers run between the
    captured parts, so that their rates can change. Every other value that Python decides is frozen in the graph and so
    must be part of `graph_key`. Second derivatives can be captured, unlike with `compile=true`.
    """

    def __init__(self, module: GraphableModule):
        self.module = module
        self.warmed_up: Counter[Hashable] = Counter()
        self.captured: dict[Hashable, CapturedStep] = {}

    @staticmethod
    def supports(device: torch.device, world_size: int, optimizers: Sequence[Optimizer]) -> bool:
        """Whether steps can be captured: one GPU, on which the optimizers keep all their state."""
        fused = all(group.get("fused") for optimizer in optimizers for group in optimizer.param_groups)
        return device.type == "cuda" and world_size == 1 and fused

    def __call__(self, *inputs: Tensor) -> dict[str, Tensor]:
        """Makes one step; returns values to log, which the next step may overwrite."""
        key = self.module.graph_key()
        if key is None:
            return self.module.step(*inputs)
        key = (key, *(tensor.shape for tensor in inputs))
        if key not in self.captured and self.warmed_up[key] < WARMUP_STEPS:
            self.warmed_up[key] += 1
            if len(self.warmed_up) > 2 * MAX_GRAPHS:
                del self.warmed_up[next(iter(self.warmed_up))]
            return self.module.step(*inputs)
        step = self.captured.pop(key, None) or CapturedStep(self.module, inputs)
        self.captured[key] = step  # the latest used is the last to go
        if len(self.captured) > MAX_GRAPHS:
            del self.captured[next(iter(self.captured))]
        return step.replay(inputs)


class CapturedStep:
    """A step in parts: graphs, and between them the optimizers. Capturing it has no effect on the module's state.

    Raises:
        RuntimeError: the step waits for the GPU, as reading a number from it does.
    """

    def __init__(self, module: GraphableModule, inputs: Sequence[Tensor]):
        self.module = module
        self.inputs = [tensor.clone() for tensor in inputs]
        self.parts: list[Callable[[], object]] = []
        self.first: torch.cuda.CUDAGraph | None = None
        before = {name: getattr(module, name) for name in module.step_counters}
        self._begin_part()
        try:
            self.outputs = module.step(*self.inputs, step_optimizer=self._cut)
            self._end_part()
        except BaseException as error:
            with suppress(RuntimeError):  # the capture is invalid by now
                self.part.__exit__(*sys.exc_info())
            if isinstance(error, RuntimeError) and not isinstance(error, torch.OutOfMemoryError):
                raise RuntimeError(
                    f"a training step cannot be captured as a CUDA graph ({error}): return None from graph_key in the "
                    "trick that reads numbers from the GPU, or set gan.cuda_graphs=false"
                ) from error
            raise
        self.counts = {name: getattr(module, name) - count for name, count in before.items()}
        for name, count in before.items():
            setattr(module, name, count)

    def replay(self, inputs: Sequence[Tensor]) -> dict[str, Tensor]:
        for own, new in zip(self.inputs, inputs, strict=True):
            own.copy_(new)
        for part in self.parts:
            part()
        for name, count in self.counts.items():
            setattr(self.module, name, getattr(self.module, name) + count)
        return self.outputs

    def _begin_part(self) -> None:
        graph = torch.cuda.CUDAGraph()
        pool = self.first.pool() if self.first else None
        self.first = self.first or graph
        # Other threads may go on allocating pinned memory.
        self.part = torch.cuda.graph(graph, pool=pool, capture_error_mode="thread_local")
        self.part.__enter__()
        self.parts.append(graph.replay)

    def _end_part(self) -> None:
        with warnings.catch_warnings(action="ignore"):  # that there may be nothing behind an optimizer
            self.part.__exit__(None, None, None)

    def _cut(self, optimizer: Optimizer) -> None:
        """Ends a part before the optimizer's step, and begins the next."""
        self._end_part()
        weights = [weight for group in optimizer.param_groups for weight in group["params"]]
        gradients = [weight.grad for weight in weights]
        self.parts.append(lambda: step_along(optimizer, weights, gradients))
        self._begin_part()


def step_along(optimizer: Optimizer, weights: Sequence[Parameter], gradients: Sequence[Tensor | None]) -> None:
    """The optimizer's step along gradients that another captured step may have replaced by its own."""
    for weight, gradient in zip(weights, gradients, strict=True):
        weight.grad = gradient
    optimizer.step()
