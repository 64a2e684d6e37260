"""The trials by which tuning chose each recipe's learning rate, as data beside stored results."""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from src.core.files import write_atomically
from src.core.plain_data import is_number, number, read_bytes
from src.report.export import table_csv
from src.report.records import Run

TABLE = "tuning.csv"  # in a sweep's folder
COLUMNS = ("recipe", "metric", "rate", "beta1", "default", "seeds", "values", "mean", "chosen", "overrides")
KEY = ("dataset", "recipe")
MOST_BYTES = 10_000_000


@dataclass(frozen=True)
class Trial:
    """One setting of one recipe on one data set: what its seeds reached on the validation split.

    `mean` is None where a seed failed, `beta1` where only the rate was tried; `default` is the recipe's own setting.
    """

    dataset: str
    recipe: str
    metric: str
    rate: float
    beta1: float | None
    default: bool
    seeds: int
    mean: float | None
    chosen: bool


def beside(table: Path) -> Path:
    """Where the trials of stored results are."""
    return table.with_name(f"{table.stem}_tuning.csv")


def store_trials(runs: Iterable[Run], datasets: Mapping[Path, str], table: Path) -> None:
    """Adds the trials of the sweeps that runs belong to; those of a recipe and data set take the place of earlier ones.

    Args:
        datasets: the data set of each run's folder, as the table calls it.
    """
    recipes = {(run.folder.parent / TABLE, run.name): datasets[run.folder] for run in runs}
    tables = {path: read_table(path) for path, _ in recipes}
    rows = [
        {"dataset": recipes[path, row["recipe"]], **{key: row.get(key, "") for key in COLUMNS}}
        for path, listed in tables.items()
        for row in listed
        if (path, row.get("recipe")) in recipes
    ]
    if not rows:
        return
    anew = {_key(row) for row in rows}
    kept = [row for row in read_table(beside(table)) if _key(row) not in anew]
    write_atomically(beside(table), table_csv(("dataset", *COLUMNS), sorted([*kept, *rows], key=_key)))


def stored_trials(table: Path) -> list[Trial]:
    """Of a table of results; none where no rate was tuned."""
    return [_trial(row) for row in read_table(beside(table))]


def read_table(path: Path) -> list[dict[str, str]]:
    """The rows of a table of trials; none where there is no such file."""
    if not path.is_file():
        return []
    return list(csv.DictReader(io.StringIO(read_bytes(path, MOST_BYTES).decode(), newline="")))


def _key(row: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(row[key] for key in KEY)


def _trial(row: Mapping[str, str]) -> Trial:
    mean = number(row["mean"])
    return Trial(
        dataset=row["dataset"],
        recipe=row["recipe"],
        metric=row["metric"],
        rate=float(row["rate"]),
        beta1=float(row["beta1"]) if row["beta1"] else None,
        default=row["default"] == "yes",
        seeds=len(row["values"].split()),
        mean=mean if is_number(mean) else None,
        chosen=row["chosen"] == "yes",
    )
