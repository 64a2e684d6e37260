"""The KL against the decoder's variance in units of the data's largest eigenvalue, beside the linear theory's."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from src.report.figures.style import COLOURS, INK, WIDTH, legend, png, styled
from src.report.phase_transition import Transition

NUM_POINTS = 300  # of the curve


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
