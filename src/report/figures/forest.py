"""Forest plots: differences from the baseline by name, and rank correlations of survival by property."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from src.core.class_properties import property_named
from src.core.metric_specs import metric_spec
from src.report.class_correlations import ClassCorrelations
from src.report.figures.style import COLOURS, INK, MUTED, WIDTH, bare, png, short, styled
from src.report.grouping import Section
from src.report.verdicts import Verdict, judge

TONES = dict.fromkeys(Verdict, "#009e73") | {  # a side effect unless it is one of these
    Verdict.HELPS: "#0072b2",
    Verdict.HURTS: "#d55e00",
    Verdict.UNCLEAR: INK,
    Verdict.WITHHELD: "#9a9a9a",
}
LETTER, DOT = 8.0, 2.0  # height of a name, radius of a point, both in typographical points
LEADER = {"arrowstyle": "-", "color": "#a8a8a8", "linewidth": 0.7, "shrinkA": 0, "shrinkB": 0}


@styled
def forest(section: Section) -> bytes | None:
    """The primary metric and the family's headline metrics, a panel each, a row per name; None without a pair."""
    remedies = section.ranked
    keys = [key for key in section.headline if any(section.differences(key, summary.name) for summary in remedies)]
    if not keys:
        return None
    figure = Figure(figsize=(WIDTH, 1.35 + 0.38 * len(remedies)), layout="constrained")
    figure.get_layout_engine().set(wspace=0.06)
    panels = figure.subplots(1, len(keys), sharey=True, squeeze=False)[0]
    for axes, key in zip(panels, keys, strict=True):
        for row, summary in enumerate(remedies):
            comparison, seeds = judge(section, summary, key), section.differences(key, summary.name)
            colour, value = TONES[comparison.verdict], comparison.difference
            axes.scatter(seeds, [row] * len(seeds), s=26, facecolor="none", edgecolor=colour, linewidth=0.9, alpha=0.8)
            if value.low is not None and comparison.verdict is not Verdict.WITHHELD:
                _bar(axes, row, value.low, value.mean, value.high, colour)
        reach = max(map(abs, axes.get_xlim()))
        axes.set_xlim(-reach, reach)
        axes.set_xlabel(f"Δ {metric_spec(key).label} from the baseline")
        sides = {"higher": ("worse", "better"), "lower": ("better", "worse"), None: ("", "")}
        _rows(axes, [short(summary.label) for summary in remedies], *sides[metric_spec(key).better])
    return png(figure)


def _bar(axes: Axes, row: int, low: float, middle: float, high: float, colour: str, face: str | None = None) -> None:
    axes.plot([low, high], [row, row], color=colour, linewidth=2.1)
    axes.plot(middle, row, "D", color=colour, markerfacecolor=face or colour, markersize=6)


def _rows(axes: Axes, labels: list[str], left: str, right: str) -> None:
    """A row per label, a line at zero, and what either side means."""
    bare(axes, labels)
    axes.spines["bottom"].set_visible(True)
    axes.grid(True, axis="x")
    axes.tick_params(axis="x", length=3)
    axes.tick_params(axis="y", labelsize=9.5, labelcolor=INK)
    axes.axvline(0, color=MUTED, linewidth=1)
    for text, place, align in ((f"← {left}" if left else "", 0, "left"), (f"{right} →" if right else "", 1, "right")):
        axes.text(place, 1.01, text, transform=axes.transAxes, ha=align, va="bottom", fontsize=8.5, color=MUTED)


@styled
def correlation_figure(outcome: ClassCorrelations) -> bytes | None:
    """Left a row per property, right every class under the strongest; None if nothing can be tested.

    Findings are filled, for readers who do not distinguish the colours.
    """
    if not outcome.testable:
        return None
    figure = Figure(figsize=(WIDTH, 1.6 + 0.36 * max(8, len(outcome.correlations))), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.15))
    colours = [COLOURS[1] if one.holds else MUTED for one in outcome.correlations]
    for row, (one, colour) in enumerate(zip(outcome.correlations, colours, strict=True)):
        _bar(left, row, one.low, one.rho, one.high, colour, face=None if one.holds else "white")
    left.set_xlim(-1.02, 1.02)
    left.set_xticks([-1, -0.5, 0, 0.5, 1])
    left.set_xlabel("rank correlation ρ with survival")
    _rows(left, [one.label for one in outcome.correlations], "more of it: vanish", "more of it: survive")
    known = property_named(outcome.correlations[0].key)
    values_K = outcome.properties[outcome.correlations[0].key]
    right.plot(values_K, outcome.survival_K, "o", color=colours[0], markersize=2 * DOT)
    low = float(outcome.survival_K.min())
    right.set_ylim(low - 0.12 * (1 - low), 1 + 0.12 * (1 - low))
    right.margins(x=0.08)
    right.grid(True, axis="both")
    right.yaxis.set_major_formatter(PercentFormatter(1, decimals=None, symbol=" %"))
    right.set_xlabel(", ".join(filter(None, (known.label, known.unit))))
    right.set_ylabel(f"survival of the {outcome.noun}")
    _names(right, outcome.classes, np.stack([values_K, outcome.survival_K], 1))
    return png(figure)


def _names(axes: Axes, names: tuple[str, ...], points_K2: np.ndarray) -> None:
    """Names beside their points, each at the nearest place where it touches no point and no other name."""
    axes.figure.draw_without_rendering()  # only then is it known where on the page a point lies
    dots = axes.transData.transform(points_K2) * 72 / axes.figure.dpi
    taken = [(x, y, DOT, DOT) for x, y in dots]
    diagonals = ((1, 0), (-1, 0), (0, 1), (0, -1), (0.8, 0.8), (-0.8, 0.8), (0.8, -0.8), (-0.8, -0.8))
    for name, point, (x, y) in zip(names, points_K2, dots, strict=True):
        half, height = 0.36 * LETTER * len(name), LETTER / 2

        def is_free(place: tuple[float, float], x: float = x, y: float = y, half: float = half) -> bool:
            return all(
                abs(x + place[0] - other_x) > half + width or abs(y + place[1] - other_y) > LETTER / 2 + reach
                for other_x, other_y, width, reach in taken
            )

        reaches = (3.0, 6.5, 11.0, 17.0, 24.0, 32.0)
        places = [(a * (half + reach), u * (height + reach)) for reach in reaches for a, u in diagonals]
        dx, dy = next(filter(is_free, places), places[0])
        taken.append((x + dx, y + dy, half, height))
        far = np.hypot(max(abs(dx) - half, 0), max(abs(dy) - height, 0)) > 8
        label = axes.annotate(
            name, point, xytext=(dx, dy), textcoords="offset points", ha="center", va="center_baseline",
            fontsize=LETTER, fontweight="bold", color=INK, arrowprops=LEADER if far else None,
        )  # fmt: skip
        label.set_in_layout(False)
