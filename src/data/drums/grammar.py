"""Drum bars from a grammar with an exact likelihood: five styles, six factors of variation within each.

A bar's style is drawn uniformly; the factors are independent of each other and of the style, though each style plays
them in its own way; given all of them, the cells are independent Bernoulli variables. So p(bar) is a
finite mixture that can be summed, and a model's distance from the true distribution can be computed. Every grid has
positive probability: the empty bar's is below 1e-9.

The factors:
    kick     which figure the kick plays
    ghosts   how many soft snare strokes surround the accents
    hats     what the hats, or the ride in jazz and latin, subdivide the bar into; jazz swings its eighths
    push     whether accents are pushed off the beat: kick anticipations, a late or early snare, a rumba clave
    density  whether a second layer is on: open hats, a ride, percussion, congas
    fill     what ends the bar, or a crash that opens it

Each style is a file of tablature, whose lines are `factor=value voice pattern`, or `always voice pattern`. A pattern
is one bar in sixteenths: a mark of `HIT` is the probability of a hit, `.` keeps that of the lines above. Lines apply
from top to bottom, so a fill, being last, replaces the beat; a value without a line changes nothing.

Random numbers are raw PCG64 bits compared with the tables' numbers, so the same seed gives the same bars on every
machine.

Shapes: N bars, T steps, V voices, F factors, K combinations of a style and the factors' values.
"""

import math
from functools import cache
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp

from src.core.files import read_lines
from src.data.spec import BAR

STYLES = ("rock", "jazz", "hiphop", "electronic", "latin")
FORMS = {style: read_lines(Path(__file__).with_name(f"{style}.txt")) for style in STYLES}
FACTORS = {  # each factor's values and their probabilities
    "kick": {"plain": 0.3, "driving": 0.25, "syncopated": 0.25, "busy": 0.2},
    "ghosts": {"none": 0.4, "few": 0.3, "many": 0.3},
    "hats": {"quarters": 0.25, "eighths": 0.45, "sixteenths": 0.3},
    "push": {"off": 0.6, "on": 0.4},
    "density": {"light": 0.5, "full": 0.5},
    "fill": {"none": 0.55, "snare": 0.15, "toms": 0.15, "crash": 0.15},
}
VOICES = ("BD", "SD", "CH", "OH", "LT", "MT", "HT", "CC", "RD")  # in files of tablature, in a grid's order
SLIP = 0.002  # of an unintended hit
HIT = {"X": 0.97, "x": 0.8, "o": 0.5, ",": 0.15, "-": SLIP}


class Bars(NamedTuple):
    """Bars, their styles and their factors: indices into the values of `FACTORS`, in its order."""

    grids_NTV: np.ndarray  # uint8
    styles_N: np.ndarray  # int64
    factors_NF: np.ndarray  # int64


class Tables(NamedTuple):
    """For each combination its style and factors, its probability, and the probability of a hit in each cell."""

    choices_KF: np.ndarray  # the style first, then the factors
    weight_K: np.ndarray
    hit_KTV: np.ndarray


def draw(num: int, seed: int) -> Bars:
    """`num` bars, each from its own row of random numbers, so that a shorter draw is the beginning of a longer one."""
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
    chunks = np.array_split(grids_NTV, len(grids_NTV) // 256 + 1)  # bounds the memory of [N, K]
    return np.concatenate([logsumexp(log_joint(chunk), 1) for chunk in chunks])


def log_joint(grids_NTV: np.ndarray) -> np.ndarray:
    """Joint log-probability of each bar and each combination, in nats, float64 [N, K] in the order of `tables`.

    Normalised over K it is the posterior over style and factors.
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
        layers = [read(line) for line in form]
        for combination in combinations:
            chosen = {f"{factor}={value}" for factor, (value, _) in zip(FACTORS, combination, strict=True)}
            hits.append(paint(layers, chosen | {"always"}))
            weights.append(math.prod(chance for _, chance in combination) / len(STYLES))
    sizes = [len(STYLES), *(len(values) for values in FACTORS.values())]
    choices_KF = np.stack(np.unravel_index(np.arange(math.prod(sizes)), sizes), 1)
    return Tables(choices_KF, np.array(weights), np.stack(hits))


def read(line: str) -> tuple[str, int, np.ndarray]:
    """A line of tablature: its condition, its voice, and the probability of a hit at each step, NaN for `.`."""
    condition, voice, pattern = line.split()
    return condition, VOICES.index(voice), np.array([HIT.get(mark, np.nan) for mark in pattern])


def paint(layers: list[tuple[str, int, np.ndarray]], conditions: set[str]) -> np.ndarray:
    """Probability of a hit in each cell, [T, V]: the lines whose condition holds, each over those before it."""
    hit_TV = np.full(BAR, SLIP)
    for condition, voice, hit_T in layers:
        if condition in conditions:
            hit_TV[:, voice] = np.where(np.isnan(hit_T), hit_TV[:, voice], hit_T)
    return hit_TV
