"""Learning curves against samples seen: the mean over seeds and its 95 % band, by name, by level or by signal.

E evaluations.
"""

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator

from src.core.metric_specs import LEAST_KL, metric_spec
from src.evaluation.metrics.onset import ACTIVE_NATS
from src.report.early_warning import moved, signals
from src.report.figures.style import (
    BEHIND,
    COLOURS,
    INK,
    MUTED,
    STYLES,
    count_axis,
    label_panels,
    legend,
    log_axis,
    panels,
    png,
    short,
    styled,
)
from src.report.grouping import Section, Summary
from src.report.records import Run
from src.report.statistics import MIN_SEEDS, estimate

MODE_COUNTS = ("modes", "modes_any")
AT_LEAST = {"kl_high": LEAST_KL, "kl_low": LEAST_KL}
LOG_SCALED = {"kl", "generator_gradient", "discriminator_gradient", *AT_LEAST}
MOST_TOGETHER = len(STYLES)  # names in one panel; more bands than these hide each other
QUANTITIES = {"kl": "KL, nats", "active": "active dimensions", "beta": "β"}
DASHED = (0, (4, 3))


@styled
def curves(section: Section, key: str) -> bytes | None:
    """One metric, all names in one panel; a panel per name, the baseline behind each, once the names are many."""
    drawn = [summary for summary in section.summaries if _has(summary, key)]
    if not drawn:
        return None
    crowded = len(section.summaries) > MOST_TOGETHER
    figure, grid = panels(len(drawn), 1.35) if crowded else panels(1, 3.2, columns=1, legend=True)
    looks = {s.label: {"color": c, "linestyle": d} for s, c, d in zip(section.summaries, COLOURS, STYLES, strict=False)}
    for number, summary in enumerate(drawn):
        axes, is_baseline = grid[number * crowded], summary.name == section.baseline
        if crowded:
            look = {"color": INK if is_baseline else COLOURS[1]}
            axes.set_title(short(summary.label, 28))
            behind = averaged(section.summaries[0], key)[:2] if not is_baseline else ([], [])
            axes.plot(*behind, color=BEHIND, linewidth=1.5, linestyle=STYLES[1])
        else:
            look = looks[summary.label]
        draw(axes, summary, key, **look, paths=crowded)
    _scale(grid[0], section, key)
    if key in MODE_COUNTS and section.num_modes:
        grid[0].set_ylim(0, 1.06 * section.num_modes)
    for axes in grid:
        _reference(axes, section, key, named=axes is grid[0])
    if not crowded:
        legend(figure, {label: look | {"linewidth": 2.2} for label, look in looks.items()})
    aside = " (grey, dashed: the baseline)" if crowded else ""
    label_panels(figure, f"training {section.unit} seen{aside}", metric_spec(key).label)
    return png(figure)


@styled
def level_curves(section: Section, quantity: str) -> bytes | None:
    """KL, active dimensions or β: a panel per name, in it a line and a band per level; None without a history."""
    keys = _distinct(section, {level: f"{quantity}_{level}" for level in section.family.levels})
    drawn = [summary for summary in section.summaries if any(_has(summary, key) for key in keys.values())]
    if not drawn:
        return None
    figure, grid = panels(len(drawn), 1.35, columns=min(4, max(2, len(drawn))), legend=True)
    looks = {title: {"color": c, "linestyle": d} for title, c, d in zip(keys, COLOURS[1:], STYLES, strict=False)}
    for axes, summary in zip(grid, drawn, strict=True):
        axes.set_title(short(summary.label, 28))
        for title, key in keys.items():
            draw(axes, summary, key, **looks[title])
        if quantity == "kl":  # below this line a level counts as collapsed
            axes.axhspan(0.9 * LEAST_KL, ACTIVE_NATS, color="#f1efe9", zorder=0, linewidth=0)
            _line(axes, ACTIVE_NATS, "collapsed", below=True)
    _scale(grid[0], section, next(iter(keys.values())))
    legend(figure, {title: look | {"linewidth": 2.2} for title, look in looks.items()})
    label_panels(figure, f"training {section.unit} seen", QUANTITIES[quantity])
    return png(figure)


def _distinct(section: Section, keys: dict[str, str]) -> dict[str, str]:
    """Column by title; one for all levels where they never differ."""
    histories = [run.history for run in section.runs if run.history.rows]
    present = {f"level {level}": key for level, key in keys.items() if any(h.has(key) for h in histories)}
    first, *others = present.values() or [""]
    same = all(np.array_equal(h.column(first), h.column(key), equal_nan=True) for h in histories for key in others)
    return {"both levels": first} if others and same else present


