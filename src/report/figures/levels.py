"""Learning curves per latent level: KL against the line of collapse, active dimensions, β."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from src.core.metric_specs import LEAST_KL, compact
from src.evaluation.metrics.onset import ACTIVE_NATS
from src.report.figures.curves import draw
from src.report.figures.style import (
    COLOURS,
    INK,
    MUTED,
    STYLES,
    along_the_bottom,
    along_the_left,
    panels,
    png,
    short,
    style_axes,
)
from src.report.grouping import Section, Summary

QUANTITIES = {"kl": "KL, nats", "active": "active dimensions", "beta": "β"}


def level_curves(section: Section, quantity: str) -> bytes | None:
    """A panel per name, in it a line and a band per level; None without a history."""
    keys = _distinct(section, {level: f"{quantity}_{level}" for level in section.family.levels})
    drawn = [s for s in section.summaries if any(run.history.has(key) for run in _runs(s) for key in keys.values())]
    if not drawn:
        return None
    figure, grid = panels(len(drawn), 1.35, columns=min(4, max(2, len(drawn))), legend=True)
    looks = {title: look for title, *look in zip(keys, COLOURS[1:], STYLES, strict=False)}
    for axes, summary in zip(grid, drawn, strict=True):
        for title, key in keys.items():
            draw(axes, summary, key, *looks[title])
    _scale(grid[0], quantity)
    for axes, summary in zip(grid, drawn, strict=True):
        _dress(axes, short(summary.label, 28), quantity)
    return _finish(figure, looks, section, quantity)


def _distinct(section: Section, keys: dict[str, str]) -> dict[str, str]:
    """Column by title; one for all levels where they never differ."""
    histories = [run.history for run in section.runs if run.history.rows]
    present = {f"level {level}": key for level, key in keys.items() if any(h.has(key) for h in histories)}
    first, *others = present.values() or [""]
    same = all(np.array_equal(h.column(first), h.column(key), equal_nan=True) for h in histories for key in others)
    return {"both levels": first} if others and same else present


def _runs(summary: Summary) -> Sequence:
    return (*summary.included, *summary.excluded)


def _scale(axes: Axes, quantity: str) -> None:
    """Scales and ticks, which all panels share."""
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: compact(value)))
    if quantity == "kl":
        axes.set_yscale("log")
        axes.set_ylim(bottom=0.9 * LEAST_KL)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
    else:
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=quantity == "active"))


def _dress(axes: Axes, title: str, quantity: str) -> None:
    """Title, and for KL the zone in which a level counts as collapsed."""
    axes.set_title(title, fontsize=9.5, loc="left", color=INK, y=1)
    if quantity == "kl":
        axes.tick_params(axis="y", which="minor", length=0)
        axes.axhspan(0.9 * LEAST_KL, ACTIVE_NATS, color="#f1efe9", zorder=0, linewidth=0)
        axes.axhline(ACTIVE_NATS, color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
        axes.annotate(
            "collapsed", (0.02, ACTIVE_NATS), xycoords=("axes fraction", "data"), xytext=(0, -3),
            textcoords="offset points", fontsize=8, color=MUTED, va="top",
        )  # fmt: skip
    style_axes(axes)


def _finish(figure: Figure, looks: Mapping[str, Sequence], section: Section, quantity: str) -> bytes:
    """Axis labels and a legend above the panels, where it covers nothing."""
    handles = [Line2D([], [], color=colour, linestyle=style, linewidth=2.2) for colour, style in looks.values()]
    figure.legend(
        handles, looks, loc="upper left", ncols=len(looks), frameon=False, fontsize=9.5, labelcolor=INK,
        handlelength=3,
    )  # fmt: skip
    along_the_bottom(figure, f"training {section.unit} seen")
    along_the_left(figure, QUANTITIES[quantity])
    return png(figure)
