"""Pictures of points in the plane: real and generated points, Gaussians with and without samples.

N generated points, C channels, M real points, K Gaussians.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from src.data.gaussians import Mixture
from src.evaluation.artifacts import Picture
from src.evaluation.image_grids import rendered
from src.evaluation.oracles.base import Predictions

# From Okabe & Ito's colour-blind safe palette.
NEAR_COLOUR = "#0072b2"
FAR_COLOUR = "#e69f00"
MISSED_COLOUR = "#c1272d"
REAL_GREY = "#9a9a9a"
NUM_SHOWN = 2000  # points of a kind in a picture
NUM_IN_FRAME = 400  # points of a frame, kept in the history
COLUMNS = 5  # of the frames
PANEL = 1.6  # inches


class Map:
    """Plots generated and held-out real points by the oracle's predictions, all channels of stacked points together."""

    def __init__(self, mixture: Mixture, real: Predictions):
        self.centres_K2 = mixture.centres_K2.numpy()
        self.reach = mixture.reach
        self.real_M2 = _points(real)

    def picture(self, predictions: Predictions) -> Picture:
        """Generated points over real ones; a mode with one point within 3σ is marked as covered, unlike in `modes`."""
        class_N = predictions.classes_NS.flatten().cpu().numpy()
        fake_N2, near_N = _points(predictions), class_N >= 0
        covered_K = np.isin(np.arange(len(self.centres_K2)), class_N)
        figure = Figure(figsize=(6.4, 7.2), dpi=100)
        axis = figure.add_axes((0.075, 0.045, 0.9, 0.8))
        axis.set(xlim=(-self.reach, self.reach), ylim=(-self.reach, self.reach), aspect="equal")
        shown_N2, shown_near_N = fake_N2[:NUM_SHOWN].clip(-self.reach, self.reach), near_N[:NUM_SHOWN]
        axis.scatter(*self.real_M2[:NUM_SHOWN].T, s=14, color=REAL_GREY, linewidths=0, label="real points")
        dots = {"s": 5, "linewidths": 0, "zorder": 3}
        axis.scatter(*shown_N2[~shown_near_N].T, color=FAR_COLOUR, label="generated, farther", **dots)
        axis.scatter(*shown_N2[shown_near_N].T, color=NEAR_COLOUR, label="generated, within 3σ of a centre", **dots)
        _mark(axis, self.centres_K2, covered_K, 190)
        legend = axis.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.045), ncols=2, frameon=False, fontsize=10)
        for handle in legend.legend_handles:
            handle.set_sizes([40])
        covered = f"{covered_K.sum()} of {len(covered_K)} modes with a sample"
        axis.set_title(f"{covered}, {near_N.mean():.0%} of points within 3σ", fontsize=12)
        return Picture(rendered(figure))

    def some(self, predictions: Predictions) -> list[float]:
        """Coordinates x, y, x, y, … for a frame."""
        return _points(predictions)[:NUM_IN_FRAME].round(3).flatten().tolist()

    def frames(self, history: Sequence[Mapping[str, Any]]) -> Picture:
        """A panel per evaluation: some of its `points`, Gaussians with and without samples, and metrics, as pixels."""
        rows = -(-len(history) // COLUMNS)
        figure = Figure(figsize=(COLUMNS * PANEL, rows * PANEL * 1.15 + 0.35), dpi=110)
        axis = figure.add_axes((0, 0, 1, 1))
        width, height = 2.15 * self.reach, 2.15 * self.reach * 1.15
        strip = 0.35 / (PANEL * 1.15) * height
        axis.set(xlim=(0, COLUMNS * width), ylim=(-rows * height, strip))
        axis.set_axis_off()
        points, centres, covered = [], [], []
        for index, row in enumerate(history):
            line, column = divmod(index, COLUMNS)
            middle = np.array([(column + 0.5) * width, -(line + 1) * height + 0.5 * width])
            covered_K = np.array(row["shares"]) > 0
            points.append(np.array(row["points"]).reshape(-1, 2).clip(-self.reach, self.reach) + middle)
            centres.append(self.centres_K2 + middle)
            covered.append(covered_K)
            corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]]) * self.reach + middle
            axis.plot(*corners.T, color="#b0b0b0", linewidth=0.7)
            modes = f"{covered_K.sum()}/{len(covered_K)}"
            title = f"{row['images_seen'] / 1000:,.0f}k · {modes} · {row['recognisable']:.0%}"
            axis.text(middle[0], middle[1] + 1.06 * self.reach, title, ha="center", va="bottom", fontsize=9)
        axis.scatter(*np.concatenate(points).T, s=2.5, color=NEAR_COLOUR, linewidths=0, zorder=3)
        _mark(axis, np.concatenate(centres), np.concatenate(covered), 30)
        axis.legend(
            loc="upper left", bbox_to_anchor=(0, 1), borderpad=0.2, ncols=2, frameon=False, fontsize=9, markerscale=1.3
        )
        caption = "points seen · modes with a sample · generated points within 3σ"
        axis.text(COLUMNS * width - 0.08 * width, strip / 2, caption, ha="right", va="center", fontsize=9)
        return Picture(rendered(figure))


def cloud(images_NCHW: Tensor) -> np.ndarray:
    """Points in [-1, 1], all channels together, as pixels."""
    figure = Figure(figsize=(6.4, 6.4), dpi=100)
    axis = figure.add_axes((0.075, 0.045, 0.9, 0.9))
    axis.set(xlim=(-1, 1), ylim=(-1, 1), aspect="equal")
    axis.scatter(*images_NCHW.reshape(-1, 2).cpu().numpy().T, s=5, color=NEAR_COLOUR, linewidths=0)
    return rendered(figure)


def _mark(axis: Axes, centres_K2: np.ndarray, covered_K: np.ndarray, size: float) -> None:
    """Rings around Gaussians with a sample, crosses on those without."""
    thin, thick = size**0.5 / 12, size**0.5 / 6
    ring = {"s": size, "facecolors": "none", "edgecolors": "black", "linewidths": thin, "zorder": 4}
    axis.scatter(*centres_K2[covered_K].T, marker="o", label="mode with a sample", **ring)
    cross = {"s": size * 0.6, "color": MISSED_COLOUR, "linewidths": thick, "zorder": 4}
    axis.scatter(*centres_K2[~covered_K].T, marker="x", label="mode without", **cross)


def _points(predictions: Predictions) -> np.ndarray:
    return predictions.features_NF.reshape(-1, 2).cpu().numpy()
