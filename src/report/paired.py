"""The numbers of a section's runs as tables of names and seeds, and what the statistics make of them by name."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from src.core.metric_specs import metric_spec
from src.report.compare import Compared, compare
from src.report.counts import clopper_pearson, split
from src.report.records import Run
from src.report.statistics import Estimate, moderated


@dataclass(frozen=True)
class Groups:
    """How many of a name's seeds failed or lie on the worse side of the gap between two groups of values.

    `threshold` is None where runs failed and the values of the others are of one group.
    """

    worse: int
    n: int
    threshold: float | None
    failed: int


def table(names: Sequence[str], completed: Sequence[Run], failed: Sequence[Run], key: str) -> np.ndarray:
    """Values of one metric, [M, n]: NaN was not run or not measured, ±∞ failed or has no value, with the worse sign.

    A metric that is neither good nor bad has no worst value: a failed run has none of it.
    """
    seeds = sorted({run.seed for run in (*completed, *failed)})
    lost = {"higher": -math.inf, "lower": math.inf, None: math.nan}[metric_spec(key).better]
    values = np.full((len(names), len(seeds)), np.nan)
    for run in (*failed, *completed):
        missing = lost if run.failed or key in run.metrics else math.nan
        value = missing if run.failed else run.scalars.get(key, missing)
        values[names.index(run.name), seeds.index(run.seed)] = value
    return values


def estimates(names: Sequence[str], values_MN: np.ndarray, key: str, num_modes: int | None) -> dict[str, Estimate]:
    """Mean of each name with its 95 % interval, by t on the moderated variance.

    Where seeds failed or fall into two groups, the interval lies between the means of the groups as the exact limits
    of their shares do, a failed run having the metric's worst value; without one there is neither mean nor interval.
    """
    spec, finite_MN = metric_spec(key), np.where(np.isinf(values_MN), np.nan, values_MN)
    if not np.isfinite(finite_MN).any():
        return {name: Estimate(0) for name in names}
    grouped, mixed = groups(names, values_MN, key), split(finite_MN, spec.rounding).mixed
    variance = moderated(np.where(mixed[:, None], np.nan, finite_MN), spec.rounding)
    least, most = spec.bounds(num_modes)
    worst = spec.worst(num_modes, float(np.nanmax(finite_MN)))
    made = {}
    for place, name in enumerate(names):
        row = values_MN[place][~np.isnan(values_MN[place])]
        failed = np.isinf(row)
        if not len(row) or (worst is None and failed.any()):
            made[name] = Estimate(len(row))
            continue
        row = np.where(failed, worst, row).astype(float)
        mean, sd = float(row.mean()), float(row.std(ddof=1)) if len(row) > 1 else None
        spread = float(variance.value[place]) if len(row) > 1 else 0.0
        ends = (None, None)
        if name in grouped:
            ends = _between_groups(row, grouped[name], spec.better == "higher")
        elif spread > 0:
            half = float(stdtrit(variance.df[place], 0.975)) * math.sqrt(spread / len(row))
            ends = (max(mean - half, least), min(mean + half, most))
        made[name] = Estimate(len(row), mean, sd, *ends)
    return made


def _between_groups(row: np.ndarray, of: Groups, higher: bool) -> Sequence[float | None]:
    if not 0 < of.worse < of.n:
        return None, None
    ordered = np.sort(row)[:: 1 if higher else -1]
    bad, good = float(ordered[: of.worse].mean()), float(ordered[of.worse :].mean())
    return sorted(good + share * (bad - good) for share in clopper_pearson(of.worse, of.n))


def groups(names: Sequence[str], values_MN: np.ndarray, key: str) -> dict[str, Groups]:
    """Names with failed seeds or with seeds in two groups."""
    failed_MN, spec = np.isinf(values_MN), metric_spec(key)
    finite_MN = np.where(failed_MN, np.nan, values_MN)
    parted = split(finite_MN, spec.rounding)
    threshold = float(parted.threshold)
    worse_MN = failed_MN | (finite_MN < threshold if spec.better == "higher" else finite_MN > threshold)
    counts = zip(worse_MN.sum(1), (~np.isnan(values_MN)).sum(1), parted.mixed, failed_MN.sum(1), strict=True)
    return {
        name: Groups(int(worse), int(n), threshold if mixed else None, int(failed))
        for name, (worse, n, mixed, failed) in zip(names, counts, strict=True)
        if mixed or failed
    }


def comparisons(names: Sequence[str], values_MN: np.ndarray, key: str, num_modes: int | None) -> dict[str, Compared]:
    """Every name but the first against the first."""
    spec = metric_spec(key)
    result = compare(values_MN, spec.better != "higher", spec.rounding, spec.bounds(num_modes))
    return {name: result.of(place) for place, name in enumerate(names[1:])}
