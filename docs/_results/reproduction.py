"""Published figures beside what was obtained here."""

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev

from src.core.run_names import concerns, key_of
from src.report.records import Run
from src.report.statistics import MIN_SEEDS
from src.report.stored import options

CLOSE = 2.0  # standard errors
LENGTH = ("budget", "budget_in", "evaluations", "study")  # options that leave a recipe what it is
LONG_ENOUGH = 0.1  # of a paper's updates, for a verdict


@dataclass(frozen=True)
class Published:
    """One figure of a paper's table; `factor` turns this project's metric into its unit.

    `se` and `trials` are None where the paper gives none, `updates` where it does not say how long it trained.
    """

    row: str
    recipe: str
    metric: str
    factor: float
    mean: float
    se: float | None
    trials: int | None
    updates: int | None
    source: str


@dataclass(frozen=True)
class Obtained:
    """A published figure beside that of all completed runs of its recipe that are as long as the longest."""

    published: Published
    values: Sequence[float]
    updates: int | None

    @property
    def mean(self) -> float:
        return fmean(self.values)

    @property
    def se(self) -> float | None:
        return stdev(self.values) / math.sqrt(len(self.values)) if len(self.values) > 1 else None

    @property
    def difference(self) -> float:
        return self.mean - self.published.mean

    @property
    def in_errors(self) -> float | None:
        """The difference in its standard errors, a missing one of the paper taken as 0; None of too few trials."""
        error = math.hypot(self.se or 0.0, self.published.se or 0.0)
        return self.difference / error if error and len(self.values) >= MIN_SEEDS else None

    @property
    def share(self) -> float | None:
        """Of the published number of updates."""
        return self.updates / self.published.updates if self.updates and self.published.updates else None

    @property
    def verdict(self) -> str:
        if self.share is not None and self.share < LONG_ENOUGH:
            return "too short"
        if self.in_errors is None:
            return "too few trials" if len(self.values) < MIN_SEEDS else "–"
        return "agrees" if abs(self.in_errors) <= CLOSE else "differs"


def published(path: Path) -> list[Published]:
    with path.open(newline="") as file:
        return [_published(row) for row in csv.DictReader(file)]


def _published(row: Mapping[str, str]) -> Published:
    return Published(
        row=row["row"],
        recipe=row["recipe"],
        metric=row["metric"],
        factor=float(row["factor"]),
        mean=float(row["mean"]),
        se=float(row["se"]) if row["se"] else None,
        trials=int(row["trials"]) if row["trials"] else None,
        updates=int(row["updates"]) if row["updates"] else None,
        source=row["source"],
    )


def reproduced(figures: Iterable[Published], runs: Iterable[Run]) -> list[Obtained]:
    """Every published figure, with the values of the runs that the table holds, possibly none.

    Runs with options of their own, but for their length, are other experiments.
    """
    by_recipe: dict[str, list[Run]] = {}
    for run in runs:
        if run.completed and all(concerns(key_of(text), LENGTH) for text in options(run).split()):
            by_recipe.setdefault(run.recipe, []).append(run)
    return [_obtained(figure, by_recipe.get(figure.recipe, [])) for figure in figures]


def _obtained(figure: Published, runs: Sequence[Run]) -> Obtained:
    longest = max((run.generator_steps or 0 for run in runs), default=0)
    chosen = [run for run in runs if (run.generator_steps or 0) == longest]
    values = [figure.factor * run.scalars[figure.metric] for run in chosen if figure.metric in run.scalars]
    return Obtained(figure, values, int(longest) or None)
