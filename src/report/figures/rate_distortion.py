"""Rate–distortion plane: the information each run's latents carry, and the decoder's remaining error.

Alemi et al. 2018, arXiv:1711.00464: R = KL and D = reconstruction, both in nats, and −ELBO = D + R, so that lines of
one ELBO fall at one nat per nat. No model can lie below D + R = entropy of the data.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from src.report.collapse import reference
from src.report.figures.style import COLOURS, GRID, INK, MUTED, WIDTH, legend, png, styled
from src.report.grouping import Section
from src.report.records import Run

MARKERS = ("o", "s", "^", "D", "v", "P")
Points = dict[str, np.ndarray]  # label to (runs, 2): rate, distortion


@styled
def rate_distortion(section: Section) -> bytes | None:
    """The plane from no rate at all on, and a close-up of the runs; None if no run has both quantities."""
    points = {s.label: runs for s in section.summaries if len(runs := _points(s.included, section.family.levels))}
    if not points:
        return None
    floor, entropy = reference(section, "floor_nll"), reference(section, "entropy")
    if entropy is None and section.dataset:
        entropy = section.dataset.entropy
    figure = Figure(figsize=(WIDTH, 4.9), layout="constrained")
    whole, close = figure.subplots(1, 2)
    everything = np.concatenate(list(points.values()))
    marks = [[0, value] for value in (everything[:, 1].min(), floor) if value is not None]
    _frame(whole, np.concatenate([everything, marks]), from_zero=True)
    _frame(close, everything)
    styles = _styles(points)
    for axes, title in ((whole, "from no rate at all on"), (close, "the runs, closer")):
        for name, (colour, marker) in styles.items():
            axes.scatter(*points[name].T, s=44, color=colour, marker=marker, edgecolor="white", linewidth=0.7, zorder=4)
        _iso_elbo(axes)
        _limit(axes, floor, "collapse floor", dashes=(5, 3))
        _limit(axes, entropy, "entropy", dashes=(1, 1.5))
        axes.set_title(title, fontsize=10, pad=15)  # above the numbers of the lines
        axes.set_xlabel("rate R: KL of all levels, nats")
        axes.grid(False)
    whole.set_ylabel("distortion D: reconstruction, nats")
    looks = {name: {"color": c, "marker": m, "linestyle": "", "markersize": 7} for name, (c, m) in styles.items()}
    legend(figure, looks, place="outside upper left")
    return png(figure)


def _points(runs: Sequence[Run], levels: Sequence[str]) -> np.ndarray:
    """Rate and distortion of the runs that have both, shape (runs, 2)."""
    keys = [f"kl_{level}" for level in levels]
    usable = [run.scalars for run in runs if {"reconstruction", *keys} <= run.scalars.keys()]
    return np.array([(sum(s[key] for key in keys), s["reconstruction"]) for s in usable]).reshape(-1, 2)


def _styles(names: Points) -> dict[str, tuple[str, str]]:
    """Colour and marker by name: no two alike for as many as colours times markers."""
    pairs = [(colour, marker) for marker in MARKERS for colour in COLOURS]
    if len(names) <= len(COLOURS):
        pairs = list(zip(COLOURS, MARKERS, strict=True))
    return {name: pairs[i % len(pairs)] for i, name in enumerate(names)}


def _frame(axes: Axes, shown: np.ndarray, from_zero: bool = False) -> None:
    """Limits that hold the points with room around them."""
    low, high = shown.min(0), shown.max(0)
    room = np.maximum(0.12 * (high - low), 0.25)
    low, high = low - room, high + room
    axes.set_xlim(-0.02 * high[0] if from_zero else max(low[0], 0), high[0])
    axes.set_ylim(low[1], high[1])


def _iso_elbo(axes: Axes) -> None:
    """Lines of one ELBO, its value where they leave the panel at the right or above it."""
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    small = {"textcoords": "offset points", "fontsize": 7.5, "color": MUTED, "annotation_clip": False}
    axes.annotate("ELBO", (1, 1), xycoords="axes fraction", xytext=(3, 9), **small)
    for total in MaxNLocator(9, steps=[1, 2, 5, 10]).tick_values(left + bottom, right + top):
        if not left + bottom < total < right + top:
            continue
        axes.axline((left, total - left), slope=-1, color=GRID, linewidth=0.9, zorder=1)
        text = f"{-total:g}".replace("-", "−")
        if bottom < total - right < top:
            axes.annotate(text, (right, total - right), xytext=(3, 0), ha="left", va="center", **small)
        elif left < total - top < right:
            axes.annotate(text, (total - top, top), xytext=(0, 2), ha="center", va="bottom", **small)


def _limit(axes: Axes, total: float | None, name: str, dashes: tuple[float, float]) -> None:
    """The line D + R = total, with its name along it, if enough of it is in the panel."""
    if total is None:
        return
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    start, end = max(left, total - top), min(right, total - bottom)
    if end - start < 0.4 * (right - left):  # not in sight, or but a corner with no room for the name
        return
    axes.axline((left, total - left), slope=-1, color=INK, linewidth=1.3, linestyle=(0, dashes), zorder=2)
    at = start + 0.03 * (right - left)
    axes.text(
        at, total - at + 0.012 * (top - bottom), f"{name} {total:.2f}", fontsize=8.5, color=INK, va="bottom",
        rotation=-45, rotation_mode="anchor", transform_rotates_text=True, zorder=5,
    )  # fmt: skip
