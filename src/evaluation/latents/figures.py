"""Figures of the latent analysis, as uint8 arrays [H, W, 3].

N bars, L latent dims, F features, K bars per row, T steps, V voices.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from sklearn.decomposition import PCA
from torch import Tensor

from src.data.drums import drawing
from src.data.voices import VOICES, Kit
from src.evaluation.image_grids import rendered
from src.evaluation.latents.associations import MIN_RHO, Dimension, signed
from src.evaluation.latents.encode import EncodedSplit

# Okabe and Ito's.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
MARKS = ("o", "^", "s", "D", "v", "P", "X")  # their number is coprime to that of the colours
INK, MUTED = "#2b2b2b", "#6b6b6b"
DPI = 100
CELL = 6  # pixels, both ways
CAPTION, GAP, HEAD, FOOT = 15, 9, 26, 22  # pixels under and between bars, above a section, under all
PER_LETTER = 7  # pixels, in a row's label
MAX_ROWS = 24
UNKNOWN = "#d9d9d9"  # where ρ is undefined
MIN_REACH = 1.0  # standard deviation of the prior: minimum that an axis reaches to either side


def panels(count: int, width: float, height: float, right: float = 0.0) -> tuple[Figure, list[Axes]]:
    """Panels side by side with their own scales; sizes in inches, with space of `right` for a legend."""
    figure = Figure(figsize=(width + right, height), dpi=DPI)
    axes = figure.subplots(1, count, squeeze=False)[0]
    total = width + right
    figure.subplots_adjust(
        left=0.62 / total, right=(width - 0.12) / total, bottom=0.55 / height, top=1 - 0.36 / height, wspace=0.3
    )
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=8, colors=MUTED, length=3)
        axis.grid(color="#e4e4e4", linewidth=0.7)
        axis.set_axisbelow(True)
        for label in (axis.xaxis.label, axis.yaxis.label):
            label.set(color=MUTED, fontsize=9)
    return figure, list(axes)


def look(index: int) -> tuple[str, str]:
    """Colour and mark of one of up to 42 kinds of points."""
    return COLOURS[index % len(COLOURS)], MARKS[index % len(MARKS)]


@dataclass(frozen=True)
class Row:
    """Bars [K, T, V] with a label beside them and captions under each; differences from the reference are coloured."""

    label: str
    grids_KTV: Tensor
    captions: Sequence[str]
    reference_TV: Tensor | None = None


def strips(sections: Mapping[str, Sequence[Row]], voices: Kit = VOICES) -> np.ndarray:
    """Rows of small bars, each section under its title."""
    rows = [row for section in sections.values() for row in section]
    num_steps, num_voices = rows[0].grids_KTV.shape[1:]
    high, wide = num_voices * CELL, num_steps * CELL
    left = 14 + PER_LETTER * max(len(row.label) for row in rows)
    columns = max(len(row.grids_KTV) for row in rows)
    height = len(sections) * HEAD + len(rows) * (high + CAPTION) + FOOT
    sheet = np.ones((height, left + columns * (wide + GAP), 3))
    figure = Figure(figsize=(sheet.shape[1] / DPI, height / DPI), dpi=DPI)
    axis = figure.add_axes((0, 0, 1, 1))
    axis.set_axis_off()
    top = 0
    for title, section in sections.items():
        axis.text(6, top + HEAD - 8, title, ha="left", va="baseline", fontsize=9.5, fontweight="bold")
        top += HEAD
        for row in section:
            axis.text(left - 7, top + high / 2, row.label, ha="right", va="center", fontsize=8.5)
            for column, grid_TV in enumerate(row.grids_KTV):
                start = left + column * (wide + GAP)
                sheet[top : top + high, start : start + wide] = _pixels(
                    grid_TV, row.reference_TV, voices.steps_per_beat
                )
            for column, caption in enumerate(row.captions):
                middle = left + column * (wide + GAP) + wide / 2
                axis.text(middle, top + high + 2, caption, ha="center", va="top", fontsize=7.5, color="#4a4a4a")
            top += high + CAPTION
    footnote = f"Steps from left to right; from bottom to top: {', '.join(voice.name for voice in voices)}."
    if rows[0].reference_TV is not None:
        footnote = f"Added hits purple, removed hits orange. {footnote}"
    axis.text(6, height - 6, footnote, ha="left", va="bottom", fontsize=7.5, color=MUTED)
    axis.imshow(sheet, interpolation="nearest", aspect="auto")
    return rendered(figure)


def _pixels(grid_TV: Tensor, reference_TV: Tensor | None, steps_per_beat: int) -> np.ndarray:
    """A bar's cells as pixels, the first voice at the bottom, every other beat shaded, in a thin frame."""
    cells_TV3 = drawing.shaded(grid_TV[None], steps_per_beat)[0]
    if reference_TV is not None:
        hit_TV, reference_TV = grid_TV.bool().cpu().numpy(), reference_TV.bool().cpu().numpy()
        cells_TV3[hit_TV & ~reference_TV] = to_rgb(drawing.INVENTED)
        cells_TV3[~hit_TV & reference_TV] = to_rgb(drawing.MISSED)
    pixels = cells_TV3.swapaxes(0, 1)[::-1].repeat(CELL, 0).repeat(CELL, 1)
    pixels[[0, -1]] = pixels[:, [0, -1]] = drawing.BEAT_RULE
    return pixels