@styled
def signal_curves(section: Section) -> bytes | None:
    """A panel per early-warning signal under the baseline, a colour per seed, as many seeds as there are colours.

    A dot marks where the signal moved, an upright line the onset; its dashes leave gaps for the next seed's.
    """
    keys = signals(section)
    runs = [run for run in section.summaries[0].included if any(run.history.has(key) for key in keys)][: len(COLOURS)]
    if not runs:
        return None
    figure, grid = panels(len(keys) + 1, 1.6, columns=3, legend=True, own=True)
    looks = [{"color": colour, "linestyle": STYLES[n % len(STYLES)]} for n, colour in enumerate(COLOURS)]
    for axes, key in zip(grid, ["modes", *keys], strict=True):
        axes.set_title(metric_spec(key).label)
        for number, run in enumerate(runs):
            seen, values = _curve(run, key, positive=False)
            axes.plot(seen, values, linewidth=1.4, **looks[number])
            if run.onset:
                dashes = (4 * number, (4, 4))
                axes.axvline(run.onset, color=COLOURS[number], linewidth=1.2, linestyle=dashes, zorder=0.9)
            if key != "modes" and (when := moved(run, key)) is not None:
                dot = {"color": COLOURS[number], "markersize": 8, "markeredgecolor": "white"}
                axes.plot(when, values[seen == when], "o", **dot)
        _scale(axes, section, key)
        axes.tick_params(labelbottom=True)
    marks = {"onset": {"marker": "|", "markersize": 11}, "moved": {"marker": "o", "markersize": 8}}
    seeds = {f"seed {run.seed}": look for run, look in zip(runs, looks, strict=False)}
    legend(figure, seeds | {name: look | {"color": MUTED, "linestyle": ""} for name, look in marks.items()}, columns=8)
    label_panels(figure, f"training {section.unit} seen")
    return png(figure)


def draw(axes: Axes, summary: Summary, key: str, color: str, linestyle: str | tuple = "-", paths: bool = False) -> None:
    """Mean and 95 % band of the averaged seeds; dotted: not averaged.

    Each seed has a thin line where they are too few for a band, and with `paths` in any case.
    """
    few = len(summary.included) < MIN_SEEDS
    for run in (*(summary.included if few or paths else ()), *summary.excluded):
        thin = "-" if run in summary.included else ":"
        axes.plot(*_curve(run, key), linestyle=thin, color=color, linewidth=0.9, alpha=0.5)
    seen_E, mean_E, low_E, high_E = averaged(summary, key)
    alone = "o" if len(seen_E) == 1 else ""
    axes.plot(seen_E, mean_E, color=color, linestyle=linestyle, linewidth=2.2, marker=alone, markersize=5)
    if not few:
        limits = axes.dataLim.frozen()
        axes.fill_between(seen_E, low_E, high_E, color=color, alpha=0.16, linewidth=0)
        axes.dataLim.set(limits)  # wide intervals of the first evaluations shall not flatten all that follows


def averaged(summary: Summary, key: str) -> tuple[np.ndarray, ...]:
    """Samples seen, mean, and both ends of its interval, [E] each; of the logarithms where the scale is one of them.

    Only where every seed has a value, so that no point averages fewer seeds than its neighbour.
    """
    tables = [dict(np.transpose(_curve(run, key)).tolist()) for run in summary.included]
    seen = sorted(set.intersection(*map(set, tables))) if tables else []
    into, back = (math.log, np.exp) if key in LOG_SCALED else (float, np.asarray)
    estimates = [estimate(into(table[x]) for table in tables) for x in seen]
    ends = ([getattr(value, end) for value in estimates] for end in ("mean", "low", "high"))
    return np.array(seen), *(back(np.array(values, dtype=float)) for values in ends)


def _has(summary: Summary, key: str) -> bool:
    return any(run.history.has(key) for run in (*summary.included, *summary.excluded))


def _curve(run: Run, key: str, positive: bool = True) -> tuple[np.ndarray, np.ndarray]:
    seen, values = run.history.column("images_seen"), run.history.column(key)
    usable = np.isfinite(seen) & np.isfinite(values)
    if key in LOG_SCALED and positive:
        usable &= np.nan_to_num(values) > 0
    return seen[usable], np.maximum(values[usable], AT_LEAST.get(key, -np.inf))


def _scale(axes: Axes, section: Section, key: str) -> None:
    """The vertical scale, and the ticks of both; panels that share their scales need it once."""
    count_axis(axes.xaxis)
    if key in LOG_SCALED:
        log_axis(axes)
        if key in AT_LEAST:
            axes.set_ylim(bottom=0.9 * LEAST_KL)
        elif key != "kl":
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=6))
        return
    if key not in section.family.signals:
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=key in MODE_COUNTS or key.startswith("active")))
    if key.startswith(("active", "beta")):
        axes.set_ylim(bottom=0)
    elif key == "elbo":  # from the second quarter of training on: the first steps gain more than all names differ by
        columns = [run.history.column(key) for run in section.included]
        late = np.concatenate([[], *(column[len(column) // 4 :] for column in columns)])
        late = late[np.isfinite(late)]
        if late.size and np.ptp(late):
            axes.set_ylim(late.min() - 0.05 * np.ptp(late), late.max() + 0.05 * np.ptp(late))


def _reference(axes: Axes, section: Section, key: str, named: bool) -> None:
    """A line at all classes, or at the KL floor."""
    known = dict.fromkeys(MODE_COUNTS, (section.num_modes, f"all {section.num_modes}"))
    known["kl"] = (section.summaries[0].mean("kl_floor"), "floor")
    level, label = known.get(key, (None, ""))
    if level:
        _line(axes, level, label if named else "", below=key in MODE_COUNTS)


def _line(axes: Axes, level: float, label: str, below: bool) -> None:
    axes.axhline(level, color=MUTED, linewidth=0.8, linestyle=DASHED, zorder=1)
    axes.annotate(
        label, (0.02, level), xycoords=("axes fraction", "data"), xytext=(0, -3 if below else 2),
        textcoords="offset points", fontsize=8, color=MUTED, va="top" if below else "bottom",
    )  # fmt: skip
