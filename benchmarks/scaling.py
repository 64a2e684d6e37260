"""How cost grows: a batch with the data, measures with the number of samples and of modes.

N samples, F features, K classes, C channels, L latent dims.
"""

import math
import resource
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch

from src.core.console import announce
from src.data.loader import ResidentLoader
from src.evaluation.metrics.fidelity import Balls, frechet_distance, neighbourhoods, vendi_score
from src.evaluation.metrics.modes import ModeCoverage
from src.evaluation.oracles.base import Predictions
from src.vae.information import mutual_information
from src.vae.latents import normal

REPEATS = 3
FEATURES, LATENTS, BATCH = 128, 32, 64
SAMPLES = (1250, 2500, 5000, 10_000)
BARS = (300, 600, 1200, 2400)
IMAGES = (15_000, 60_000, 240_000)
MODES = (26, 676, 17_576)


def measure() -> dict[str, Any]:
    """Seconds by size for each curve, the exponent that fits them, and the memory that the process took at most."""
    work = {
        "1,000 batches, by images": (_batches, IMAGES),
        "1,000 streamed batches, by images": (_streamed, IMAGES),
        "precision, recall, density, coverage, by samples": (_neighbourhoods, SAMPLES),
        "Vendi score, by samples": (_vendi, SAMPLES),
        "Fréchet distance, by samples": (_frechet, SAMPLES),
        "mode coverage of 10,000 samples, by modes": (_modes, MODES),
        "mutual information, by bars": (_information, BARS),
    }
    curves = {}
    for name, (prepare, sizes) in work.items():
        announce(f"Timing {name}")
        curves[name] = timed(prepare, sizes)
    return {"curves": curves, "peak_memory_gib": process_memory_gib()}


def process_memory_gib() -> float:
    """The memory that this process took at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def timed(
    work: Callable[[int], Callable[[], object]], sizes: tuple[int, ...], repeats: int = REPEATS
) -> dict[str, Any]:
    """The median of a few repetitions at each size; exponent 1 is linear."""
    seconds = {size: _median(work(size), repeats) for size in sizes}
    return {"seconds": seconds, "exponent": exponent(seconds)}


def exponent(seconds: Mapping[int, float]) -> float:
    """Slope of log time over log size."""
    logs = [math.log(size) for size in seconds], [math.log(taken) for taken in seconds.values()]
    return statistics.linear_regression(*logs).slope


def _median(work: Callable[[], object], repeats: int) -> float:
    work()
    taken = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def _batches(num: int) -> Callable[[], object]:
    images = torch.zeros(num, 28, 28, dtype=torch.uint8)
    return lambda: sum(len(batch) for batch in ResidentLoader(images, BATCH, 1000, seed=0))


def _streamed(num: int) -> Callable[[], object]:
    images, device = torch.zeros(num, 28, 28, dtype=torch.uint8), torch.device("cpu")
    return lambda: sum(len(batch) for batch in ResidentLoader(images, BATCH, 1000, seed=0, streamed_to=device))


def _neighbourhoods(num: int) -> Callable[[], object]:
    real, fake = torch.randn(2, num, FEATURES)
    return lambda: neighbourhoods(real, Balls.around(real, 5), fake)


def _vendi(num: int) -> Callable[[], object]:
    features = torch.randn(num, FEATURES)
    return lambda: vendi_score(features)


def _frechet(num: int) -> Callable[[], object]:
    real, fake = torch.randn(2, num, FEATURES)
    return lambda: frechet_distance(real, fake)


def _modes(num: int) -> Callable[[], object]:
    channels = round(math.log(num, 26))
    predictions = Predictions(torch.rand(10_000), torch.randint(26, (10_000, channels)), torch.randn(10_000, FEATURES))

    def cover() -> object:
        coverage = ModeCoverage(predictions, 26)
        coverage.update(predictions)
        return coverage.compute()

    return cover


def _information(num: int) -> Callable[[], object]:
    posterior = normal(torch.randn(num, LATENTS), torch.rand(num, LATENTS) + 0.1)
    latents = posterior.sample()
    return lambda: mutual_information(lambda rows: posterior.log_prob(latents[rows].unsqueeze(1)).sum(-1), num)
