"""A chart as data, which the page's script draws, and as a PNG.

E evaluations.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from src.report.figures import style
from src.report.figures.style import BEHIND, COLOURS, INK, MUTED, STYLES, short, styled

MODE_COUNTS = ("modes", "modes_any")
HEIGHT = 1.6  # inches of a panel
MOST_POINTS = 1000  # of a line on the page
DASHED = (0, (4, 3))
TIMES = {"onset": "--", "moved": ":"}
Curve = tuple[np.ndarray, np.ndarray]  # samples seen and values, [E] each


@dataclass(frozen=True)
class Line:
    """One quantity of one name, perhaps of one level.

    Attributes:
        mean: over its averaged seeds.
        band: both ends of the mean's interval; none where seeds are few.
        runs: each run's own curve, by seed.
        excluded: which of them are not averaged.
        note: what is to be known of the level under this name.
        points: whether only single values are known, with nothing known between them.
        times: samples seen when something happened, by what it was.
    """

    name: str
    level: str
    mean: Curve
    band: Curve | None = None
    runs: Mapping[str, Curve] = field(default_factory=dict)
    excluded: Sequence[str] = ()
    note: str = ""
    points: bool = False
    times: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Chart:
    """Lines of all names in one quantity; `references` are levels by what they mean."""

    key: str
    label: str
    unit: str
    baseline: str
    lines: Sequence[Line]
    logarithmic: bool = False
    references: Mapping[str, float] = field(default_factory=dict)
    limits: tuple[float | None, float | None] = (None, None)

    @property
    def marks(self) -> set[str]:
        """What the picture holds beside the means."""
        holds = {
            "band": any(line.band for line in self.lines),
            "seeds": any(line.runs for line in self.lines),
            "excluded": any(line.excluded for line in self.lines),
            "points": any(line.points for line in self.lines),
            "steps": any(not line.points for line in self.lines),
            "without effect": any(line.note for line in self.lines),
        }
        return {mark for mark, held in holds.items() if held}

    @property
    def data(self) -> dict[str, Any]:
        """As JSON holds it, numbers to four digits."""
        lines = [
            {
                **{key: getattr(line, key) for key in ("name", "level", "note", "points", "times")},
                **dict(zip("xy", map(_plain, line.mean), strict=True)),
                **({"low": _plain(line.band[0]), "high": _plain(line.band[1])} if line.band else {}),
                "runs": [[seed, seed in line.excluded, *map(_plain, curve)] for seed, curve in line.runs.items()],
            }
            for line in self.lines
        ]
        own = {key: getattr(self, key) for key in ("label", "unit", "baseline", "logarithmic", "references", "limits")}
        return own | {"lines": lines}

    @styled
    def png(self) -> bytes:
        """A panel per name; where names have no levels, the baseline is behind each."""
        names, levels = ([*dict.fromkeys(getattr(line, key) for line in self.lines)] for key in ("name", "level"))
        figure, grid = style.panels(len(names), HEIGHT, min(4, len(names)), legend=levels != [""])
        styles = zip(levels, cycle(COLOURS[1:]), cycle(STYLES), strict=False)
        looks = {level: {"color": colour, "linestyle": dashes} for level, colour, dashes in styles}
        behind = next((line for line in self.lines if line.name == self.baseline and levels == [""]), None)
        for line in self.lines:
            axes = grid[names.index(line.name)]
            if behind and behind is not line:
                axes.plot(*behind.mean, color=BEHIND, linewidth=1.5, linestyle=STYLES[1])
            _draw(axes, line, {"color": INK} if behind is line else looks[line.level])
            notes = [f"{one.level} {one.note}" for one in self.lines if one.name == line.name and one.note]
            axes.set_title(": ".join([short(line.name, 28), *notes[:1]]))
        self._scale(grid)
        if levels != [""]:
            style.legend(figure, {key: look | {"linewidth": 2.2} for key, look in looks.items()})
        aside = " (grey, dashed: the baseline)" if behind and len(names) > 1 else ""
        style.label_panels(figure, f"training {self.unit} seen{aside}", self.label)
        return style.png(figure)

    def _scale(self, grid: Sequence[Axes]) -> None:
        """Scales, ticks and references; panels share their scales, so that the first panel's hold for all."""
        axes, counted = grid[0], self.key in MODE_COUNTS
        style.count_axis(axes.xaxis)
        if self.logarithmic:
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axes.yaxis.set_minor_formatter(NullFormatter())
            if not self.key.startswith("kl"):
                axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=6))
        else:
            axes.yaxis.set_major_locator(MaxNLocator(5, integer=counted or self.key.startswith("active")))
        axes.set_ylim(*self.limits)
        for label, level in self.references.items():
            below = counted or label == "collapsed"
            for axes in grid:
                axes.axhline(level, color=MUTED, linewidth=0.8, linestyle=DASHED, zorder=1)
            grid[0].annotate(
                label, (0.02, level), xycoords=("axes fraction", "data"), xytext=(0, -3 if below else 2),
                textcoords="offset points", fontsize=8, color=MUTED, va="top" if below else "bottom",
            )  # fmt: skip


def _plain(values: np.ndarray) -> list[float | None]:
    some = values[:: len(values) // MOST_POINTS + 1].tolist()
    return [float(f"{value:.4g}") if math.isfinite(value) else None for value in some]


def _draw(axes: Axes, line: Line, look: Mapping[str, Any]) -> None:
    for seed, curve in line.runs.items():
        dots = ":" if seed in line.excluded else "-"
        axes.plot(*curve, linestyle=dots, color=look["color"], linewidth=0.9, alpha=0.5)
    alone = {"marker": "o", "markersize": 5} if len(line.mean[0]) == 1 else {}
    bare = {"linestyle": "", "marker": "o", "markersize": 4} if line.points else {}
    axes.plot(*line.mean, **({**look, "linewidth": 2.2} | alone | bare))
    for what, when in line.times.items():
        axes.axvline(when, color=look["color"], linewidth=1.2, linestyle=TIMES[what], zorder=0.9)
    if line.band:
        limits = axes.dataLim.frozen()
        axes.fill_between(line.mean[0], *line.band, color=look["color"], alpha=0.16, linewidth=0)
        axes.dataLim.set(limits)  # wide intervals of the first evaluations shall not flatten all that follows
