"""Training steps as CUDA graphs: a few launches in place of hundreds.

B batch, C channels, H height, W width.
"""

import re
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import Module, Parameter
from torch.optim import Optimizer

if TYPE_CHECKING:
    from src.gan.module import GAN

ALIKE = 3  # steps before one is recorded: in them, libraries and optimizers set up what a recording must not
KEPT = 4  # recordings at a time, each with memory of its own
DECISIVE = (bool, int, float, str, tuple, type(None))
OBSCURE = (list, dict, set)  # may change without being replaced
MODULES_OWN = vars(Module()).keys() - {"training"}
WAITS = "called a synchronizing CUDA operation"
RECORDED = (  # hooks between `before_step` and `after_step`
    "transform",
    "present",
    "discriminator_term",
    "after_discriminator",
    "generator_moves",
    "opponent",
    "select",
    "generator_term",
)


class Replays:
    """Runs a GAN's steps, those from recordings that would launch the same kernels as one before.

    Small networks keep a GPU waiting for the next kernel's launch. What was recorded is launched as a whole, with the
    same results: chance, weights and whatever else lies on the device go on from where they are. Optimizers are not
    recorded, so that their rates can move. What else Python decides is frozen, so there is a recording for each set of
    decisions: the numbers, names and flags that the loss and the tricks in it hold as attributes. A number that moves
    all the time belongs into a tensor, or no two steps are alike. What goes by a list or the like, by the GAN's counts,
    such as `progress`, or by a number that it waits for may decide anything: it is not recorded.

    Second derivatives are no obstacle, which they are for `compile=true`.
    """

    def __init__(self, gan: "GAN"):
        self.gan = gan
        self.deciders = [gan.loss, *(trick for trick in gan.tricks.values() if trick.overrides(RECORDED))]
        self.alike: Counter[Hashable] = Counter()
        self.recordings: dict[Hashable, Recording] = {}

    @staticmethod
    def suit(gan: "GAN") -> bool:
        """Whether the steps of the run that begins can be recorded: one GPU, where optimizers keep all their state."""
        fused = all(group.get("fused") for optimizer in gan.optimizers() for group in optimizer.param_groups)
        return gan.device.type == "cuda" and gan.trainer.world_size == 1 and fused

    def __call__(self, batch_BCHW: Tensor) -> dict[str, Tensor]:
        """A step, and what the charts show of it until the next."""
        held = [entry for decider in self.deciders for entry in vars(decider).items() if entry[0] not in MODULES_OWN]
        if any(isinstance(value, OBSCURE) for _, value in held):
            return self.gan.step(batch_BCHW)
        decisions = (batch_BCHW.shape, *(entry for entry in held if isinstance(entry[1], DECISIVE)))
        recording = self.recordings.pop(decisions, None)
        if recording is None and self.alike[decisions] < ALIKE:
            return self._watched(decisions, batch_BCHW)
        if recording is None:
            recording = Recording(self.gan, batch_BCHW)
        self.recordings[decisions] = recording  # the latest used is the last to go
        if len(self.recordings) > KEPT:
            del self.recordings[next(iter(self.recordings))]
        return recording.play(batch_BCHW)

    def _watched(self, decisions: Hashable, batch_BCHW: Tensor) -> dict[str, Tensor]:
        """A step kernel by kernel."""
        self.gan.consulted = False
        with noticing_waits() as waits:
            outputs = self.gan.step(batch_BCHW)
        if not self.gan.consulted and not waits:
            self.alike[decisions] += 1
            if len(self.alike) > 2 * KEPT:
                del self.alike[next(iter(self.alike))]
        return outputs


class Recording:
    """A step in parts: graphs, and between them the optimizers. Recording it does not yet make it happen."""

    def __init__(self, gan: "GAN", batch_BCHW: Tensor):
        self.gan = gan
        self.batch_BCHW = batch_BCHW.clone()
        self.parts: list[Callable[[], object]] = []
        passes, steps = gan.discriminator_passes, gan.generator_steps
        gan.move = self._cut
        self._begin()
        try:
            self.outputs = gan.step(self.batch_BCHW)
        finally:
            with warnings.catch_warnings(action="ignore"):  # that there may be nothing behind the last optimizer
                self.part.__exit__(*sys.exc_info())
            del gan.move
        self.passes, self.steps = gan.discriminator_passes - passes, gan.generator_steps - steps
        gan.discriminator_passes, gan.generator_steps = passes, steps

    def play(self, batch_BCHW: Tensor) -> dict[str, Tensor]:
        self.batch_BCHW.copy_(batch_BCHW)
        for part in self.parts:
            part()
        self.gan.discriminator_passes += self.passes
        self.gan.generator_steps += self.steps
        return self.outputs

    def _begin(self) -> None:
        graph = torch.cuda.CUDAGraph()
        pool = self.parts[0].__self__.pool() if self.parts else None  # of the first part's graph
        # Other threads may go on allocating pinned memory.
        self.part = torch.cuda.graph(graph, pool=pool, capture_error_mode="thread_local")
        self.part.__enter__()
        self.parts.append(graph.replay)

    def _cut(self, optimizer: Optimizer) -> None:
        """Ends a part before the optimizer's step, and begins the next."""
        self.part.__exit__(None, None, None)
        weights = [weight for group in optimizer.param_groups for weight in group["params"]]
        gradients = [weight.grad for weight in weights]
        self.parts.append(lambda: move(optimizer, weights, gradients))
        self._begin()


def move(optimizer: Optimizer, weights: Sequence[Parameter], gradients: Sequence[Tensor | None]) -> None:
    """The optimizer's step along gradients that another recording may have replaced by its own."""
    for weight, gradient in zip(weights, gradients, strict=True):
        weight.grad = gradient
    optimizer.step()


@contextmanager
def noticing_waits() -> Iterator[list[str]]:
    """Gathers PyTorch's warnings of operations for which the processor waits until the GPU is done."""
    waits: list[str] = []
    before = torch.cuda.get_sync_debug_mode()
    with warnings.catch_warnings(record=True) as heard:
        warnings.filterwarnings("always", WAITS)
        warnings.filterwarnings("ignore", "Synchronization debug mode is a prototype")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            yield waits
        finally:
            torch.cuda.set_sync_debug_mode(before)
            waits += [text for text in (str(warning.message) for warning in heard) if re.match(WAITS, text)]
    for warning in heard:
        if str(warning.message) not in waits:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
