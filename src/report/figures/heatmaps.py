"""Heat maps: class shares by name, and survival of classes during training.

E evaluations, K classes.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure

from src.core.plain_data import is_number
from src.report.figures import style
from src.report.figures.style import COLOURS, INK, WIDTH, bare, png, short, styled
from src.report.records import ABSENT
from src.report.section import Section
from src.report.trajectories import MOST_CLASSES, characters, recorded, survival

COLUMNS = 5  # panels in a row
LIMIT = 3.0  # doublings: from an eighth of an equal share to eight times it
DOUBLINGS = {-3: "⅛ or less", -2: "¼", -1: "½", 0: "equal", 1: "2×", 2: "4×", 3: "8× or more"}
LOST_DARK = "GnBu_r"  # its lightness changes evenly, for print and colour blindness


def heat_map(axes: Axes, values: np.ndarray, rows: Sequence[str], seen: Any = None, **look: Any) -> QuadMesh:
    """Values [rows, columns] from top to bottom; columns are evaluations after so many samples, or classes."""
    places = np.arange(values.shape[1]) if seen is None else np.asarray(seen, float)
    steps = np.diff(places) / 2 if len(places) > 1 else np.array([0.5])
    edges = np.concatenate([[places[0] - steps[0]], places[:-1] + np.diff(places) / 2, [places[-1] + steps[-1]]])
    image = axes.pcolormesh(edges, np.arange(len(values) + 1) - 0.5, values, **look)
    bare(axes, rows)
    if seen is not None:
        style.count_axis(axes.xaxis, 3)
        axes.tick_params(axis="x", length=2, labelsize=8, labelbottom=True)
    return image


def shares(section: Section) -> dict[str, np.ndarray]:
    """Mean over runs of class shares in units of an equal share, of held-out real data and of each name.

    Empty where no name has any.
    """
    lists = {"real, held out": [run.controls.get("real", {}).get("shares") for run in section.included]}
    lists |= {s.label: [run.metrics.get("shares") for run in s.included] for s in section.summaries}
    num, found = len(section.classes), {}
    for name, rows in lists.items():
        whole = [row for row in rows if isinstance(row, list) and len(row) == num]
        known = [np.array([value if is_number(value) else 0.0 for value in row]) for row in whole]
        if relative := [row / row.sum() * num for row in known if row.sum() > 0]:
            found[name] = np.mean(relative, axis=0)
    return found if 2 <= num <= MOST_CLASSES and len(found) > ("real, held out" in found) else {}


def share_data(section: Section) -> dict[str, Any]:
    """The shares as the page's script draws them."""
    bars = {name: [float(f"{value:.3g}") for value in row] for name, row in shares(section).items()}
    return {
        "classes": section.classes,
        "bars": bars,
        "absent": {s.label: s.absences(ABSENT) for s in section.summaries},
    }


@styled
def share_map(section: Section) -> bytes | None:
    """Rows are held-out real data and the names; a number shows in how many seeds the class is missing."""
    classes, rows = section.classes, {short(name): row for name, row in shares(section).items()}
    absent = {short(s.label): s.absences(ABSENT) for s in section.summaries}
    if not rows:
        return None
    doublings = np.log2(np.clip(np.stack([*rows.values()]), 2**-LIMIT, 2**LIMIT))
    figure = Figure(figsize=(WIDTH, 1.35 + 0.36 * len(rows)), layout="constrained")
    axes = figure.add_subplot()
    look = {"cmap": "RdBu_r", "vmin": -LIMIT, "vmax": LIMIT, "edgecolor": "white", "linewidth": 1.5}
    image = heat_map(axes, doublings, [*rows], **look)
    for (row, column), value in np.ndenumerate(doublings):
        if number := absent.get([*rows][row], {}).get(classes[column]):
            ink = "white" if abs(value) > LIMIT / 2 else INK
            axes.text(column, row, str(number), ha="center", va="center", fontsize=8.5, color=ink)
    axes.set_xticks(range(len(classes)), classes, rotation=0 if max(map(len, classes)) < 3 else 90)
    axes.xaxis.tick_top()
    axes.tick_params(length=0, labelsize=9, labelcolor=INK)
    style.colour_bar(figure, image, DOUBLINGS)
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
    figure, grid = style.panels(len(drawn), height, columns=min(COLUMNS, len(drawn)), key=True)
    names = [section.classes[k] for k in order_K]
    for axes, (summary, (seen_E, covered_EK)) in zip(grid, drawn, strict=True):
        image = heat_map(axes, covered_EK[:, order_K].T, names, seen_E, cmap=LOST_DARK, vmin=0, vmax=1)
        for onset in filter(None, (run.mode_onset for run in recorded(summary))):
            axes.plot(onset, -0.5, "v", color=COLOURS[2], markersize=5.5, clip_on=False)
        axes.set_title(short(summary.label, 24), pad=7)
        axes.tick_params(axis="y", labelsize=7, labelcolor=INK)
    what = "covered in {} seed" if characters(section) == 1 else "{} mode with it covered"
    style.colour_bar(figure, image, {0: what.format("no"), 0.5: "half", 1: what.format("every")})
    style.label_panels(figure, f"training {section.unit} seen")
    return png(figure)
