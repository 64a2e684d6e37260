"""Drum bars from a grammar whose every secret is known: five styles, six factors within each, exact likelihoods.

A bar's style is drawn uniformly; the factors are independent of each other and of the style, though each style plays
them in its own way; given all of them, the cells are independent Bernoulli variables. So p(bar) is a finite mixture
that can be summed, and a model's distance from the truth is a number. Every grid has positive probability, because
hands slip: the empty bar's is below 1e-9.

The factors:
    kick     which figure the kick plays
    ghosts   how many quiet snare strokes surround the accents
    hats     what the hats, or the ride in jazz and latin, subdivide the bar into; jazz swings its eighths
    push     whether accents are pushed off the beat: kick anticipations, a late or early snare, a rumba clave
    density  whether a second layer is on: open hats, a ride, percussion, congas
    fill     what ends the bar, or a crash that opens it

Randomness is raw PCG64 bits compared with the tables' own numbers, so the same seed gives the same bars everywhere.

Shapes: N bars, T steps, V voices, F factors, K combinations of a style and the factors' values.
"""

import math
from collections.abc import Iterator
from functools import cache
from itertools import product
from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp

from src.data.drums.drumforms import FORMS
from src.data.spec import BAR

STYLES = tuple(FORMS)
FACTORS = {  # a factor's values, with their probabilities
    "kick": {"plain": 0.3, "driving": 0.25, "syncopated": 0.25, "busy": 0.2},
    "ghosts": {"none": 0.4, "few": 0.3, "many": 0.3},
    "hats": {"quarters": 0.25, "eighths": 0.45, "sixteenths": 0.3},
    "push": {"off": 0.6, "on": 0.4},
    "density": {"light": 0.5, "full": 0.5},
    "fill": {"none": 0.55, "snare": 0.15, "toms": 0.15, "crash": 0.15},
}
VOICES = ("BD", "SD", "CH", "OH", "LT", "MT", "HT", "CC", "RD")  # the order of `src.data.voices`
SLIP = 0.002  # a hit that nobody meant
HIT = {"X": 0.97, "x": 0.8, "o": 0.5, ",": 0.15, "-": SLIP}


class Bars(NamedTuple):
    """Bars and what they were made from; factors are indices into the values of `FACTORS`, in its order."""

    grids_NTV: np.ndarray  # uint8
    styles_N: np.ndarray  # int64
    factors_NF: np.ndarray  # int64


class Tables(NamedTuple):
    """Every combination: its style and factors, its probability, and its cells' probabilities of a hit."""

    choices_KF: np.ndarray  # the style first, then the factors
    weight_K: np.ndarray
    hit_KTV: np.ndarray


def draw(num: int, seed: int) -> Bars:
    """`num` bars; each comes from its own row of chance, so that a shorter draw is the beginning of a longer one."""
    chances = [np.full(len(STYLES), 1 / len(STYLES)), *(np.array(list(values.values())) for values in FACTORS.values())]
    num_cells = BAR[0] * BAR[1]
    raw = np.random.PCG64(seed).random_raw(num * (len(chances) + num_cells)).reshape(num, -1)
    uniform_NU = (raw >> np.uint64(11)) * 2.0**-53  # [0, 1) in steps that float64 holds exactly
    choices_NF = np.stack(
        [np.searchsorted(chance.cumsum()[:-1], uniform_NU[:, i], "right") for i, chance in enumerate(chances)], 1
    )
    sizes = [len(chance) for chance in chances]
    combination_N = np.ravel_multi_index(tuple(choices_NF.T), sizes)
    hit_NTV = tables().hit_KTV[combination_N]
    grids_NTV = uniform_NU[:, len(chances) :].reshape(num, *BAR) < hit_NTV
    return Bars(grids_NTV.astype(np.uint8), choices_NF[:, 0], choices_NF[:, 1:])


def log_likelihood(grids_NTV: np.ndarray) -> np.ndarray:
    """Exact log-probability of every bar in nats, float64 [N]."""
    chunks = np.array_split(grids_NTV, len(grids_NTV) // 1024 + 1)  # a joint of many bars would fill the memory
    return np.concatenate([logsumexp(log_joint(chunk), 1) for chunk in chunks])


def log_joint(grids_NTV: np.ndarray) -> np.ndarray:
    """Log-probability of every bar together with every combination, in nats, float64 [N, K] in `tables`' order.

    Normalised over K it is the posterior: what the best conceivable encoder would say of style and factors.
    """
    _, weight_K, hit_KTV = tables()
    hit_KD = hit_KTV.reshape(len(hit_KTV), -1)
    log_miss_KD = np.log1p(-hit_KD)
    grids_ND = grids_NTV.reshape(len(grids_NTV), hit_KD.shape[1]).astype(np.float64)
    return np.log(weight_K) + log_miss_KD.sum(1) + grids_ND @ (np.log(hit_KD) - log_miss_KD).T


@cache
def tables() -> Tables:
    """All combinations, the style changing slowest and the last factor fastest."""
    combinations = list(product(*(values.items() for values in FACTORS.values())))
    weights, hits = [], []
    for form in FORMS.values():
        layers = list(read(form))
        for combination in combinations:
            chosen = {f"{factor}={value}" for factor, (value, _) in zip(FACTORS, combination, strict=True)}
            hits.append(paint(layers, chosen | {"always"}))
            weights.append(math.prod(chance for _, chance in combination) / len(STYLES))
    sizes = [len(STYLES), *(len(values) for values in FACTORS.values())]
    choices_KF = np.stack(np.unravel_index(np.arange(math.prod(sizes)), sizes), 1)
    return Tables(choices_KF, np.array(weights), np.stack(hits))


def read(form: str) -> Iterator[tuple[str, int, np.ndarray]]:
    """The lines of a tablature: when it holds, whose it is, and each step's chance of a hit, NaN for `.`."""
    for line in form.strip().splitlines():
        condition, voice, pattern = line.split()
        yield condition, VOICES.index(voice), np.array([HIT.get(mark, np.nan) for mark in pattern])


def paint(layers: list[tuple[str, int, np.ndarray]], conditions: set[str]) -> np.ndarray:
    """Each cell's chance of a hit, [T, V]: the lines whose condition holds, one over the other."""
    hit_TV = np.full(BAR, SLIP)
    for condition, voice, hit_T in layers:
        if condition in conditions:
            hit_TV[:, voice] = np.where(np.isnan(hit_T), hit_TV[:, voice], hit_T)
    return hit_TV
