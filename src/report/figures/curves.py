"""Curves against samples seen: metrics, latent levels, schedules of annealing, early-warning signals.

E evaluations.
"""

from typing import Any

import numpy as np

from src.core.levels import levels_in
from src.core.metric_specs import LEAST_KL, metric_spec
from src.core.plain_data import is_number
from src.evaluation.metrics.onset import ACTIVE_NATS
from src.report.early_warning import moved, signals
from src.report.figures.chart import MODE_COUNTS, Chart, Curve, Line
from src.report.figures.style import COLOURS
from src.report.records import Run
from src.report.section import Section, Summary
from src.report.statistics import MIN_SEEDS, estimate
from src.report.verdicts import late_floor, mostly_without_effect

LOG_SCALED = {"kl", "kl_any", "generator_gradient", "discriminator_gradient"}


def curves(section: Section, key: str) -> Chart | None:
    """One metric, a line per name; None without a history of it."""
    lines = [line for summary in section.summaries if (line := _line(summary, key))]
    references, limits = {}, (None, None)
    if key in MODE_COUNTS and section.num_modes:
        references, limits = {f"all {section.num_modes}": section.num_modes}, (0, 1.06 * section.num_modes)
    elif key == "kl" and (floor := late_floor(section.summaries[0])):
        references = {"floor": floor}
    elif key == "elbo":  # from the second quarter of training on: the first steps gain more than all names differ by
        late = [values[len(values) // 4 :] for run in section.included if (values := run.history.column(key)).size]
        late = [value for values in late for value in values if np.isfinite(value)]
        if late and np.ptp(late):
            limits = (min(late) - 0.05 * np.ptp(late), max(late) + 0.05 * np.ptp(late))
    return _chart(section, key, metric_spec(key).label, lines, _logarithmic(key), references, limits)


def level_curves(section: Section, quantity: str) -> Chart | None:
    """KL or active dimensions, a line per name and level; None without a history."""
    keys = {level: f"{quantity}_{level}" for level in section.family.levels}
    pairs = [(summary, level) for summary in section.summaries for level in keys]
    lines = [line for summary, level in pairs if (line := _line(summary, keys[level], level))]
    first = f"{quantity}_{section.family.levels[0]}"
    if quantity == "kl":
        return _chart(section, first, "KL, nats", lines, True, {"collapsed": ACTIVE_NATS}, (0.9 * LEAST_KL, None))
    return _chart(section, first, "active dimensions", lines, limits=(0, None))


def schedules(section: Section) -> Chart | None:
    """β of all levels, one line where they never differ, and τ where it is not 1, as training used them.

    Of each name the first averaged run, at every step that it recorded; runs of earlier versions recorded only the
    values at their evaluations.
    """
    quantities = {f"β, {level}": f"beta_{level}" for level in section.family.levels} | {"τ": "temperature"}
    lines = []
    for summary in section.summaries:
        for run in summary.included[:1]:
            history, seen = run.history, run.history.series("schedule_images")
            if points := not seen.size:
                seen = history.column("images_seen")
            columns = {
                t: history.column(k) if points else history.series(f"schedule_{k}") for t, k in quantities.items()
            }
            known = {t: v for t, v in columns.items() if v.shape == seen.shape and np.isfinite(v).any()}
            if np.all(known.get("τ", 0) == 1):
                del known["τ"]
            betas = [values for title, values in known.items() if title != "τ"]
            if len(betas) > 1 and all(np.array_equal(betas[0], other, equal_nan=True) for other in betas):
                known = {"β": betas[0]} | {title: known[title] for title in ("τ",) if title in known}
            lines += [Line(summary.label, title, (seen, values), points=points) for title, values in known.items()]
    return _chart(section, "beta", "β, τ" if any(x.level == "τ" for x in lines) else "β", lines, limits=(0, None))


def _chart(section: Section, key: str, label: str, lines: list[Line], *more: Any, **limits: Any) -> Chart | None:
    return Chart(key, label, section.unit, section.baseline_label, lines, *more, **limits) if lines else None


def _line(summary: Summary, key: str, level: str = "") -> Line | None:
    runs = {f"{run.seed}": run for run in summary.included if run.history.has(key)}
    excluded = {f"{run.seed}, not averaged": run for run in summary.excluded if run.history.has(key)}
    if not runs and not excluded:
        return None
    seen_E, mean_E, *band = averaged(summary, key)
    return Line(
        summary.label,
        level,
        (seen_E, mean_E),
        None if len(summary.included) < MIN_SEEDS or not seen_E.size else (band[0], band[1]),
        {called: _curve(run, key) for called, run in (runs | excluded).items()},
        [*excluded],
        "KL without effect" if level and mostly_without_effect(summary, level) else "",
    )


def signal_curves(section: Section) -> list[Chart]:
    """A chart per early-warning signal under the baseline, a line per seed; at most as many seeds as colours."""
    charts = []
    for key in signals(section):
        lines = []
        for run in [run for run in section.summaries[0].included if run.history.has(key)][: len(COLOURS)]:
            times = {"onset": run.onset, "moved": moved(run, key)}
            times = {what: float(when) for what, when in times.items() if is_number(when)}
            lines.append(Line(f"seed {run.seed}", "", _curve(run, key), times=times))
        charts.append(_chart(section, key, metric_spec(key).label, lines, _logarithmic(key)))
    return [chart for chart in charts if chart]


def averaged(summary: Summary, key: str) -> tuple[np.ndarray, ...]:
    """Samples seen, mean, and both ends of its interval, [E] each; of the logarithms where the scale is one of them."""
    table_EV, is_log = summary.aligned(key), _logarithmic(key)
    if is_log:
        table_EV = table_EV[(table_EV[:, 1:] > 0).all(1)]
    values_ES = np.maximum(table_EV[:, 1:], _least(key))
    estimates = [estimate(values_S) for values_S in (np.log(values_ES) if is_log else values_ES)]
    ends = (np.array([getattr(one, end) for one in estimates], float) for end in ("mean", "low", "high"))
    return table_EV[:, 0], *(np.exp(end_E) if is_log else end_E for end_E in ends)


def _curve(run: Run, key: str) -> Curve:
    seen, values = run.history.column("images_seen"), run.history.column(key)
    usable = np.isfinite(seen) & np.isfinite(values)
    if _logarithmic(key):
        usable &= np.nan_to_num(values) > 0
    return seen[usable], np.maximum(values[usable], _least(key))


def _logarithmic(key: str) -> bool:
    return key in LOG_SCALED or bool(levels_in([key]))


def _least(key: str) -> float:
    """The smallest value that is drawn."""
    return LEAST_KL if levels_in([key]) else -np.inf
