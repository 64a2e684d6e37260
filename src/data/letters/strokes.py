"""Letters and digits drawn with a pen from vector forms.

White ink on black, 28×28, framed as EMNIST is (Cohen et al. 2017, arXiv:1702.05373): the ink is centred and its longer
side fills 20 to 24 pixels. Each image has its own case, form, pen and distortion.

The same seed gives the same bytes on every machine. Hence raw PCG64 bits, and elementwise + - * / sqrt, minimum and
maximum only, which IEEE 754 rounds in one way: no sin, exp or log (libraries differ in the last bit), no matrix
products or sums over an axis (their order differs). Each image depends on its own row of random numbers only, so
neither chunks nor threads change it.

Shapes: N images, B images of a chunk, U random numbers, P points of a form, S segments, H, W pixels.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from src.core.console import progress
from src.core.files import read_lines
from src.data.letters.curves import follow

VERSION = 1  # to be raised whenever the drawings change
SIDE = 28  # pixels
NUM_UNIFORMS = 110  # random numbers per image, a few more than the longest form uses


def read_forms() -> dict[str, list[str]]:
    """The forms of every character."""
    forms: dict[str, list[str]] = {}
    for line in read_lines(Path(__file__).with_name("forms.txt")):
        character, form = line.split(maxsplit=1)
        forms.setdefault(character, []).append(form)
    return forms


FORMS = read_forms()


def draw(
    classes: Sequence[str], per_class: int, seed: int, *, workers: int = 4, chunk: int = 256
) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 [N, 28, 28] and labels int64 [N], indices into `classes`: `per_class` of each, shuffled.

    Half of the images of each letter are capitals. `workers` (threads) and `chunk` (images drawn at once) change the
    time, not the result.
    """
    bits = np.random.PCG64(seed)
    labels_N, form_N, forms = assign(classes, per_class, bits)
    uniform_NU = uniform_numbers(bits, len(labels_N))
    images_NHW = np.empty((len(labels_N), SIDE, SIDE), np.uint8)

    def rasterise_chunk(job: tuple[Form, np.ndarray]) -> None:
        form, rows_B = job
        images_NHW[rows_B] = rasterise(form, uniform_NU[rows_B])

    jobs = []
    for number, form in enumerate(forms):
        rows = np.flatnonzero(form_N == number)
        jobs += [(form, rows[start : start + chunk]) for start in range(0, len(rows), chunk)]
    with ThreadPoolExecutor(workers) as pool:
        for done in progress([pool.submit(rasterise_chunk, job) for job in jobs], f"Drawing {len(labels_N):,} letters"):
            done.result()
    return images_NHW, labels_N


def assign(
    classes: Sequence[str], per_class: int, bits: np.random.PCG64
) -> tuple[np.ndarray, np.ndarray, list["Form"]]:
    """Labels [N], indices [N] into the list of forms, and that list; images are in shuffled order."""
    forms: list[Form] = []
    first_and_count = {}
    for label, name in enumerate(classes):
        for case, character in enumerate(cases(name)):
            first_and_count[label, case] = len(forms), len(FORMS[character])
            forms += [trace(form) for form in FORMS[character]]
    num_images = len(classes) * per_class
    order_N = np.argsort(bits.random_raw(num_images), kind="stable")
    labels_N, turn_N = order_N // per_class, order_N % per_class
    random_N = (bits.random_raw(num_images) >> np.uint64(32)).astype(np.int64)
    form_N = np.empty(num_images, np.int64)
    for (label, case), (first, count) in first_and_count.items():
        mine = (labels_N == label) & (turn_N % len(cases(classes[label])) == case)
        form_N[mine] = first + (random_N[mine] * count >> 32)
    return labels_N, form_N, forms


def cases(name: str) -> tuple[str, ...]:
    """The characters of a class: both cases of a letter, or a digit."""
    if name not in FORMS or name != name.upper():
        raise ValueError(f"no strokes for class {name!r}: choose from A to Z and 0 to 9")
    return (name, name.lower()) if name.isalpha() else (name,)


