"""`python -m benchmarks.sanity [CHECK …] [repeats=3]`: sanity checks of the metrics of quality and diversity.

The checks and criteria of Räisä et al. 2025, arXiv:2505.22450: sweeps over distributions for
which it is known what a metric should say. Writes the rows of the named checks, or all, to results/sanity.csv, from
which `python -m docs._results` makes the table of docs/metrics.md. As there, both samples are standardised by the
real one; unlike there, k is 5, as in runs, repeats are fewer, and `invention` has other modes.

Only metrics from 0 to 1 are checked, for which the criteria are made: `fid` and `kid` have no such scale.
"""

import csv
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks import sanity_sweeps as sweeps
from benchmarks.sanity_criteria import (
    Curve,
    Passes,
    bell,
    either,
    falling,
    falling_before,
    flat,
    near,
    rising,
    settled,
    verdict,
)
from benchmarks.sanity_sweeps import OVERLAP, Random, Sweep
from src.core.console import progress
from src.core.files import write_atomically
from src.evaluation.metrics.fidelity import Fidelity
from src.report.export import table_csv
from src.training.results import commit

FIDELITY = ("precision", "density", "clipped_density")
DIVERSITY = ("recall", "coverage", "clipped_coverage")
METRICS = (*FIDELITY, *DIVERSITY)
TABLE = Path(__file__).parents[1] / "results" / "sanity.csv"
REPEATS = 3
FIRST, LAST = -np.inf, np.inf  # x of a curve's ends


@dataclass(frozen=True)
class Rule:
    """What a metric's curve must be like, one of fidelity and one of diversity, in the settings of this beginning."""

    desideratum: str
    fidelity: Passes | None
    diversity: Passes | None
    setting: str = ""


def rule(desideratum: str, passes: Passes) -> Rule:
    return Rule(desideratum, passes, passes)


@dataclass(frozen=True)
class Check:
    title: str
    sweep: Callable[[Random], Sweep]
    rules: Sequence[Rule]


NONE_AT_ENDS = (rule("D4", near(0, FIRST)), rule("D4", near(0, LAST)))
SHIFTED = (rule("D1b", bell(0)), rule("D4", near(1, 0)), *NONE_AT_ENDS)
DROPPED = (rule("D4", near(1, FIRST)), Rule("D4", near(1, LAST), None))
CHECKS = {
    "mean": Check("Gaussian, mean", sweeps.mean, SHIFTED),
    "outlier": Check("Gaussian, mean, one outlier", sweeps.outlier, SHIFTED),
    "heavy_tail": Check("Gaussian, mean, Pareto dimension", sweeps.heavy_tail, SHIFTED),
    "deviation": Check(
        "Gaussian, deviation",
        sweeps.deviation,
        (
            Rule("D1b", falling, either(bell(1), rising)),
            rule("D4", near(1, 1)),
            Rule("D4", near(1, FIRST), near(0, FIRST)),
            Rule("D4", near(0, LAST), either(near(0, LAST), near(1, LAST))),
        ),
    ),
    "dropping_together": Check(
        "Modes dropped together", sweeps.dropping_together, (Rule("D1b", flat, falling_before(0.95)), *DROPPED)
    ),
    "dropping_in_turn": Check(
        "Modes dropped in turn", sweeps.dropping_in_turn, (Rule("D1b", flat, falling_before(0.5)), *DROPPED)
    ),
    "invention": Check(
        "Modes dropped, then invented",
        sweeps.invention,
        (
            Rule("D1b", falling, rising),
            rule("D4", near(1, 5)),
            Rule("D4", near(1, FIRST), None),
            Rule("D4", None, near(1, LAST)),
        ),
    ),
    "two_modes": Check(
        "One wide mode for two",
        sweeps.two_modes,
        (Rule("D1b", falling, either(falling, flat)), rule("D4", near(1, FIRST))),
    ),
    "sphere_surfaces": Check(
        "Surfaces of spheres", sweeps.sphere_surfaces, (rule("D1b", bell(1)), rule("D4", near(1, 1)), *NONE_AT_ENDS)
    ),
    "sphere_and_torus": Check(
        "Sphere and torus", sweeps.sphere_and_torus, (rule("D1b", settled), rule("D4", near(0, LAST)))
    ),
    "sample_size": Check(
        "Cubes, number of both", sweeps.sample_size, (rule("D1b", near(OVERLAP, LAST)), rule("D3", settled))
    ),
    "synthetic_size": Check(
        "Cubes, number of samples", sweeps.synthetic_size, (rule("D1b", near(OVERLAP, LAST)), rule("D2", settled))
    ),
    "scaling": Check("One dimension scaled", sweeps.scaling, (*NONE_AT_ENDS, rule("D5", flat))),
    "one_disjoint": Check("One dimension disjoint", sweeps.one_disjoint, (rule("D1b", flat), *NONE_AT_ENDS)),
    "discrete": Check(
        "Rounded and continuous",
        sweeps.discrete,
        (
            rule("D1b", flat),
            *(
                one
                for end in (FIRST, LAST)
                for one in (
                    Rule("D4", near(0, end), either(near(0, end), near(1, end)), "real"),
                    Rule("D4", near(1, end), near(0, end), "fake"),
                )
            ),
        ),
    ),
}


