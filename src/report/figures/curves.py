"""Learning curves: one metric against samples seen, the mean over seeds and its 95 % band.

E evaluations.
"""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from src.core.metric_specs import LEAST_KL, compact, metric_spec
from src.report.figures.style import (
    BEHIND,
    COLOURS,
    INK,
    MUTED,
    STYLES,
    WIDTH,
    along_the_bottom,
    along_the_left,
    panels,
    png,
    short,
    style_axes,
)
from src.report.grouping import Section, Summary
from src.report.records import Run
from src.report.statistics import MIN_SEEDS, estimate

AT_LEAST = {"kl_high": LEAST_KL, "kl_low": LEAST_KL}
LOG_SCALED = {"kl", *AT_LEAST}
MOST_TOGETHER = len(STYLES)  # names in one panel; more bands than these hide each other


def curves(section: Section, key: str) -> bytes | None:
    """One metric against samples seen; a panel per name, the baseline behind each, once the names are many."""
    drawn = [s for s in section.summaries if any(run.history.has(key) for run in (*s.included, *s.excluded))]
    if not drawn:
        return None
    crowded = len(section.summaries) > MOST_TOGETHER
    return _panels(section, drawn, key) if crowded else _overlay(section, key)


def _overlay(section: Section, key: str) -> bytes:
    figure = Figure(figsize=(WIDTH, 4.2), layout="constrained")
    axes = figure.add_subplot()
    ends = []
    for summary, colour, style in zip(section.summaries, COLOURS, STYLES, strict=False):
        seen, mean = draw(axes, summary, key, colour, style)
        if seen.size:
            ends.append((seen[-1], mean[-1], summary.label, colour))
    _scale(axes, section, key)
    _reference(axes, section, key)
    style_axes(axes)
    _label_ends(axes, ends)
    axes.set_xlabel(f"training {section.unit} seen")
    axes.set_ylabel(metric_spec(key).label)
    return png(figure)


def _panels(section: Section, drawn: Sequence[Summary], key: str) -> bytes:
    figure, grid = panels(len(drawn), 1.35)
    for axes, summary in zip(grid, drawn, strict=True):
        is_baseline = summary.name == section.baseline
        if not is_baseline:
            axes.plot(*averaged(section.summaries[0], key)[:2], color=BEHIND, linewidth=1.5, linestyle=STYLES[1])
        draw(axes, summary, key, INK if is_baseline else COLOURS[1])
    _scale(grid[0], section, key)
    for axes, summary in zip(grid, drawn, strict=True):
        _reference(axes, section, key, named=axes is grid[0])
        style_axes(axes)
        axes.set_title(short(summary.label, 28), fontsize=9.5, loc="left", color=INK, y=1)
    along_the_bottom(figure, f"training {section.unit} seen (grey, dashed: the baseline)")
    along_the_left(figure, metric_spec(key).label)
    return png(figure)


def draw(
    axes: Axes, summary: Summary, key: str, colour: str, style: str | tuple = "-"
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and 95 % band of the averaged seeds, thin lines where they are too few for one; dotted: not averaged."""
    few = len(summary.included) < MIN_SEEDS
    for run in (*(summary.included if few else ()), *summary.excluded):
        thin = "-" if run in summary.included else ":"
        axes.plot(*_curve(run, key), linestyle=thin, color=colour, linewidth=0.9, alpha=0.5)
    seen_E, mean_E, low_E, high_E = averaged(summary, key)
    alone = "o" if len(seen_E) == 1 else ""
    axes.plot(
        seen_E, mean_E, color=colour, linestyle=style, linewidth=2.2, solid_capstyle="round", marker=alone, markersize=5
    )
    if not few:
        limits = axes.dataLim.frozen()
        axes.fill_between(seen_E, low_E, high_E, color=colour, alpha=0.16, linewidth=0)
        axes.dataLim.set(limits)  # wide intervals of the first evaluations shall not flatten all that follows
    return seen_E, mean_E


def averaged(summary: Summary, key: str) -> tuple[np.ndarray, ...]:
    """Samples seen, mean, and both ends of its interval, [E] each; of the logarithms where the scale is one of them.

    Only where every seed has a value, so that no point averages fewer seeds than its neighbour.
    """
    tables = [dict(np.transpose(_curve(run, key)).tolist()) for run in summary.included]
    seen = sorted(set.intersection(*map(set, tables))) if tables else []
    into, back = (math.log, np.exp) if key in LOG_SCALED else (float, np.asarray)
    found = [estimate(into(table[x]) for table in tables) for x in seen]
    ends = ([getattr(value, end) for value in found] for end in ("mean", "low", "high"))
    return np.array(seen), *(back(np.array(values, dtype=float)) for values in ends)


def _curve(run: Run, key: str) -> tuple[np.ndarray, np.ndarray]:
    seen, values = run.history.column("images_seen"), run.history.column(key)
    usable = np.isfinite(seen) & np.isfinite(values)
    if key in LOG_SCALED:
        usable &= np.nan_to_num(values) > 0
    return seen[usable], np.maximum(values[usable], AT_LEAST.get(key, -np.inf))


def _scale(axes: Axes, section: Section, key: str) -> None:
    """The vertical scale, and the ticks of both; panels that share their scales need it once."""
    if key == "modes" and section.num_modes:
        axes.set_ylim(0, 1.06 * section.num_modes)
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    if key == "kl":
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
    if key == "elbo":
        _leave_out_the_start(axes, section, key)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: compact(value)))


def _reference(axes: Axes, section: Section, key: str, named: bool = True) -> None:
    """A line at all classes, or at the KL floor."""
    known = {"modes": (section.num_modes, f"all {section.num_modes}"), "kl": (_floor(section), "floor")}
    level, label = known.get(key, (None, ""))
    if not level:
        return
    axes.axhline(level, color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
    if named:
        axes.annotate(
            label, (0.01, level), xycoords=("axes fraction", "data"), xytext=(0, -2 if key == "modes" else 2),
            textcoords="offset points", fontsize=7.5, color=MUTED, va="top" if key == "modes" else "bottom",
        )  # fmt: skip


def _floor(section: Section) -> float | None:
    return section.summaries[0].mean("kl_floor")


def _leave_out_the_start(axes: Axes, section: Section, key: str) -> None:
    """Limits from the second quarter of training on: the first steps gain more than all names differ in the end."""
    columns = [run.history.column(key) for run in section.included]
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
