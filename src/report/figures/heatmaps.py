"""Heat maps: class shares by name, and survival of classes during training.

E evaluations, K classes.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure

from src.core.plain_data import is_number
from src.report.figures.style import (
    COLOURS,
    INK,
    WIDTH,
    bare,
    colour_bar,
    count_axis,
    label_panels,
    panels,
    png,
    short,
    styled,
)
from src.report.section import Section
from src.report.trajectories import ABSENT, MOST_CLASSES, characters, recorded, survival

COLUMNS = 5  # panels in a row
LIMIT = 3.0  # doublings: from an eighth of an equal share to eight times it
DOUBLINGS = {-3: "⅛ or less", -2: "¼", -1: "½", 0: "equal", 1: "2×", 2: "4×", 3: "8× or more"}
LOST_DARK = "GnBu_r"  # its lightness changes evenly, for print and colour blindness


def heat_map(axes: Axes, values: np.ndarray, rows: Sequence[str] | None, seen: Any = None, **look: Any) -> QuadMesh:
    """Values [rows, columns] from top to bottom; columns are evaluations after so many samples, or classes."""
    places = np.arange(values.shape[1]) if seen is None else np.asarray(seen, float)
    steps = np.diff(places) / 2 if len(places) > 1 else np.array([0.5])
    edges = np.concatenate([[places[0] - steps[0]], places[:-1] + np.diff(places) / 2, [places[-1] + steps[-1]]])
    image = axes.pcolormesh(edges, np.arange(len(values) + 1) - 0.5, values, **look)
    bare(axes, rows)
    if seen is not None:
        count_axis(axes.xaxis, 3)
        axes.tick_params(axis="x", length=2, labelsize=8, labelbottom=True)
    return image


def relative_shares(lists: Iterable[object], num_classes: int) -> np.ndarray | None:
    """Mean over runs of class shares in units of an equal share, (classes,); None without data."""
    rows = []
    for values in lists:
        if isinstance(values, list) and len(values) == num_classes:
            shares = np.array([value if is_number(value) else 0.0 for value in values], dtype=float)
            if shares.sum() > 0:
                rows.append(shares / shares.sum() * num_classes)
    return np.mean(rows, axis=0) if rows else None


def _shares(section: Section) -> dict[str, np.ndarray]:
    """Relative shares of held-out real data and of each name; empty where no name has any."""
    lists = {"real, held out": [run.controls.get("real", {}).get("shares") for run in section.included]}
    lists |= {s.label: [run.metrics.get("shares") for run in s.included] for s in section.summaries}
    shares = {name: relative_shares(rows, len(section.classes)) for name, rows in lists.items()}
    shares = {name: row for name, row in shares.items() if row is not None}
    return shares if 2 <= len(section.classes) <= MOST_CLASSES and len(shares) > ("real, held out" in shares) else {}


def share_data(section: Section) -> dict[str, Any]:
    """The shares as the page's script draws them."""
    bars = {name: [float(f"{value:.3g}") for value in row] for name, row in _shares(section).items()}
    absent = {s.label: s.absences(ABSENT) for s in section.summaries}
    return {"classes": section.classes, "bars": bars, "absent": absent}


@styled
def share_map(section: Section) -> bytes | None:
    """Rows are held-out real data and the names; a number shows in how many seeds the class is missing."""
    classes, shares = section.classes, {short(name): row for name, row in _shares(section).items()}
    absent = {short(s.label): s.absences(ABSENT) for s in section.summaries}
    if not shares:
        return None
    doublings = np.log2(np.clip(np.stack([*shares.values()]), 2**-LIMIT, 2**LIMIT))
    figure = Figure(figsize=(WIDTH, 1.35 + 0.36 * len(shares)), layout="constrained")
    axes = figure.add_subplot()
    look = {"cmap": "RdBu_r", "vmin": -LIMIT, "vmax": LIMIT, "edgecolor": "white", "linewidth": 1.5}
    image = heat_map(axes, doublings, [*shares], **look)
    for (row, column), value in np.ndenumerate(doublings):
        if number := absent.get([*shares][row], {}).get(classes[column]):
            ink = "white" if abs(value) > LIMIT / 2 else INK
            axes.text(column, row, str(number), ha="center", va="center", fontsize=8.5, color=ink)
    axes.set_xticks(range(len(classes)), classes, rotation=0 if max(map(len, classes)) < 3 else 90)
    axes.xaxis.tick_top()
    axes.tick_params(length=0, labelsize=9, labelcolor=INK)
    colour_bar(figure, image, DOUBLINGS)
    return png(figure)


@styled
def survival_map(section: Section) -> bytes | None:
    """A panel per name, all with the same classes from top to bottom and one scale.

    The class that lasts longest under the first name drawn is on top. Triangles: onsets, one per seed.
    """
    drawn = [(summary, values) for summary in section.summaries if (values := survival(section, summary))]
    if not drawn:
        return None
    order_K = np.argsort(-drawn[0][1][1].mean(0), kind="stable")
    height = max(1.4, 0.115 * len(order_K))  # inches, enough for the names of the classes
    figure, grid = panels(len(drawn), height, columns=min(COLUMNS, len(drawn)), key=True)
    names = [section.classes[k] for k in order_K]
    for axes, (summary, (seen_E, covered_EK)) in zip(grid, drawn, strict=True):
        image = heat_map(axes, covered_EK[:, order_K].T, names, seen_E, cmap=LOST_DARK, vmin=0, vmax=1)
        for onset in filter(None, (run.mode_onset for run in recorded(summary))):
            axes.plot(onset, -0.5, "v", color=COLOURS[2], markersize=5.5, clip_on=False)
        axes.set_title(short(summary.label, 24), pad=7)
        axes.tick_params(axis="y", labelsize=7, labelcolor=INK)
    what = "covered in {} seed" if characters(section) == 1 else "{} mode with it covered"
    colour_bar(figure, image, {0: what.format("no"), 0.5: "half", 1: what.format("every")})
    label_panels(figure, f"training {section.unit} seen")
    return png(figure)
