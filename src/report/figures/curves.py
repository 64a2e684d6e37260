"""Curves against samples seen: metrics, latent levels, schedules of annealing, early-warning signals.

E evaluations.
"""

from collections.abc import Mapping
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
from src.report.verdicts import mostly_without_effect

LOG_SCALED = {"kl", "kl_any", "generator_gradient", "discriminator_gradient"}


def curves(section: Section, key: str) -> Chart | None:
    """One metric, a line per name; None without a history of it."""
    lines = [line for summary in section.summaries if (line := _line(summary, key))]
    references = {f"all {section.num_modes}": section.num_modes} if key in MODE_COUNTS and section.num_modes else {}
    if key == "kl" and (floor := section.summaries[0].mean("kl_floor")):
        references = {"floor": floor}
    limits: tuple[float | None, float | None] = (None, None)
    if key in MODE_COUNTS and section.num_modes:
        limits = (0, 1.06 * section.num_modes)
    elif key == "elbo":  # from the second quarter of training on: the first steps gain more than all names differ by
        late = np.concatenate([[], *(c[len(c) // 4 :] for r in section.included if (c := r.history.column(key)).size)])
        late = late[np.isfinite(late)]
        if late.size and np.ptp(late):
            limits = (late.min() - 0.05 * np.ptp(late), late.max() + 0.05 * np.ptp(late))
    return _chart(section, key, metric_spec(key).label, lines, _logarithmic(key), references, limits)


def level_curves(section: Section, quantity: str) -> Chart | None:
    """KL or active dimensions, a line per name and level; None without a history."""
    lines = [
        line
        for summary in section.summaries
        for level in section.family.levels
        if (line := _line(summary, f"{quantity}_{level}", level))
    ]
    kl = quantity == "kl"
    limits = (0.9 * LEAST_KL if kl else 0, None)
    label = "KL, nats" if kl else "active dimensions"
    return _chart(
        section,
        f"{quantity}_{section.family.levels[0]}",
        label,
        lines,
        kl,
        {"collapsed": ACTIVE_NATS} if kl else {},
        limits,
    )


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
            points = not seen.size
            seen = history.column("images_seen") if points else seen
            columns = {
                t: history.column(k) if points else history.series(f"schedule_{k}") for t, k in quantities.items()
            }
            known = {t: v for t, v in columns.items() if v.shape == seen.shape and np.isfinite(v).any()}
            betas = [v for title, v in known.items() if title != "τ"]
            if len(betas) > 1 and all(np.array_equal(betas[0], other, equal_nan=True) for other in betas[1:]):
                known = {"β": betas[0]} | {title: v for title, v in known.items() if title == "τ"}
            if "τ" in known and (known["τ"] == 1).all():
                del known["τ"]
            lines += [Line(summary.label, title, (seen, values), points=points) for title, values in known.items()]
    return _chart(section, "beta", "β, τ" if any(x.level == "τ" for x in lines) else "β", lines, limits=(0, None))


def _chart(section: Section, key: str, label: str, lines: list[Line], *more: Any, **limits: Any) -> Chart | None:
    return Chart(key, label, section.unit, section.baseline_label, lines, *more, **limits) if lines else None


def _line(summary: Summary, key: str, level: str = "") -> Line | None:
    runs = [run for run in (*summary.included, *summary.excluded) if run.history.has(key)]
    if not runs:
        return None
    few = len(summary.included) < MIN_SEEDS
    seen_E, mean_E, *band = averaged(summary, key)
    return Line(
        summary.label,
        level,
        (seen_E, mean_E),
        None if few or not seen_E.size else (band[0], band[1]),
        {_called(run, summary): _curve(run, key) for run in runs},
        [_called(run, summary) for run in runs if run in summary.excluded],
        "KL without effect" if level and mostly_without_effect(summary, level) else "",
    )


def _called(run: Run, summary: Summary) -> str:
    return f"{run.seed}{', not averaged' * (run in summary.excluded)}"


def signal_curves(section: Section) -> list[Chart]:
    """A chart per early-warning signal under the baseline, a line per seed; at most as many seeds as colours."""
    charts = []
    for key in signals(section):
        runs = [run for run in section.summaries[0].included if run.history.has(key)][: len(COLOURS)]
        lines = [
            Line(f"seed {run.seed}", "", _curve(run, key), times=_known({"onset": run.onset, "moved": moved(run, key)}))
            for run in runs
        ]
        chart = _chart(section, key, metric_spec(key).label, lines, _logarithmic(key))
        charts += [chart] if chart else []
    return charts


def _known(times: Mapping[str, Any]) -> dict[str, float]:
    return {what: float(when) for what, when in times.items() if is_number(when)}


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