def uniform_numbers(bits: np.random.PCG64, num_images: int) -> np.ndarray:
    """Numbers in [0, 1), float32 [N, U]: the top 24 bits of each draw, which float32 holds exactly."""
    raw_NU = bits.random_raw(num_images * NUM_UNIFORMS).reshape(num_images, NUM_UNIFORMS)
    return (raw_NU >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-24)


class Form(NamedTuple):
    """Points of a form: centred, the longer side of their bounding box from -1 to 1, y downwards as in images."""

    x_P: np.ndarray
    y_P: np.ndarray
    stroke_P: np.ndarray  # index of the point's stroke
    progress_P: np.ndarray  # from 0 at the start of the stroke to 1 at its end


def trace(form: str) -> Form:
    """The points of a line of `forms.txt`."""
    strokes = [follow(stroke) for stroke in form.split("/")]
    x_P = np.array([x for path in strokes for x, _ in path])
    y_P = np.array([-y for path in strokes for _, y in path])
    half = max(x_P.max() - x_P.min(), y_P.max() - y_P.min()) / 2
    x_P = (x_P - (x_P.max() + x_P.min()) / 2) / half
    y_P = (y_P - (y_P.max() + y_P.min()) / 2) / half
    stroke_P = np.array([number for number, path in enumerate(strokes) for _ in path])
    progress_P = np.array([i / (len(path) - 1) for path in strokes for i in range(len(path))], np.float32)
    return Form(x_P.astype(np.float32), y_P.astype(np.float32), stroke_P, progress_P)


class RandomColumns:
    """Random numbers of a chunk, column [B, 1] after column."""

    def __init__(self, uniform_BU: np.ndarray):
        self.columns = iter(np.split(uniform_BU, uniform_BU.shape[1], axis=1))

    def uniform(self, low: float, high: float) -> np.ndarray:
        return low + (high - low) * next(self.columns)

    def bell(self, spread: float) -> np.ndarray:
        """Nearly normal with mean 0 and standard deviation `spread`: a sum of three, so within 3 `spread`."""
        total = next(self.columns) + next(self.columns) + next(self.columns)
        return (2 * spread) * (total - 1.5)


def rasterise(form: Form, uniform_BU: np.ndarray) -> np.ndarray:
    """Drawings of one form, uint8 [B, H, W], each distorted by its row of random numbers."""
    random = RandomColumns(uniform_BU)
    width_B1 = random.uniform(0.75, 1.75) + random.uniform(0.75, 1.75)
    soft_B1 = random.uniform(1.0, 1.8)
    x_BP, y_BP = warp(*displace_ends(form, random), random)
    x_BP, y_BP = slant_and_rotate(x_BP, y_BP, random)
    x_BP, y_BP = scale_to_pixels(x_BP, y_BP, random.uniform(20, 24) - width_B1, random)
    distance_BHW = distance_to_pen(x_BP, y_BP, np.flatnonzero(np.diff(form.stroke_P) == 0))
    ink_BHW = (width_B1[:, :, None] / 2 - distance_BHW) / soft_B1[:, :, None] + 0.5
    ink_BHW = np.minimum(np.maximum(ink_BHW, 0), 1)
    return np.rint(255 * (ink_BHW * ink_BHW * (3 - 2 * ink_BHW))).astype(np.uint8)


def displace_ends(form: Form, random: RandomColumns) -> tuple[np.ndarray, np.ndarray]:
    """Displaces both ends of every stroke and interpolates the displacement between them."""
    shift_x_BP, shift_y_BP = np.float32(0), np.float32(0)
    for stroke in range(form.stroke_P[-1] + 1):
        here_P = form.stroke_P == stroke
        for share_P in (here_P * (1 - form.progress_P), here_P * form.progress_P):
            shift_x_BP = shift_x_BP + share_P * random.bell(0.06)
            shift_y_BP = shift_y_BP + share_P * random.bell(0.06)
    return form.x_P + shift_x_BP, form.y_P + shift_y_BP


