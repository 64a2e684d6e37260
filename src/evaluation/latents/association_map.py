"""Picture of how strongly each dimension goes along with each musical feature, as uint8 array [H, W, 3]."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from src.evaluation.image_grids import rendered
from src.evaluation.latents.associations import LEAST_RHO, Dimension
from src.evaluation.latents.evidence import signed

MOST_ROWS = 24
DPI = 110
UNKNOWN = "#d9d9d9"  # where ρ is undefined


def association_map(dimensions: Sequence[Dimension]) -> np.ndarray:
    """Active dimensions × features: ρ on held-out bars as colour and number, framed where it names the dimension.

    Of more than `MOST_ROWS` the most active ones, in their order.
    """
    busiest = sorted(dimensions, key=lambda each: -each.kl)[:MOST_ROWS]
    rows = [each for each in dimensions if each in busiest]
    rho_LF = np.array([[pair.rho for pair in each.features] for each in rows], dtype=float)  # NaN where there is none
    names = [pair.name for pair in rows[0].features]
    height = 2.3 + 0.27 * len(rows)
    figure = Figure(figsize=(10.5, height), dpi=DPI)
    canvas = FigureCanvasAgg(figure)
    axis = figure.add_axes((0.09, 0.95 / height, 0.83, 1 - 2.3 / height))
    colours = mpl.colormaps["RdBu_r"].with_extremes(bad=UNKNOWN)
    picture = axis.imshow(np.ma.masked_invalid(rho_LF), aspect="auto", cmap=colours, vmin=-1, vmax=1)
    for row, each in enumerate(rows):
        for column, rho in enumerate(rho_LF[row]):
            if abs(rho) >= 0.1:
                text, shade = signed(rho, 1), "white" if abs(rho) > 0.55 else "#4a4a4a"
                axis.text(column, row, text, ha="center", va="center", fontsize=7, color=shade)
        if each.feature:
            corner = (names.index(each.feature.name) - 0.5, row - 0.5)
            axis.add_patch(
                Rectangle(corner, 1, 1, fill=False, edgecolor="black", linewidth=1.6, clip_on=False, zorder=3)
            )
    axis.set_yticks(range(len(rows)), [each.name for each in rows], fontsize=9)
    axis.set_xticks(range(len(names)), names, fontsize=8.5, rotation=40, ha="left", rotation_mode="anchor")
    axis.tick_params(length=0, top=False, labeltop=True, bottom=False, labelbottom=False)
    axis.set_xticks(np.arange(len(names) + 1) - 0.5, minor=True)
    axis.set_yticks(np.arange(len(rows) + 1) - 0.5, minor=True)
    axis.grid(which="minor", color="white", linewidth=1)
    axis.tick_params(which="minor", length=0)
    axis.spines[:].set_visible(False)
    bar = figure.colorbar(
        picture, cax=figure.add_axes((0.09, 0.58 / height, 0.33, 0.11 / height)), orientation="horizontal"
    )
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=8, length=2)
    bar.set_ticks([-1, -LEAST_RHO, 0, LEAST_RHO, 1], labels=["−1", f"−{LEAST_RHO}", "0", str(LEAST_RHO), "1"])
    bar.set_label("Spearman's ρ on held-out bars", fontsize=8.5)
    missing = len(dimensions) - len(rows)
    note = "Framed: the feature that the dimension is named after."
    note += f" {missing} less active ones stand in associations.csv." if missing else ""
    figure.text(0.45, 0.57 / height, note, fontsize=8.5, color="#4a4a4a", va="bottom")
    return rendered(canvas)
