"""Figures with a point per run: differences by name, rate against distortion, the KL against the decoder's variance.

Rate and distortion are the information each run's latents carry and the decoder's remaining error. Alemi et al. 2018,
arXiv:1711.00464: R = KL and D = reconstruction, both in nats, and −ELBO = D + R, so that lines of one ELBO fall at one
nat per nat. No model can lie below D + R = entropy of the data.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from src.core.levels import levels_in
from src.core.metric_specs import metric_spec
from src.report.figures.style import COLOURS, GRID, INK, MUTED, WIDTH, bare, legend, png, short, styled
from src.report.outcomes import Transition, reference
from src.report.records import Run
from src.report.section import Section
from src.report.verdicts import Verdict, judge

NUM_POINTS = 300  # of the curve
MARKERS = ("o", "s", "^", "D", "v", "P")
LIMITS = {"floor_nll": ("collapse floor", (0, (5, 3))), "entropy": ("entropy", (0, (1, 1.5)))}
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


@styled
def rate_distortion(section: Section) -> bytes | None:
    """A point per run, lines of one ELBO, and the limits that are in sight; None if no run has both quantities."""
    points = {s.label: runs for s in section.summaries if len(runs := _points(s.included))}
    if not points:
        return None
    figure = Figure(figsize=(WIDTH, 4.9), layout="constrained")
    axes = figure.add_subplot()
    looks = {}
    for number, (name, runs) in enumerate(points.items()):
        colour, marker = _style(number)
        axes.scatter(*runs.T, s=50, color=colour, marker=marker, edgecolor="white", linewidth=0.7, zorder=4)
        looks[name] = {"color": colour, "marker": marker, "linestyle": "", "markersize": 7}
    axes.margins(0.12)
    axes.set(xlabel="rate R: KL of all levels, nats", ylabel="distortion D: reconstruction, nats")
    axes.grid(False)
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    for total in MaxNLocator(9, steps=[1, 2, 5, 10]).tick_values(left + bottom, right + top):
        if left + bottom < total < right + top:
            axes.axline((left, total - left), slope=-1, color=GRID, linewidth=0.9, zorder=1)
            place = (right, total - right) if total - right > bottom else (total - bottom, bottom)
            text = f"ELBO {-total:g}".replace("-", "−")
            axes.annotate(text, place, xytext=(3, 3), textcoords="offset points", fontsize=7.5, color=MUTED)
    for key, (name, dashes) in LIMITS.items():
        total = reference(section, key)
        if total is not None and left + bottom < total < right + top:
            axes.axline((left, total - left), slope=-1, color=INK, linewidth=1.3, linestyle=dashes, zorder=2)
            looks[f"{name} {total:.2f}"] = {"color": INK, "linestyle": dashes}
    axes.set(xlim=(left, right), ylim=(bottom, top))
    legend(figure, looks, place="outside upper left")
    return png(figure)


def _points(runs: Sequence[Run]) -> np.ndarray:
    """Rate and distortion of the runs that have both, shape (runs, 2)."""
    rates = [[run.scalars[f"kl_{level}"] for level in levels_in(run.scalars)] for run in runs]
    both = zip(rates, (run.scalars.get("reconstruction") for run in runs), strict=True)
    return np.array([(sum(rate), error) for rate, error in both if rate and error is not None]).reshape(-1, 2)


def _style(number: int) -> tuple[str, str]:
    """Colour and marker, no two alike for as many names as colours times markers."""
    turn, colour = divmod(number, len(COLOURS))
    return COLOURS[colour], MARKERS[(colour + turn) % len(MARKERS)]


@styled
def phase_transition(found: Transition | None) -> bytes | None:
    """A point per run, the curve of a linear decoder, and the predicted place."""
    if not found:
        return None
    ratios, kls = np.array(found.points).T
    figure = Figure(figsize=(WIDTH, 4.2), layout="constrained")
    axes = figure.add_subplot()
    curve = np.geomspace(ratios.min(), ratios.max(), NUM_POINTS)
    axes.plot(curve, [found.linear_kl(ratio) for ratio in curve], color=COLOURS[1], linewidth=1.6, zorder=2)
    axes.axvline(1, color=INK, linestyle=(0, (5, 3)), linewidth=1.2, zorder=1)
    axes.scatter(ratios, kls, s=42, color=COLOURS[2], edgecolor="white", linewidth=0.7, zorder=3)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set(xlabel="decoder variance / largest eigenvalue of the data", ylabel="KL of all levels, nats")
    looks = {
        "run": {"color": COLOURS[2], "marker": "o", "linestyle": "", "markersize": 7},
        "linear decoder": {"color": COLOURS[1]},
        "predicted onset": {"color": INK, "linestyle": (0, (5, 3))},
    }
    legend(figure, looks, place="outside upper left")
    return png(figure)