def curves(sweep: Sweep) -> dict[str, list[dict[str, float]]]:
    """By setting: x and all metrics of each of its samples."""
    points: dict[str, list[dict[str, float]]] = {}
    for setting, real, samples in sweep:
        mean, deviation = real.mean(0), real.std(0)
        metric = Fidelity(torch.from_numpy((real - mean) / deviation))
        for x, fake in samples:
            values = metric.neighbourhoods(torch.from_numpy((fake - mean) / deviation))
            points.setdefault(setting, []).append({"x": x, **{key: values[key].item() for key in METRICS}})
    return points


def verdicts(check: Check, repeats: int) -> list[dict[str, str]]:
    """A row per desideratum with the verdict on each metric, from the means over the repeats."""
    runs = [curves(check.sweep(np.random.default_rng(seed))) for seed in progress(range(repeats), check.title)]
    means = {
        setting: {key: np.mean([[point[key] for point in run[setting]] for run in runs], 0) for key in ("x", *METRICS)}
        for setting in runs[0]
    }

    def of(key: str, desideratum: str) -> str:
        rules = [one for one in check.rules if one.desideratum == desideratum]
        passes = [(one.fidelity if key in FIDELITY else one.diversity, one.setting) for one in rules]
        curves = [(setting, Curve(mean["x"], mean[key])) for setting, mean in means.items()]
        return verdict([p(curve) for p, start in passes if p for name, curve in curves if name.startswith(start)])

    desiderata = dict.fromkeys(one.desideratum for one in check.rules)
    return [{"check": check.title, "desideratum": one, **{key: of(key, one) for key in METRICS}} for one in desiderata]


def main(arguments: Sequence[str]) -> None:
    names = [argument for argument in arguments if "=" not in argument] or list(CHECKS)
    if unknown := [name for name in names if name not in CHECKS]:
        sys.exit(f"unknown: {', '.join(unknown)}; choose from {', '.join(CHECKS)}")
    repeats = int(dict(argument.split("=") for argument in arguments if "=" in argument).get("repeats", REPEATS))
    order = [check.title for check in CHECKS.values()]
    for name in names:
        made = [row | {"repeats": repeats, "commit": commit()} for row in verdicts(CHECKS[name], repeats)]
        rows = list(csv.DictReader(TABLE.open(encoding="utf-8"))) if TABLE.is_file() else []
        rows = [row for row in rows if row["check"] != CHECKS[name].title] + made
        rows.sort(key=lambda row: order.index(row["check"]))
        write_atomically(TABLE, table_csv(list(made[0]), rows))


if __name__ == "__main__":
    main(sys.argv[1:])
