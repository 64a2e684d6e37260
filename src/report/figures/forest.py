"""Forest plot of the differences from the baseline, by name."""

from matplotlib.figure import Figure

from src.core.metric_specs import metric_spec
from src.report.figures.style import INK, MUTED, WIDTH, bare, png, short, styled
from src.report.section import Section
from src.report.verdicts import Verdict, judge

TONES = dict.fromkeys(Verdict, "#009e73") | {  # a side effect unless it is one of these
    Verdict.HELPS: "#0072b2",
    Verdict.HURTS: "#d55e00",
    Verdict.UNCLEAR: INK,
    Verdict.WITHHELD: "#9a9a9a",
}


@styled
def forest(section: Section) -> bytes | None:
    """The primary metric and the family's headline metrics, a panel each, a row per name; None without a pair."""
    remedies, keys = section.ranked, _keys(section)
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
                axes.plot([value.low, value.high], [row, row], color=colour, linewidth=2.1)
                axes.plot(value.mean, row, "D", color=colour, markersize=6)
        reach = max(map(abs, axes.get_xlim()))
        axes.set_xlim(-reach, reach)
        axes.set_xlabel(f"Δ {metric_spec(key).label} from the baseline")
        bare(axes, [short(summary.label) for summary in remedies])
        axes.spines["bottom"].set_visible(True)
        axes.grid(True, axis="x")
        axes.tick_params(axis="x", length=3)
        axes.tick_params(axis="y", labelsize=9.5, labelcolor=INK)
        axes.axvline(0, color=MUTED, linewidth=1)
        better = metric_spec(key).better
        for place, align in ((0, "left"), (1, "right")) if better else ():
            text = "better" if place == (better == "higher") else "worse"
            text = f"{text} →" if place else f"← {text}"
            axes.text(place, 1.01, text, transform=axes.transAxes, ha=align, va="bottom", fontsize=8.5, color=MUTED)
    return png(figure)


def _keys(section: Section) -> list[str]:
    return [key for key in section.headline if any(section.differences(key, s.name) for s in section.ranked)]


def shown_verdicts(section: Section) -> list[Verdict]:
    """Those whose colours are in the figure, in the order of `Verdict`."""
    held = {judge(section, summary, key).verdict for summary in section.ranked for key in _keys(section)}
    return [verdict for verdict in Verdict if verdict in held]
