"""Forest plot: every name's paired difference from the baseline, with its interval and its seeds."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from src.core.metric_specs import metric_spec
from src.report.figures.style import INK, MUTED, WIDTH, png, short, style_axes
from src.report.grouping import Section, Summary
from src.report.verdicts import Verdict, judge

TONES = {
    Verdict.KEEPS: "#009e73",
    Verdict.LOSES: "#009e73",
    Verdict.HELPS: "#0072b2",
    Verdict.HURTS: "#d55e00",
    Verdict.RAISES: "#009e73",
    Verdict.LOWERS: "#009e73",
    Verdict.UNCLEAR: INK,
    Verdict.WITHHELD: "#9a9a9a",
}


def forest(section: Section) -> bytes | None:
    """The primary metric and the family's headline metrics, a panel each, a row per name; None without a pair."""
    remedies = section.ranked
    keys = [key for key in section.headline if any(summary.differences.get(key) for summary in remedies)]
    if not keys:
        return None
    figure = Figure(figsize=(WIDTH, 1.35 + 0.38 * len(remedies)), layout="constrained")
    figure.get_layout_engine().set(wspace=0.06)
    panels = figure.subplots(1, len(keys), sharey=True, squeeze=False)[0]
    for axes, key in zip(panels, keys, strict=True):
        for row, summary in enumerate(remedies):
            _row(axes, section, summary, key, row)
        _dress(axes, key)
    panels[0].set_yticks(range(len(remedies)), [short(summary.label) for summary in remedies])
    panels[0].set_ylim(len(remedies) - 0.4, -0.6)
    panels[0].tick_params(axis="y", labelsize=9.5, colors=INK, length=0)
    return png(figure)


def _row(axes: Axes, section: Section, summary: Summary, key: str, row: int) -> None:
    judged = judge(section, summary, key)
    seeds = list(summary.differences.get(key, {}).values())
    colour = TONES[judged.verdict]
    axes.scatter(seeds, [row] * len(seeds), s=26, facecolor="none", edgecolor=colour, linewidth=0.9, alpha=0.8)
    if judged.difference.low is not None and judged.verdict is not Verdict.WITHHELD:
        axes.plot([judged.difference.low, judged.difference.high], [row, row], color=colour, linewidth=2)
        axes.plot(judged.difference.mean, row, "D", color=colour, markersize=6)


def _dress(axes: Axes, key: str) -> None:
    """A line at zero and, above, which side is the better one."""
    style_axes(axes, grid="x")
    axes.axvline(0, color=MUTED, linewidth=1)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(f"Δ {metric_spec(key).label} from the baseline")
    low, high = axes.get_xlim()
    reach = max(abs(low), abs(high))
    axes.set_xlim(-reach, reach)
    better = metric_spec(key).better
    if better:
        left, right = ("worse", "better") if better == "higher" else ("better", "worse")
        for text, place, align in ((f"← {left}", 0.0, "left"), (f"{right} →", 1.0, "right")):
            axes.text(place, 1.01, text, transform=axes.transAxes, ha=align, fontsize=8.5, color=MUTED)
