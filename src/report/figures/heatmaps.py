"""Heat maps: class shares by name, survival of classes and KL of latent dimensions during training.

E evaluations, K classes.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from src.core.metric_specs import LEAST_KL
from src.core.plain_data import is_number
from src.evaluation.metrics.onset import ACTIVE_NATS
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
from src.report.grouping import Section, Summary
from src.report.records import Run
from src.report.trajectories import ABSENT, MOST_CLASSES, characters, recorded, survival

COLUMNS, ROWS = 5, 3  # panels of one figure of survival
LIMIT = 3.0  # doublings: from an eighth of an equal share to eight times it
DOUBLINGS = {-3: "⅛ or less", -2: "¼", -1: "½", 0: "equal", 1: "2×", 2: "4×", 3: "8× or more"}
LOST_DARK, INFORMATION_DARK = "GnBu_r", "YlGnBu"  # their lightness changes evenly, for print and colour blindness


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


@styled
def share_map(section: Section) -> bytes | None:
    """Rows are held-out real data and the names; a number shows in how many seeds the class is missing."""
    classes = section.classes
    if not 2 <= len(classes) <= MOST_CLASSES:
        return None
    lists = {"real, held out": [run.controls.get("real", {}).get("shares") for run in section.included]}
    lists |= {short(s.label): [run.metrics.get("shares") for run in s.included] for s in section.summaries}
    absent = {short(s.label): s.absences(ABSENT) for s in section.summaries}
    shares = {name: relative_shares(rows, len(classes)) for name, rows in lists.items()}
    shares = {name: row for name, row in shares.items() if row is not None}
    if not shares.keys() & absent.keys():
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
def survival_maps(section: Section) -> list[bytes]:
    """One figure, or several where the names are many; all have the same classes from top to bottom and one scale.

    The class that lasts longest under the first name drawn is on top. Triangles: onsets, one per seed.
    """
    drawn = [(summary, values) for summary in section.summaries if (values := survival(section, summary))]
    if not drawn:
        return []
    order_K = np.argsort(-drawn[0][1][1].mean(0), kind="stable")
    size = COLUMNS * ROWS
    return [_survival(section, drawn[first : first + size], order_K) for first in range(0, len(drawn), size)]


Survival = tuple[Summary, tuple[np.ndarray, np.ndarray]]


def _survival(section: Section, drawn: Sequence[Survival], order_K: np.ndarray) -> bytes:
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


@styled
def dimension_maps(section: Section) -> bytes | None:
    """The first seed of each name; rows are dimensions, columns evaluations; None if no history has them."""
    measured = {s.label: [(run, _levels(section, run)) for run in s.included] for s in section.summaries}
    firsts = ((label, next((pair for pair in runs if pair[1]), None)) for label, runs in measured.items())
    drawn = [(label, *pair) for label, pair in firsts if pair]
    if not drawn:
        return None
    num_dims = max(sum(map(len, levels.values())) for *_, levels in drawn)
    figure, grid = panels(len(drawn), min(1.9, 0.5 + 0.07 * num_dims), own=True, key=True)
    largest = max(float(np.nanmax(values)) for *_, levels in drawn for values in levels.values())
    look = {"cmap": INFORMATION_DARK, "norm": LogNorm(LEAST_KL, max(largest, 10 * ACTIVE_NATS))}
    for axes, (label, run, levels) in zip(grid, drawn, strict=True):
        stacked = _stacked(levels)
        image = heat_map(axes, stacked, None, run.history.column("images_seen"), **look)
        starts = np.cumsum([0, *(len(values) + 1 for values in levels.values())])[:-1]
        middles = [start + (len(values) - 1) / 2 for start, values in zip(starts, levels.values(), strict=True)]
        axes.set_yticks(middles, [*levels], rotation=90, va="center")
        axes.set_ylim(len(stacked) - 0.5, -0.5)
        axes.set_title(f"{short(label, 20)}, seed {run.seed}")
    colour_bar(figure, image, {LEAST_KL: "0.01 nats or less", ACTIVE_NATS: "0.1", 1: "1"})
    label_panels(figure, f"training {section.unit} seen")
    return png(figure)


def _levels(section: Section, run: Run) -> dict[str, np.ndarray]:
    """KL of each level's dimensions, shape (dimensions, evaluations), the largest at the end of training on top."""
    columns = {level: run.history.vectors(f"kl_{level}_dims") for level in section.family.levels}
    return {
        level: values[:, np.argsort(-values[-1], kind="stable")].T
        for level, values in columns.items()
        if values is not None
    }


def _stacked(levels: dict[str, np.ndarray]) -> np.ndarray:
    """All levels in one map, an empty row between them."""
    gap = np.full((1, next(iter(levels.values())).shape[1]), np.nan)
    pieces = [piece for values in levels.values() for piece in (gap, values)][1:]
    return np.clip(np.concatenate(pieces), LEAST_KL, None)
