"""Penalties on the discriminator's slope: what a step with each costs, and how near the approximate gradients are."""

from collections.abc import Sequence
from typing import Any

import torch
from hydra import compose
from hydra.utils import instantiate
from torch import Tensor

from benchmarks.loops import ON_CPU, ON_GPU, OURS, Extent, make_model, on_gpu, quiet, race_once, spread
from src.core.console import announce
from src.gan.interfaces import StepInputs

ROUNDS = 2  # there and back, so that a drift of the machine evens out
RECIPE = ("experiment=gan_standard", "data=strokes")
TRICKS = ("", "r1", "r1_approx", "r2", "r2_approx", "r1,r2", "r1_approx,r2_approx")
COMPILED = ("", "r1_approx", "r2_approx", "r1_approx,r2_approx")  # the others differentiate twice
DRAWS = 100  # of an approximate gradient


def measure(overrides: Sequence[str], folder: str, extent: Extent | None = None) -> dict[str, Any]:
    """Steps per second by tricks, compiled and not, over rounds of new networks by turns; cosines of gradients."""
    ways = [((f"gan.tricks=[{tricks}]",), f"[{tricks}]") for tricks in TRICKS]
    ways += [((f"gan.tricks=[{tricks}]", "compile=true"), f"[{tricks}] compiled") for tricks in COMPILED]
    rates: dict[str, list[float]] = {name: [] for _, name in ways}
    for number in range(1, ROUNDS + 1):
        announce(f"Timing penalties, round {number} of {ROUNDS}")
        for words, name in ways:
            torch._dynamo.reset()  # or it compiles no more after some networks
            config = compose("train", [*RECIPE, *words, *overrides, *quiet(folder)])
            size = extent or (ON_GPU if on_gpu(config) else ON_CPU)
            turns = race_once(config, None, size)[OURS][size.warm_up_turns :]
            rates[name] += [size.steps / seconds for seconds in turns]
        ways.reverse()
    found = {"batch_size": config.batch_size, "precision": config.trainer.precision}
    found |= {"steps_per_second": {name: spread(taken) for name, taken in rates.items()}}
    return found if on_gpu(config) else found | {"cosine_to_r1": cosines(overrides, folder)}


def cosines(overrides: Sequence[str], folder: str) -> dict[str, float]:
    """Cosine of the discriminator's gradient of `r1_approx` with that of `r1`, on one batch and fresh networks.

    For one draw of n on its usual share of the batch, and for the mean of many on all of it.
    """
    words = [*RECIPE, "gan.tricks=[r1,r1_approx]", *overrides, *quiet(folder)]
    config = compose("train", words)
    data = instantiate(config.data)
    data.setup()
    torch.manual_seed(0)
    gan = make_model(config, data.spec)
    exact, approximate = gan.tricks["r1"], gan.tricks["r1_approx"]
    weights = [*gan.discriminator.parameters()]
    noise_BZ = torch.randn(2, config.batch_size, gan.generator.z)
    stored_BCHW = data.held_out("val").images[: config.batch_size]
    step = gan.discriminator_objective(StepInputs(gan.spec.to_float(stored_BCHW), *noise_BZ, None)).step

    def gradient(penalty: Tensor) -> Tensor:
        parts = torch.autograd.grad(penalty, weights, retain_graph=True, allow_unused=True, materialize_grads=True)
        return torch.cat([part.flatten() for part in parts])

    expected = gradient(exact.penalty(step, step.real))
    one = gradient(approximate.penalty(step, step.real))
    approximate.share = 1.0
    many = torch.stack([gradient(approximate.penalty(step, step.real)) for _ in range(DRAWS)]).mean(0)
    cosine = torch.nn.functional.cosine_similarity
    return {"one draw": cosine(one, expected, 0).item(), f"{DRAWS} draws": cosine(many, expected, 0).item()}
