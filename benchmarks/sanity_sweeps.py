"""The sweeps of Räisä et al. 2025 (arXiv:2505.22450) for `python -m benchmarks.sanity`.

Each yields settings with a real sample, and generated samples by the value x that is swept.

N points, D dimensions, K modes.
"""

from collections.abc import Iterable, Iterator

import numpy as np
from scipy.stats import pareto

NUM = 1000
SHIFTS = {1: 6.0, 8: 3.0, 64: 1.0}  # the largest by dimensions
SIZES = np.logspace(2, 4, 20).astype(int)
OVERLAP = 0.2  # of two cubes, as a share of their volume

Random = np.random.Generator
Sweep = Iterator[tuple[str, np.ndarray, Iterable[tuple[float, np.ndarray]]]]  # setting, real sample, x and sample


def normal(random: Random, dims: int, mean: float = 0.0, sd: float = 1.0) -> np.ndarray:
    return random.normal(mean, sd, (NUM, dims))


def mean(random: Random) -> Sweep:
    for dims, far in SHIFTS.items():
        yield f"{dims} d", normal(random, dims), ((x, normal(random, dims, x)) for x in np.linspace(-far, far, 51))


def outlier(random: Random) -> Sweep:
    """One point at the largest shift among the real or among the generated points."""
    for dims, far in SHIFTS.items():
        real, point, means = normal(random, dims), np.full((1, dims), far), np.linspace(-far, far, 51)
        yield f"real, {dims} d", np.vstack([point, real]), ((x, normal(random, dims, x)) for x in means)
        yield f"fake, {dims} d", real, ((x, np.vstack([point, normal(random, dims, x)])) for x in means)


def heavy_tail(random: Random) -> Sweep:
    """A second dimension with Pareto's distribution."""

    def draw(shift: float) -> np.ndarray:
        return np.hstack([normal(random, 1, shift), pareto.rvs(1.01, size=(NUM, 1), random_state=random)])

    yield "2 d", draw(0.0), ((x, draw(x)) for x in np.linspace(-6, 6, 51))


def deviation(random: Random) -> Sweep:
    for dims, far in {1: 3.0, 8: 1.0, 64: 0.5}.items():
        deviations = np.logspace(-far, far, 51)
        yield f"{dims} d", normal(random, dims), ((x, normal(random, dims, sd=x)) for x in deviations)


def mixture(random: Random, means_KD: np.ndarray, sd: float, share_K: np.ndarray) -> np.ndarray:
    return random.normal(means_KD[random.choice(len(means_KD), NUM, p=share_K / share_K.sum())], sd)


def modes_on_a_line() -> Iterator[tuple[int, np.ndarray, float]]:
    for dims, sd in {1: 1 / 6, 8: 1 / 3, 64: 1.0}.items():
        yield dims, np.tile(np.linspace(0, 10, 10)[:, None], (1, dims)), sd


def dropping_together(random: Random) -> Sweep:
    """All modes but one lose the share x of their samples."""
    for dims, means, sd in modes_on_a_line():
        kept = ((x, np.array([1.0] + [1 - x] * 9)) for x in np.linspace(0, 1, 50))
        real = mixture(random, means, sd, np.ones(10))
        yield f"{dims} d", real, ((x, mixture(random, means, sd, share)) for x, share in kept)


def dropping_in_turn(random: Random) -> Sweep:
    """The last x modes are missing."""
    for dims, means, sd in modes_on_a_line():
        real = mixture(random, means, sd, np.ones(10))
        yield f"{dims} d", real, ((x, mixture(random, means[: 10 - x], sd, np.ones(10 - x))) for x in range(10))


def invention(random: Random) -> Sweep:
    """The samples have x modes, the real data the first five of them."""
    means = np.random.default_rng(0).permutation([(12.0 * a, 12.0 * b) for a in range(5) for b in range(2)])
    real = mixture(random, means[:5], 0.25, np.ones(5))
    yield "2 d", real, ((x, mixture(random, means[:x], 0.25, np.ones(x))) for x in range(1, 11))


def two_modes(random: Random) -> Sweep:
    """Two real modes at a distance x, one generated one as wide as both."""
    for dims in (1, 8, 64):
        for x in np.linspace(0, 5, 20):
            real = mixture(random, np.outer([-x / 2, x / 2], np.ones(dims)), 1.0, np.ones(2))
            yield f"{dims} d", real, [(x, normal(random, dims, sd=np.hypot(1, x)))]


def on_sphere(random: Random, dims: int, radius: float, num: int = NUM) -> np.ndarray:
    points = random.normal(size=(num, dims))
    return radius * points / np.linalg.norm(points, axis=1, keepdims=True)


def sphere_surfaces(random: Random) -> Sweep:
    for dims in (2, 16, 128):
        radii = np.linspace(0.1, 1.9, 51)
        yield f"{dims} d", on_sphere(random, dims, 1.0), ((x, on_sphere(random, dims, x)) for x in radii)


def cube(random: Random, num: int, dims: int, shifted: bool) -> np.ndarray:
    start = 1 - OVERLAP ** (1 / dims) if shifted else 0.0
    return random.uniform(start, start + 1, (num, dims))


def sample_size(random: Random) -> Sweep:
    for dims in (1, 8, 64):
        for num in SIZES:
            yield f"{dims} d", cube(random, num, dims, False), [(num, cube(random, num, dims, True))]


def synthetic_size(random: Random) -> Sweep:
    for dims in (1, 8, 64):
        yield f"{dims} d", cube(random, NUM, dims, False), ((num, cube(random, num, dims, True)) for num in SIZES)


def ball(random: Random, num: int) -> np.ndarray:
    """In a ball of radius 0.8, uniformly."""
    return 0.8 * on_sphere(random, 3, 1.0, num) * np.cbrt(random.uniform(size=(num, 1)))


def torus(random: Random, num: int) -> np.ndarray:
    """In a tube of radius 0.1 around a circle of radius 1, which does not touch the ball."""
    angle, around = random.uniform(0, 2 * np.pi, (2, num))
    across = 0.1 * np.sqrt(random.uniform(size=num))
    out = 1 + across * np.cos(around)
    return np.stack([out * np.cos(angle), out * np.sin(angle), across * np.sin(around)], 1)


def sphere_and_torus(random: Random) -> Sweep:
    yield "real sphere", ball(random, NUM), ((num, torus(random, num)) for num in SIZES)
    yield "real torus", torus(random, NUM), ((num, ball(random, num)) for num in SIZES)


def scaling(random: Random) -> Sweep:
    """Both samples, which the first dimension separates, are scaled in the second."""
    for x in np.logspace(-3, 3, 20):
        apart = np.array([6.0, 0.0])
        yield "2 d", normal(random, 2) * [1, x], [(x, (normal(random, 2) + apart) * [1, x])]


def one_disjoint(random: Random) -> Sweep:
    """One dimension separates the samples, x others do not."""
    for others in np.unique(np.logspace(0, 3, 20).astype(int)):
        apart = np.array([6.0] + [0.0] * others)
        yield "d", normal(random, 1 + others), [(others, normal(random, 1 + others) + apart)]


def discrete(random: Random) -> Sweep:
    """One sample is rounded, the more coarsely the smaller x."""
    for which in ("real", "fake"):
        for x in np.logspace(0, 3, 20):
            real, fake = x * normal(random, 1), x * normal(random, 1)
            pair = (real.round(), fake) if which == "real" else (real, fake.round())
            yield f"{which} rounded", pair[0], [(x, pair[1])]