def association_map(dimensions: Sequence[Dimension]) -> np.ndarray:
    """Active dimensions × features: ρ on held-out bars, framed where the feature names the dimension.

    If there are more than `MAX_ROWS`, the most active ones.
    """
    busiest = sorted(dimensions, key=lambda each: -each.kl)[:MAX_ROWS]
    rows = [each for each in dimensions if each in busiest]
    rho_LF = np.array([[pair.rho for pair in each.features] for each in rows], dtype=float)  # NaN where undefined
    names = [pair.name for pair in rows[0].features]
    height = 2.3 + 0.27 * len(rows)
    figure = Figure(figsize=(max(10.5, 0.48 * len(names)), height), dpi=DPI)
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
    bar.set_ticks([-1, -MIN_RHO, 0, MIN_RHO, 1], labels=["−1", f"−{MIN_RHO}", "0", str(MIN_RHO), "1"])
    bar.set_label("Spearman's ρ on held-out bars", fontsize=8.5)
    missing = len(dimensions) - len(rows)
    note = "Framed: the feature that the dimension is named after."
    note += f" {missing} less active ones are in associations.csv." if missing else ""
    figure.text(0.45, 0.57 / height, note, fontsize=8.5, color="#4a4a4a", va="bottom")
    return rendered(figure)


def latent_map(fit_codes: Mapping[str, Tensor], held_codes: Mapping[str, Tensor], held: EncodedSplit) -> np.ndarray:
    """Held-out codes of each level along the first two principal components of `fit`, coloured by style.

    Both axes of a level are equally long and reach at least ±`MIN_REACH`, so that a collapsed level is a dot.
    """
    counts = held.styles_N.bincount(minlength=len(held.style_names)).tolist()
    styles = [style for style, count in enumerate(counts) if count]
    figure, axes = panels(len(held_codes), 4.8 * len(held_codes), 5.0, right=1.9)
    for axis, (level, codes_NL) in zip(axes, held_codes.items(), strict=True):
        points_N2, explained_2 = principal(fit_codes[level], codes_NL)
        for style in sorted(styles, key=counts.__getitem__, reverse=True):  # rare ones on top
            x_N, y_N = points_N2[(held.styles_N == style).cpu().numpy()].T
            colour, mark = look(style)
            axis.scatter(x_N, y_N, s=13, color=colour, marker=mark, alpha=0.7, linewidths=0)
        reach = max(MIN_REACH, 1.05 * np.abs(points_N2).max())
        axis.set(
            xlim=(-reach, reach),
            ylim=(-reach, reach),
            xlabel=f"first component, {explained_2[0]:.0%} of the variance",
            ylabel=f"second component, {explained_2[1]:.0%}",
        )
        relative = ", relative to its prior" if axis is not axes[0] else ""
        axis.set_title(f"z_{level}{relative}: {held.kl[level].sum():.2f} nats", fontsize=10.5)
    handles = [
        Line2D([], [], linestyle="", marker=mark, color=colour, label=held.style_names[style], markersize=6)
        for style in styles
        for colour, mark in [look(style)]
    ]
    figure.legend(handles=handles, loc="center right", frameon=False, fontsize=8.5)
    return rendered(figure)


def principal(fit_NL: Tensor, held_NL: Tensor) -> tuple[np.ndarray, list[float]]:
    """Codes along the first two principal components of `fit` [N, 2], and their shares of the codes' variance.

    The second coordinate is 0 where a level has one dimension.
    """
    fit_NL, held_NL = (codes_NL.double().cpu().numpy() for codes_NL in (fit_NL, held_NL))
    points_N2 = np.zeros((len(held_NL), 2))
    num = min(2, *fit_NL.shape)
    with np.errstate(invalid="ignore"):  # a share of no variance
        points_N2[:, :num] = PCA(num).fit(fit_NL).transform(held_NL)
    total = max(held_NL.var(0).sum(), np.finfo(float).tiny)
    return points_N2, (points_N2.var(0) / total).tolist()
