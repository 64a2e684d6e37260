"""Survival of each class while training: a map of classes by samples seen for each name, averaged over seeds.

E evaluations, K classes.
"""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.ticker import FuncFormatter, MaxNLocator

from src.core.metric_specs import compact
from src.report.figures.shares import ABSENT, MOST_CLASSES
from src.report.figures.style import COLOURS, INK, MUTED, along_the_bottom, colour_bar, panels, png, short
from src.report.grouping import Section, Summary
from src.report.records import Run

COLUMNS, ROWS = 5, 3  # panels of one figure
COLOUR_MAP = "GnBu_r"  # dark is lost; its lightness changes evenly, for print and for colour blindness
HEIGHT = 0.115  # inches a class, enough for its name


def recorded(summary: Summary) -> tuple[Run, ...]:
    """The averaged runs whose histories tell which modes were covered."""
    return tuple(run for run in summary.included if run.history.absences(ABSENT) is not None)


def survival(section: Section, summary: Summary) -> tuple[np.ndarray, np.ndarray] | None:
    """Samples seen [E] and the share of seeds [E, K] in which each class is covered then; None where it is unknown.

    Averaged where every seed has an evaluation. A class of stacked characters counts in each seed by the share of the
    modes with it, in any place, that are covered.
    """
    classes, places = section.classes, characters(section)
    runs = recorded(summary)
    if not runs or not places:
        return None
    tables = [_covered(run, classes, places) for run in runs]
    seen = sorted(set.intersection(*map(set, tables)))
    if not seen:
        return None
    return np.array(seen), np.array([np.mean([table[turn] for table in tables], axis=0) for turn in seen])


def characters(section: Section) -> int:
    """Classes that make a mode: 1 where they are the modes, 0 where the modes cannot be told apart by class."""
    classes = section.classes
    if not section.num_modes or not 2 <= len(classes) <= MOST_CLASSES:
        return 0
    places = round(math.log(section.num_modes, len(classes)))
    told_apart = places == 1 or all(len(name) == 1 for name in classes)
    return places if told_apart and len(classes) ** places == section.num_modes else 0


def _covered(run: Run, classes: Sequence[str], places: int) -> dict[float, np.ndarray]:
    """Share of each class's modes that are covered, [K], by samples seen."""
    num_modes_with = len(classes) ** places - (len(classes) - 1) ** places
    table = {}
    for seen, absent in zip(run.history.column("images_seen").tolist(), run.history.absences(ABSENT), strict=True):
        lost = Counter(name for mode in absent for name in (set(mode) if places > 1 else {mode}))
        table[seen] = 1 - np.array([lost[name] for name in classes]) / num_modes_with
    return table


def survival_maps(section: Section) -> list[bytes]:
    """One figure, or several where the names are many; all have the same classes from top to bottom and one scale.

    The class that lasts longest under the first name drawn is on top. Triangles: onsets, one a seed.
    """
    found = [(summary, values) for summary in section.summaries if (values := survival(section, summary))]
    if not found:
        return []
    order_K = np.argsort(-found[0][1][1].mean(0), kind="stable")
    size = COLUMNS * ROWS
    return [_figure(section, found[first : first + size], order_K) for first in range(0, len(found), size)]


def _figure(
    section: Section, found: Sequence[tuple[Summary, tuple[np.ndarray, np.ndarray]]], order_K: np.ndarray
) -> bytes:
    height = max(1.4, HEIGHT * len(order_K))
    figure, grid = panels(len(found), height, columns=min(COLUMNS, len(found)), key=True)
    for axes, (summary, (seen_E, covered_EK)) in zip(grid, found, strict=True):
        image = _draw(axes, summary, seen_E, covered_EK[:, order_K])
    names = [section.classes[k] for k in order_K]
    grid[0].set_yticks(range(len(names)), names)
    grid[0].set_ylim(len(names) - 0.5, -0.5)
    bar = colour_bar(figure, image)
    what = "covered in {} seed" if characters(section) == 1 else "{} mode with it covered"
    bar.set_ticks([0, 0.5, 1], labels=[what.format("no"), "half", what.format("every")])
    along_the_bottom(figure, f"training {section.unit} seen")
    return png(figure)


def _draw(axes: Axes, summary: Summary, seen_E: np.ndarray, covered_EK: np.ndarray) -> QuadMesh:
    """One panel; a cell is centred on its evaluation."""
    rows_K = np.arange(covered_EK.shape[1])
    image = axes.pcolormesh(seen_E, rows_K, covered_EK.T, shading="nearest", cmap=COLOUR_MAP, vmin=0, vmax=1)
    for onset in filter(None, (run.mode_onset for run in recorded(summary))):
        axes.plot(onset, -0.5, "v", color=COLOURS[2], markersize=5.5, clip_on=False)
    axes.set_title(short(summary.label, 24), fontsize=9, loc="left", color=INK, y=1, pad=7)
    axes.xaxis.set_major_locator(MaxNLocator(3))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: compact(value)))
    axes.tick_params(axis="x", length=2, labelsize=8, colors=MUTED, labelbottom=True)
    axes.tick_params(axis="y", length=0, labelsize=7, colors=INK)
    axes.spines[:].set_visible(False)
    return image