def warp(x_BP: np.ndarray, y_BP: np.ndarray, random: RandomColumns) -> tuple[np.ndarray, np.ndarray]:
    """Smooth warp: displacements are cubic polynomials of the coordinates."""
    xx, xy, yy = x_BP * x_BP, x_BP * y_BP, y_BP * y_BP
    shift_x_BP, shift_y_BP = np.float32(0), np.float32(0)
    for term_BP in (xx, xy, yy, xx * x_BP, xx * y_BP, xy * y_BP, yy * y_BP):
        shift_x_BP = shift_x_BP + term_BP * random.bell(0.065)
        shift_y_BP = shift_y_BP + term_BP * random.bell(0.065)
    return x_BP + shift_x_BP, y_BP + shift_y_BP


def slant_and_rotate(x_BP: np.ndarray, y_BP: np.ndarray, random: RandomColumns) -> tuple[np.ndarray, np.ndarray]:
    """Stretch, slant (to the right on average) and rotation."""
    x_BP = x_BP * (1 + random.bell(0.12)) - y_BP * (0.08 + random.bell(0.15))
    half_tangent_B1 = random.bell(0.04)  # of half the angle, from which cosine and sine follow rationally
    square_B1 = half_tangent_B1 * half_tangent_B1
    cosine_B1 = (1 - square_B1) / (1 + square_B1)
    sine_B1 = 2 * half_tangent_B1 / (1 + square_B1)
    return x_BP * cosine_B1 - y_BP * sine_B1, x_BP * sine_B1 + y_BP * cosine_B1


def scale_to_pixels(
    x_BP: np.ndarray, y_BP: np.ndarray, longer_side_B1: np.ndarray, random: RandomColumns
) -> tuple[np.ndarray, np.ndarray]:
    """To pixels: the points' bounding box is scaled to this longer side and centred up to half a pixel."""
    left, right = x_BP.min(1, keepdims=True), x_BP.max(1, keepdims=True)
    top, bottom = y_BP.min(1, keepdims=True), y_BP.max(1, keepdims=True)
    scale_B1 = longer_side_B1 / np.maximum(right - left, bottom - top)
    centre = (SIDE - 1) / 2
    x_BP = (x_BP - (left + right) / 2) * scale_B1 + centre + random.uniform(-0.5, 0.5)
    y_BP = (y_BP - (top + bottom) / 2) * scale_B1 + centre + random.uniform(-0.5, 0.5)
    return x_BP, y_BP


def distance_to_pen(x_BP: np.ndarray, y_BP: np.ndarray, starts_S: np.ndarray) -> np.ndarray:
    """Distance in pixels [B, H, W] from each pixel's centre to the nearest segment, s to s + 1."""
    pixel = np.arange(SIDE, dtype=np.float32)
    nearest_BHW = np.full((len(x_BP), SIDE, SIDE), 4 * SIDE * SIDE, np.float32)  # squared
    for s in starts_S:
        from_x_BW, from_y_BH = pixel - x_BP[:, s, None], pixel - y_BP[:, s, None]
        run_B1, rise_B1 = x_BP[:, s + 1, None] - x_BP[:, s, None], y_BP[:, s + 1, None] - y_BP[:, s, None]
        square_B1 = np.maximum(run_B1 * run_B1 + rise_B1 * rise_B1, np.float32(1e-6))
        # Position of the nearest point along the segment, 0 to 1, then the offset from it to the pixel.
        along_BHW = (from_x_BW * (run_B1 / square_B1))[:, None, :] + (from_y_BH * (rise_B1 / square_B1))[:, :, None]
        along_BHW = np.minimum(np.maximum(along_BHW, 0), 1)
        off_x_BHW = from_x_BW[:, None, :] - along_BHW * run_B1[:, :, None]
        off_y_BHW = from_y_BH[:, :, None] - along_BHW * rise_B1[:, :, None]
        np.minimum(nearest_BHW, off_x_BHW * off_x_BHW + off_y_BHW * off_y_BHW, out=nearest_BHW)
    return np.sqrt(nearest_BHW)
