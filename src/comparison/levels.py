"""Learning curves per latent level: KL against the line of collapse, active dimensions, β."""

from collections.abc import Sequence
from math import ceil

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from src.comparison.canvas import COLOURS, INK, MUTED, WIDTH, png, quiet, short
from src.comparison.curves import draw
from src.comparison.measures import LEAST_KL, compact
from src.comparison.sections import Section, Summary
from src.metrics.onset import ACTIVE_NATS

QUANTITIES = {"kl": "KL, nats", "active": "active dimensions", "beta": "β"}
SCHEDULES = {"beta"}  # alike in every seed and often between names: lines would hide each other
COLUMNS = 4


def level_curves(section: Section, quantity: str) -> bytes | None:
    """A panel per level, or a panel per name once the names outnumber the colours; None without a history."""
    keys = _distinct(section, {level: f"{quantity}_{level}" for level in section.family.levels})
    if not keys:
        return None
    if len(section.summaries) <= len(COLOURS) and quantity not in SCHEDULES:
        return _panel_per_level(section, keys, quantity)
    return _panel_per_name(section, keys, quantity)


def _distinct(section: Section, keys: dict[str, str]) -> dict[str, str]:
    """Column by title; one for all levels where they never differ."""
    histories = [run.history for run in section.runs if run.history.rows]
    present = {f"level {level}": key for level, key in keys.items() if any(h.has(key) for h in histories)}
    first, *others = present.values() or [""]
    same = all(np.array_equal(h.column(first), h.column(key), equal_nan=True) for h in histories for key in others)
    return {"both levels": first} if others and same else present


def _panel_per_level(section: Section, keys: dict[str, str], quantity: str) -> bytes:
    figure = Figure(figsize=(WIDTH, 4.0), layout="constrained")
    panels = figure.subplots(1, len(keys), sharex=True, sharey=True, squeeze=False)[0]
    for axes, key in zip(panels, keys.values(), strict=True):
        for summary, colour in zip(section.summaries, COLOURS, strict=False):
            draw(axes, summary, key, colour)
    for axes, title in zip(panels, keys, strict=True):
        _dress(axes, title, quantity)
    names = {short(s.label): (colour, "-") for s, colour in zip(section.summaries, COLOURS, strict=False)}
    return _finish(figure, panels[0], names, section, quantity)


def _panel_per_name(section: Section, keys: dict[str, str], quantity: str) -> bytes:
    drawn = [s for s in section.summaries if any(run.history.has(key) for run in _runs(s) for key in keys.values())]
    rows = ceil(len(drawn) / COLUMNS)
    figure = Figure(figsize=(WIDTH, 1.8 * rows + 0.7), layout="constrained")
    grid = figure.subplots(rows, COLUMNS, sharex=True, sharey=True, squeeze=False).ravel()
    for axes in grid[len(drawn) :]:
        axes.set_visible(False)
    colours = dict(zip(keys, COLOURS[1:], strict=False))
    for axes, summary in zip(grid, drawn, strict=False):
        for title, key in keys.items():
            draw(axes, summary, key, colours[title])
    for axes, summary in zip(grid, drawn, strict=False):
        _dress(axes, short(summary.label, 26), quantity)
    return _finish(figure, None, {title: (colour, "-") for title, colour in colours.items()}, section, quantity)


def _runs(summary: Summary) -> Sequence:
    return (*summary.counted, *summary.others)


def _dress(axes: Axes, title: str, quantity: str) -> None:
    """Scale, and for KL the zone in which a level counts as collapsed."""
    axes.set_title(title, fontsize=10, loc="left", color=INK)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: compact(value)))
    if quantity == "kl":
        axes.set_yscale("log")
        axes.set_ylim(bottom=0.9 * LEAST_KL)
        axes.tick_params(axis="y", which="minor", length=0)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.axhspan(0.9 * LEAST_KL, ACTIVE_NATS, color="#f1efe9", zorder=0, linewidth=0)
        axes.axhline(ACTIVE_NATS, color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
        axes.annotate(
            "collapsed", (0.02, ACTIVE_NATS), xycoords=("axes fraction", "data"), xytext=(0, -3),
            textcoords="offset points", fontsize=8, color=MUTED, va="top",
        )  # fmt: skip
    else:
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=quantity == "active"))
    quiet(axes)


def _finish(
    figure: Figure, first: Axes | None, names: dict[str, tuple[str, str]], section: Section, quantity: str
) -> bytes:
    """Axis labels and a legend above the panels, where it covers nothing."""
    handles = [Line2D([], [], color=colour, linestyle=style, linewidth=2.4) for colour, style in names.values()]
    figure.legend(
        handles, names, loc="outside upper left", ncols=len(COLOURS), frameon=False, fontsize=9.5, labelcolor=INK
    )
    figure.supxlabel(f"training {section.unit} seen", fontsize=9.5, color=MUTED)
    figure.supylabel(QUANTITIES[quantity], fontsize=9.5, color=MUTED)
    return png(figure)
