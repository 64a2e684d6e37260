"""Which property goes with survival: rank correlations with their intervals, and the strongest one drawn."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from src.report.class_correlations import Why
from src.report.class_correlations_text import property_named
from src.report.figures.style import COLOURS, INK, MUTED, WIDTH, png, style_axes

FINDING, UNSHOWN = COLOURS[1], MUTED  # told apart by filled and hollow marks too
LETTER, DOT = 8.0, 2.0  # height of a name, radius of a point, both in typographical points
LEADER = {"arrowstyle": "-", "color": "#a8a8a8", "linewidth": 0.7, "shrinkA": 0, "shrinkB": 0}


def why_figure(found: Why) -> bytes | None:
    """Left a row per property, right every class under the strongest; None if nothing can be tested."""
    if not found.testable:
        return None
    figure = Figure(figsize=(WIDTH, 1.6 + 0.36 * max(8, len(found.correlations))), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.15))
    _forest(left, found)
    _scatter(right, found)
    return png(figure)


def _forest(axes: Axes, found: Why) -> None:
    for row, correlation in enumerate(found.correlations):
        colour = FINDING if correlation.holds else UNSHOWN
        face = colour if correlation.holds else "white"
        axes.plot([correlation.low, correlation.high], [row, row], color=colour, linewidth=2.2)
        axes.plot(correlation.rho, row, "D", color=colour, markerfacecolor=face, markersize=6.5)
    style_axes(axes, grid="x")
    axes.axvline(0, color=MUTED, linewidth=1)
    axes.set_xlim(-1.02, 1.02)
    axes.set_xticks([-1, -0.5, 0, 0.5, 1])
    axes.set_ylim(len(found.correlations) - 0.4, -0.6)
    axes.set_yticks(range(len(found.correlations)), [property_named(c.key).label for c in found.correlations])
    axes.tick_params(axis="y", labelsize=9.5, colors=INK, length=0)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("rank correlation ρ with survival")
    for text, place, align in (("← more of it: vanish", 0.0, "left"), ("more of it: survive →", 1.0, "right")):
        axes.text(place, 1.01, text, transform=axes.transAxes, ha=align, va="bottom", fontsize=8.5, color=MUTED)


def _scatter(axes: Axes, found: Why) -> None:
    """Dots where the classes lie, each with its name beside it where there is room."""
    strongest = found.correlations[0]
    known, values_K = property_named(strongest.key), found.properties[strongest.key]
    style_axes(axes, grid="both")
    axes.plot(values_K, found.survival_K, "o", color=FINDING if strongest.holds else UNSHOWN, markersize=2 * DOT)
    low = float(found.survival_K.min())
    reach = 1 - low
    axes.set_ylim(low - 0.12 * reach, 1 + 0.12 * reach)
    axes.margins(x=0.08)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=None, symbol=" %"))
    axes.set_xlabel(", ".join(filter(None, (known.label, known.unit))))
    axes.set_ylabel(f"survival of the {found.noun}")
    _names(axes, found.classes, np.stack([values_K, found.survival_K], 1))


def _names(axes: Axes, names: tuple[str, ...], points_K2: np.ndarray) -> None:
    """Names beside their points, each at the nearest place where it touches no point and no other name."""
    axes.figure.draw_without_rendering()  # only then is it known where on the page a point lies
    dots = axes.transData.transform(points_K2) * 72 / axes.figure.dpi
    taken = [(x, y, DOT, DOT) for x, y in dots]
    for name, point, (x, y) in zip(names, points_K2, dots, strict=True):
        half = 0.36 * LETTER * len(name)
        places = [
            (across * (half + reach), up * (LETTER / 2 + reach))
            for reach in (3.0, 6.5, 11.0, 17.0, 24.0, 32.0)
            for across, up in ((1, 0), (-1, 0), (0, 1), (0, -1), (0.8, 0.8), (-0.8, 0.8), (0.8, -0.8), (-0.8, -0.8))
        ]
        dx, dy = next((place for place in places if _is_free(x + place[0], y + place[1], half, taken)), places[0])
        taken.append((x + dx, y + dy, half, LETTER / 2))
        far = np.hypot(max(abs(dx) - half, 0), max(abs(dy) - LETTER / 2, 0)) > 8
        label = axes.annotate(
            name, point, xytext=(dx, dy), textcoords="offset points", ha="center", va="center_baseline",
            fontsize=LETTER, fontweight="bold", color=INK, arrowprops=LEADER if far else None,
        )  # fmt: skip
        label.set_in_layout(False)


def _is_free(x: float, y: float, half: float, taken: list[tuple[float, float, float, float]]) -> bool:
    """Whether a name that reaches `half` to either side fits there, all in points."""
    return all(
        abs(x - other_x) > half + width or abs(y - other_y) > LETTER / 2 + height
        for other_x, other_y, width, height in taken
    )
