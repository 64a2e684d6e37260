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
KEY = ("dataset", "setting", "recipe")
MOST_BYTES = 10_000_000


@dataclass(frozen=True)
class Trial:
    """One rate of one recipe on one data set: what its seeds reached on the validation split.

    Attributes:
        setting: options beside the sweep's choices that all its runs have.
        beta1: None where only the rate was tried.
        default: whether it is the recipe's own.
        mean: None where a seed failed.
    """

    dataset: str
    setting: str
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


def store_trials(runs: Iterable[Run], places: Mapping[Path, tuple[str, str]], table: Path) -> None:
    """Adds the trials of the sweeps that runs belong to; those of the same recipe and place replace earlier ones.

    Args:
        places: data set and setting of each run's folder, as the table calls them.
    """
    recipes = {(run.folder.parent / TABLE, run.name): places[run.folder] for run in runs}
    tables = {path: read_table(path) for path, _ in recipes}
    rows = [
        dict(zip(KEY, recipes[path, row["recipe"]], strict=False)) | {key: row.get(key, "") for key in COLUMNS}
        for path, listed in tables.items()
        for row in listed
        if (path, row.get("recipe")) in recipes
    ]
    if not rows:
        return
    anew = {_key(row) for row in rows}
    kept = [row for row in read_table(beside(table)) if _key(row) not in anew]
    write_atomically(beside(table), table_csv((*KEY[:2], *COLUMNS), sorted([*kept, *rows], key=_key)))


def stored_trials(table: Path) -> list[Trial]:
    """Of a table of results; none where no rate was tuned."""
    return [
        Trial(
            **{key: row[key] for key in ("dataset", "setting", "recipe", "metric")},
            rate=float(row["rate"]),
            beta1=float(row["beta1"]) if row["beta1"] else None,
            default=row["default"] == "yes",
            seeds=len(row["values"].split()),
            mean=float(row["mean"]) if is_number(number(row["mean"])) else None,
            chosen=row["chosen"] == "yes",
        )
        for row in read_table(beside(table))
    ]


def read_table(path: Path) -> list[dict[str, str]]:
    """The rows of a table of trials; none where there is no such file."""
    if not path.is_file():
        return []
    return list(csv.DictReader(io.StringIO(read_bytes(path, MOST_BYTES).decode(), newline="")))


def at_the_edge(tried: Iterable[tuple[str, float, bool]]) -> list[str]:
    """Recipes whose chosen rate is the highest or the lowest of those tried, so that one beyond may be better.

    Args:
        tried: recipe, rate and whether it was chosen.
    """
    rates: dict[str, dict[float, bool]] = {}
    for recipe, rate, chosen in tried:
        own = rates.setdefault(recipe, {})
        own[rate] = own.get(rate, False) or chosen
    return [recipe for recipe, own in rates.items() if len(own) > 1 and (own[min(own)] or own[max(own)])]


def _key(row: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(row[key] for key in KEY)
