"""Figures with a point per run: rate against distortion, and the KL against the decoder's variance.

Rate and distortion are the information each run's latents carry and the decoder's remaining error. Alemi et al. 2018,
arXiv:1711.00464: R = KL and D = reconstruction, both in nats, and −ELBO = D + R, so that lines of one ELBO fall at one
nat per nat. No model can lie below D + R = entropy of the data.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from src.core.levels import levels_in
from src.report.figures.style import COLOURS, GRID, INK, MUTED, WIDTH, legend, png, styled
from src.report.outcomes import Transition, reference
from src.report.records import Run
from src.report.section import Section

NUM_POINTS = 300  # of the curve
MARKERS = ("o", "s", "^", "D", "v", "P")
LIMITS = {"floor_nll": ("collapse floor", (0, (5, 3))), "entropy": ("entropy", (0, (1, 1.5)))}


@styled
def rate_distortion(section: Section) -> bytes | None:
    """A point per run, lines of one ELBO, and the limits that are in sight; None if no run has both quantities."""
    points = {s.label: runs for s in section.summaries if len(runs := _points(s.included))}
    if not points:
        return None
    figure = Figure(figsize=(WIDTH, 4.9), layout="constrained")
    axes = figure.add_subplot()
    looks = {}
    for number, (name, runs) in enumerate(points.items()):
        colour, marker = _style(number)
        axes.scatter(*runs.T, s=50, color=colour, marker=marker, edgecolor="white", linewidth=0.7, zorder=4)
        looks[name] = {"color": colour, "marker": marker, "linestyle": "", "markersize": 7}
    axes.margins(0.12)
    axes.set(xlabel="rate R: KL of all levels, nats", ylabel="distortion D: reconstruction, nats")
    axes.grid(False)
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    for total in MaxNLocator(9, steps=[1, 2, 5, 10]).tick_values(left + bottom, right + top):
        if left + bottom < total < right + top:
            axes.axline((left, total - left), slope=-1, color=GRID, linewidth=0.9, zorder=1)
            place = (right, total - right) if total - right > bottom else (total - bottom, bottom)
            text = f"ELBO {-total:g}".replace("-", "−")
            axes.annotate(text, place, xytext=(3, 3), textcoords="offset points", fontsize=7.5, color=MUTED)
    for key, (name, dashes) in LIMITS.items():
        total = reference(section, key)
        if total is not None and left + bottom < total < right + top:
            axes.axline((left, total - left), slope=-1, color=INK, linewidth=1.3, linestyle=dashes, zorder=2)
            looks[f"{name} {total:.2f}"] = {"color": INK, "linestyle": dashes}
    axes.set(xlim=(left, right), ylim=(bottom, top))
    legend(figure, looks, place="outside upper left")
    return png(figure)


def _points(runs: Sequence[Run]) -> np.ndarray:
    """Rate and distortion of the runs that have both, shape (runs, 2)."""
    rates = [[run.scalars[f"kl_{level}"] for level in levels_in(run.scalars)] for run in runs]
    both = zip(rates, (run.scalars.get("reconstruction") for run in runs), strict=True)
    return np.array([(sum(rate), error) for rate, error in both if rate and error is not None]).reshape(-1, 2)


def _style(number: int) -> tuple[str, str]:
    """Colour and marker, no two alike for as many names as colours times markers."""
    turn, colour = divmod(number, len(COLOURS))
    return COLOURS[colour], MARKERS[(colour + turn) % len(MARKERS)]


@styled
def phase_transition(found: Transition | None) -> bytes | None:
    """A point per run, the curve of a linear decoder, and the predicted place."""
    if not found:
        return None
    ratios, kls = np.array(found.points).T
    figure = Figure(figsize=(WIDTH, 4.2), layout="constrained")
    axes = figure.add_subplot()
    curve = np.geomspace(ratios.min(), ratios.max(), NUM_POINTS)
    axes.plot(curve, [found.linear_kl(ratio) for ratio in curve], color=COLOURS[1], linewidth=1.6, zorder=2)
    axes.axvline(1, color=INK, linestyle=(0, (5, 3)), linewidth=1.2, zorder=1)
    axes.scatter(ratios, kls, s=42, color=COLOURS[2], edgecolor="white", linewidth=0.7, zorder=3)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set(xlabel="decoder variance / largest eigenvalue of the data", ylabel="KL of all levels, nats")
    looks = {
        "run": {"color": COLOURS[2], "marker": "o", "linestyle": "", "markersize": 7},
        "linear decoder": {"color": COLOURS[1]},
        "predicted onset": {"color": INK, "linestyle": (0, (5, 3))},
    }
    legend(figure, looks, place="outside upper left")
    return png(figure)
