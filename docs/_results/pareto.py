"""The picture of docs/results_gan.md and docs/results_vae.md: what each name reaches against what it costs."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.text import Annotation, Text
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from matplotlib.transforms import Bbox

from docs._results.comparison import Page
from src.report.figures.style import BEHIND, COLOURS, INK, png, short, styled

SIDES = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))
OFFSETS = [
    (reach * x, reach * y) for reach in (7, 14, 24, 36, 50, 70, 95) for x, y in SIDES
]  # in points, the nearest first


@styled
def pareto(page: Page) -> bytes:
    """Interquartile mean score with its interval against training time; a line joins the names that none dominates."""
    known = [(one, page.points[one.name]) for one in page.aggregates if one.name in page.points]
    figure = Figure(figsize=(7.5, 4.4), layout="constrained")
    axes = figure.add_subplot()
    costs, values = np.array([time for _, time in known]), np.array([one.iqm.mean for one, _ in known])
    best = front(costs, values)
    axes.plot(costs[best], values[best], color=BEHIND, linewidth=1.2, drawstyle="steps-post", zorder=1)
    for (one, cost), value in zip(known, values, strict=True):
        colour = INK if one.better is None else COLOURS[1]
        if one.iqm.low is not None:
            axes.plot([cost, cost], [one.iqm.low, one.iqm.high], color=colour, linewidth=1.1, alpha=0.6, zorder=2)
        axes.scatter(cost, value, s=34, color=colour, zorder=3)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} ×"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.margins(0.12)
    axes.set(xlabel="training time, over the baseline's", ylabel="interquartile mean score")
    label(axes, [short(page.labels[one.name]) for one, _ in known], np.stack([costs, values], 1))
    return png(figure)


def front(costs: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Places of the points that no other beats at no more cost, the cheapest first."""
    order = np.lexsort((-values, costs))
    reached = np.maximum.accumulate(values[order])
    return order[np.append(True, values[order][1:] > reached[:-1])]


def label(axes: Axes, texts: Sequence[str], points: np.ndarray) -> None:
    """Puts a text beside each point [N, 2], at the nearest place where it covers neither a point nor another text.

    Where there is no room at all it stands at the first place, as it is.
    """
    canvas = FigureCanvasAgg(axes.figure)
    canvas.draw()
    renderer, inside = canvas.get_renderer(), axes.get_window_extent()
    taken = [Bbox([place - 5, place + 5]) for place in axes.transData.transform(points)]
    halo = [withStroke(linewidth=2.5, foreground="white")]  # over lines

    def put(text: str, point: np.ndarray, x: int, y: int) -> Annotation:
        across = "left" if x > 0 else "right" if x < 0 else "center"
        up = "bottom" if y > 0 else "top" if y < 0 else "center"
        line = {"arrowstyle": "-", "color": BEHIND, "linewidth": 0.6} if max(abs(x), abs(y)) > OFFSETS[0][0] else None
        note = axes.annotate(text, point, (x, y), textcoords="offset points", ha=across, va=up, arrowprops=line)
        note.set(fontsize=8, color=INK, path_effects=halo, zorder=4)
        note.update_positions(renderer)
        return note

    for text, point in zip(texts, points, strict=True):
        for offset in OFFSETS:
            note = put(text, point, *offset)
            box = Text.get_window_extent(note, renderer).padded(1)  # without the line to its point
            within = inside.contains(box.x0, box.y0) and inside.contains(box.x1, box.y1)
            if within and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                break
            note.remove()
        else:
            put(text, point, *OFFSETS[0])
