"""Early-warning signals of the baseline's seeds while training, beside the modes that are covered and the onset."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from src.core.metric_specs import compact, metric_spec
from src.report.early_warning import moved, signals
from src.report.figures.style import COLOURS, INK, MUTED, STYLES, along_the_bottom, panels, png, style_axes
from src.report.grouping import Section
from src.report.records import Run

COLUMNS = 3
LOG_SCALED = {"generator_gradient", "discriminator_gradient"}


def signal_curves(section: Section) -> bytes | None:
    """A panel per signal, a colour per seed, as many seeds as there are colours; None without signals."""
    keys = signals(section)
    runs = [run for run in section.summaries[0].included if any(run.history.has(key) for key in keys)]
    runs = runs[: len(COLOURS)]
    if not runs:
        return None
    shown = ["modes", *keys]
    figure, grid = panels(len(shown), 1.6, columns=COLUMNS, legend=True, own=True)
    for axes, key in zip(grid, shown, strict=True):
        for number, run in enumerate(runs):
            _draw(axes, run, key, number)
        _dress(axes, key)
    _legend(figure, runs)
    along_the_bottom(figure, f"training {section.unit} seen")
    return png(figure)


def _draw(axes: Axes, run: Run, key: str, number: int) -> None:
    """The curve, a dot where it moved, an upright line at the onset whose dashes leave gaps for the next seed's."""
    colour, dashes = COLOURS[number], (4 * number, (4, 4))
    seen, values = run.history.column("images_seen"), run.history.column(key)
    known = np.isfinite(values)
    axes.plot(seen[known], values[known], color=colour, linestyle=STYLES[number % len(STYLES)], linewidth=1.4)
    if run.onset:
        axes.axvline(run.onset, color=colour, linewidth=1.2, linestyle=dashes, zorder=0.9)
    when = moved(run, key) if key != "modes" else None
    if when is not None:
        axes.plot(when, values[seen == when], "o", color=colour, markersize=8, markeredgecolor="white")


def _dress(axes: Axes, key: str) -> None:
    axes.set_title(metric_spec(key).label, fontsize=10, loc="left", color=INK, y=1)
    if key in LOG_SCALED:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=6))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
    else:
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=key == "modes"))
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: compact(value)))
    axes.tick_params(labelbottom=True)
    style_axes(axes)


def _legend(figure: Figure, runs: Sequence[Run]) -> None:
    seeds = {
        f"seed {run.seed}": Line2D([], [], color=COLOURS[i], linestyle=STYLES[i % len(STYLES)])
        for i, run in enumerate(runs)
    }
    marks = {
        "onset": Line2D([], [], color=MUTED, marker="|", linestyle="", markersize=11),
        "moved": Line2D([], [], color=MUTED, marker="o", linestyle="", markersize=8),
    }
    handles = seeds | marks
    figure.legend(
        handles.values(), handles, loc="upper left", ncols=len(handles), frameon=False, fontsize=9.5,
        labelcolor=INK,
    )  # fmt: skip
