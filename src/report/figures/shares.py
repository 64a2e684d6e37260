"""Heat map of names by classes: how much of each class a generator makes, against an even share."""

from collections.abc import Iterable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from src.core.plain_data import is_number
from src.report.figures.style import INK, MUTED, WIDTH, png, short
from src.report.grouping import Section

ABSENT = "missing"  # the metric, and the history's column, of modes that are not covered
MOST_CLASSES = 62
LIMIT = 3.0  # doublings: from an eighth of an even share to eight times it


def relative_shares(lists: Iterable[object], num_classes: int) -> np.ndarray | None:
    """Mean over runs of class shares in units of an even share, (classes,); None without data."""
    rows = []
    for values in lists:
        if isinstance(values, list) and len(values) == num_classes:
            shares = np.array([value if is_number(value) else 0.0 for value in values], dtype=float)
            if shares.sum() > 0:
                rows.append(shares / shares.sum() * num_classes)
    return np.mean(rows, axis=0) if rows else None


def share_map(section: Section) -> bytes | None:
    """Rows are held-out real data and the names; a number tells in how many seeds the class is missing."""
    classes = section.classes
    if not 2 <= len(classes) <= MOST_CLASSES:
        return None
    real = relative_shares((r.controls.get("real", {}).get("shares") for r in section.included), len(classes))
    rows = [("real, held out", real, {})]
    for summary in section.summaries:
        shares = relative_shares((run.metrics.get("shares") for run in summary.included), len(classes))
        rows.append((short(summary.label), shares, summary.absences(ABSENT)))
    rows = [row for row in rows if row[1] is not None]
    if len(rows) < 1 + (real is not None):
        return None
    figure = Figure(figsize=(WIDTH, 1.35 + 0.36 * len(rows)), layout="constrained")
    axes = figure.add_subplot()
    doublings = np.log2(np.clip(np.stack([row[1] for row in rows]), 2**-LIMIT, 2**LIMIT))
    image = axes.imshow(doublings, cmap="RdBu_r", vmin=-LIMIT, vmax=LIMIT, aspect="auto")
    for i, (_, _, absent) in enumerate(rows):
        for j, name in enumerate(classes):
            if absent.get(name):
                ink = "white" if abs(doublings[i, j]) > LIMIT / 2 else INK
                axes.text(j, i, str(absent[name]), ha="center", va="center", fontsize=8.5, color=ink)
    _label(axes, [row[0] for row in rows], classes)
    _key(figure, axes, image)
    return png(figure)


def _label(axes: Axes, names: list[str], classes: tuple[str, ...]) -> None:
    axes.set_xticks(range(len(classes)), classes, rotation=0 if max(map(len, classes)) < 3 else 90)
    axes.set_yticks(range(len(names)), names)
    axes.xaxis.tick_top()
    axes.tick_params(length=0, labelsize=9, colors=INK)
    axes.spines[:].set_visible(False)
    axes.set_xticks(np.arange(len(classes) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(names) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1.5)
    axes.tick_params(which="minor", length=0, top=False)


def _key(figure: Figure, axes: Axes, image: AxesImage) -> None:
    bar = figure.colorbar(image, ax=axes, location="bottom", shrink=0.5, aspect=45, pad=0.03)
    bar.set_ticks([-3, -2, -1, 0, 1, 2, 3], labels=["⅛ or less", "¼", "½", "even", "2×", "4×", "8× or more"])
    bar.ax.tick_params(labelsize=8, colors=MUTED, length=2)
    bar.outline.set_visible(False)
