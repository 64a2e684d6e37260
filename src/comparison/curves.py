"""Learning curves: one metric against samples seen, a thin line per seed and a thick one for the mean."""

from collections.abc import Sequence
from math import ceil

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from src.comparison.canvas import COLOURS, INK, MUTED, WIDTH, png, quiet, short
from src.comparison.measures import LEAST_KL, compact, measure
from src.comparison.records import Run
from src.comparison.sections import Section, Summary

LOG_SCALED = {"kl"}
AT_LEAST = {"kl_high": LEAST_KL, "kl_low": LEAST_KL}


def curves(section: Section, key: str) -> bytes | None:
    """One metric against samples seen; a panel per name once the names outnumber the colours."""
    drawn = [s for s in section.summaries if any(run.history.has(key) for run in (*s.counted, *s.others))]
    if not drawn:
        return None
    crowded = len(section.summaries) > len(COLOURS)
    return _panels(section, drawn, key) if crowded else _overlay(section, key)


def _overlay(section: Section, key: str) -> bytes:
    figure = Figure(figsize=(WIDTH, 4.2), layout="constrained")
    axes = figure.add_subplot()
    ends = []
    for summary, colour in zip(section.summaries, COLOURS, strict=False):
        seen, mean = draw(axes, summary, key, colour)
        if seen.size:
            ends.append((seen[-1], mean[-1], summary.label, colour))
    _dress(axes, section, key)
    _label_ends(axes, ends)
    axes.set_xlabel(f"training {section.unit} seen")
    axes.set_ylabel(measure(key).label)
    return png(figure)


def _panels(section: Section, drawn: Sequence[Summary], key: str) -> bytes:
    columns = 4
    rows = ceil(len(drawn) / columns)
    figure = Figure(figsize=(WIDTH, 1.9 * rows + 0.5), layout="constrained")
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for axes in grid[len(drawn) :]:
        axes.set_visible(False)
    for axes, summary in zip(grid, drawn, strict=False):
        if summary.name != section.baseline:
            draw(axes, section.summaries[0], key, "#b5b5b5", seeds=False)
        draw(axes, summary, key, COLOURS[1] if summary.name != section.baseline else INK)
        _dress(axes, section, key)
        axes.set_title(short(summary.label, 30), fontsize=9, loc="left", color=INK)
    figure.supxlabel(f"training {section.unit} seen (grey: the baseline)", fontsize=9, color=MUTED)
    figure.supylabel(measure(key).label, fontsize=9, color=MUTED)
    return png(figure)


def draw(axes: Axes, summary: Summary, key: str, colour: str, seeds: bool = True) -> tuple[np.ndarray, ...]:
    """Thin lines for seeds (dotted: did not complete), a thick one for the mean of those averaged."""
    if seeds:
        for run in (*summary.counted, *summary.others):
            style = "-" if run in summary.counted else ":"
            axes.plot(*_curve(run, key), style, color=colour, linewidth=0.9, alpha=0.45)
    seen, mean = mean_curve([_curve(run, key) for run in summary.counted])
    axes.plot(seen, mean, color=colour, linewidth=2.4, solid_capstyle="round")
    return seen, mean


def _curve(run: Run, key: str) -> tuple[np.ndarray, np.ndarray]:
    seen, values = run.history.column("images_seen"), run.history.column(key)
    usable = np.isfinite(seen) & np.isfinite(values)
    if key in LOG_SCALED:
        usable &= np.nan_to_num(values) > 0
    return seen[usable], np.maximum(values[usable], AT_LEAST.get(key, -np.inf))


def mean_curve(curves: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Mean where every curve has a value, so that no point averages fewer seeds than its neighbour."""
    tables = [dict(zip(seen.tolist(), values.tolist(), strict=True)) for seen, values in curves]
    common = sorted(set.intersection(*map(set, tables))) if tables else []
    return np.array(common), np.array([np.mean([table[x] for table in tables]) for x in common])


def _dress(axes: Axes, section: Section, key: str) -> None:
    """Scale, reference line (all classes, or the KL floor), and quiet axes."""
    reference, label = None, ""
    if key == "modes" and section.num_modes:
        reference, label = section.num_modes, f"all {section.num_modes}"
        axes.set_ylim(0, 1.06 * section.num_modes)
        axes.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    if key == "kl":
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
        reference, label = section.summaries[0].mean("kl_floor"), "floor"
    if reference:
        axes.axhline(reference, color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
        axes.annotate(
            label, (0.01, reference), xycoords=("axes fraction", "data"), xytext=(0, 2),
            textcoords="offset points", fontsize=7.5, color=MUTED,
        )  # fmt: skip
    if key == "elbo":
        _leave_out_the_start(axes, section, key)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: compact(value)))
    quiet(axes)


def _leave_out_the_start(axes: Axes, section: Section, key: str) -> None:
    """Limits from the second quarter of training on: the first steps gain more than all names differ in the end."""
    columns = [run.history.column(key) for run in section.counted]
    late = np.concatenate([[], *(column[len(column) // 4 :] for column in columns)])
    late = late[np.isfinite(late)]
    if late.size and np.ptp(late):
        axes.set_ylim(late.min() - 0.05 * np.ptp(late), late.max() + 0.05 * np.ptp(late))


def _label_ends(axes: Axes, ends: Sequence[tuple[float, float, str, str]]) -> None:
    """Names beside the ends of their lines, pushed apart until they no longer touch."""
    axes.figure.draw_without_rendering()
    height = axes.bbox.height
    heights = sorted((axes.transData.transform((x, y))[1] - axes.bbox.y0, name, c) for x, y, name, c in ends)
    gap, placed = 0.062 * height, []
    for level, name, colour in heights:
        placed.append([max(level, placed[-1][0] + gap) if placed else level, name, colour])
    excess = placed[-1][0] - height if placed else 0
    for i in range(len(placed) - 1, -1, -1):
        ceiling = height if i == len(placed) - 1 else placed[i + 1][0] - gap
        placed[i][0] = min(placed[i][0], ceiling) if excess > 0 else placed[i][0]
    for level, name, colour in placed:
        axes.text(
            1.012, level / height, short(name), transform=axes.transAxes, color=colour,
            fontsize=9.5, fontweight="bold", va="center",
        )  # fmt: skip
