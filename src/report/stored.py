"""Results as data: runs as rows of a CSV file, from which any report is made again, alone or beside other runs."""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from src.core.dataset import Dataset
from src.core.files import write_atomically
from src.core.levels import expanded, levels_in
from src.core.metric_families import FAMILIES
from src.core.metric_specs import ordered
from src.core.plain_data import read_bytes
from src.core.run_names import RATES, concerns, key_of, recipe_overrides
from src.report.collect import ReportError
from src.report.export import table_csv
from src.report.records import History, Run
from src.report.trials import store_trials

DATASETS = "datasets.json"  # beside the CSV file: what its column `dataset` names, with properties of the classes
KEY = ("recipe", "options", "dataset", "budget", "seed")  # a row per run of these: the last one stands
RECORD = ("name", "model", "status", "outcome", "onset_reason", "error")
TEXTS = {
    "oracle": "oracle",
    "oracle_weak": "oracle_weak",
    "primary": "primary",
    "device": "machine",
    "precision": "trainer_precision",
    "git": "commit",
}
NUMBERS = ("oracle_accuracy", "images_seen", "generator_steps", "train_seconds", "images_per_second")
NESTED = ("onset", "controls", "history")  # as JSON
FIXED = (*KEY, *RECORD, *TEXTS.values(), *NUMBERS, "finished", *NESTED)  # all other columns are metrics
CURVES = (
    *("images_seen", "generator_steps", "discriminator_images", "seconds"),
    *("modes", "modes_any", "kl", "kl_any", "kl_floor", "missing", "recognisable"),
    *("elbo", "reconstruction", "kl_LEVEL", "collapsed", "beta_LEVEL"),
    *FAMILIES["gan"].signals,
)
OF_CONTROLS = (
    *("modes", "modes_any", "kl", "kl_any", "recognisable", "fid", "precision"),
    *("validity", "diversity", "feature_distance", "style_accuracy", "memorised"),
)
DIGITS = 6
MOST_BYTES = 100_000_000


def options(run: Run) -> str:
    """What the command changed of the recipe, but for the seed, in one order."""
    return " ".join(sorted(text for text in recipe_overrides(run.overrides) if not concerns(key_of(text), ("data",))))


def setting_of(run: Run) -> str:
    """What the command changed beside what its sweep varied and the rates that tuning chose."""
    own = (text for text in options(run).split() if text not in run.name.split())
    return " ".join(text for text in own if not concerns(key_of(text), RATES))


def store(runs: Iterable[Run], path: Path) -> int:
    """Adds rows to a CSV file, which need not exist; a row of the same key is replaced. Returns how many were added.

    Runs without data or without an end are left out: nothing was measured of them.
    """
    measured = [run for run in runs if run.dataset and (run.completed or run.failed) and run.seed is not None]
    rows = {_key(row): row for row in (_read(path) if path.is_file() else [])}
    rows |= {_key(row): row for row in sorted(map(_row, measured), key=lambda row: row["finished"])}
    metrics = ordered({key for row in rows.values() for key in row} - {*FIXED})
    columns = [*FIXED[: -len(NESTED)], *metrics, *NESTED]
    path.parent.mkdir(parents=True, exist_ok=True)
    known = _datasets(path)
    for run in measured:
        own = known.setdefault(dataset_key(run.dataset), asdict(run.dataset) | {"properties": {}})
        properties = {key: _rounded(values) for key, values in run.class_properties.items()}
        own["properties"] |= {run.facts["oracle"]: properties} if run.facts.get("oracle") and properties else {}
    lines = ",\n".join(f"{json.dumps(key)}: {json.dumps(known[key])}" for key in sorted(known))
    write_atomically(path.parent / DATASETS, f"{{\n{lines}\n}}\n")
    write_atomically(path, table_csv(columns, [rows[key] for key in sorted(rows)]))
    store_trials(measured, {run.folder: (dataset_key(run.dataset), setting_of(run)) for run in measured}, path)
    return len(measured)


def stored(path: Path) -> list[Run]:
    """The runs of a CSV file that `store` wrote; their folders do not exist.

    Raises:
        ReportError: there is no such file, or it is another one.
    """
    try:
        datasets = _datasets(path)
        return [_run(row, datasets, path) for row in _read(path)]
    except FileNotFoundError:
        raise ReportError(
            f"--from {path}: no such file; make it with `python -m src.report FOLDER… --to {path}`."
        ) from None
    except (OSError, ValueError, LookupError, TypeError) as fault:
        raise ReportError(f"--from {path}: not a table of results ({type(fault).__name__}: {fault}).") from None


def _key(row: Mapping[str, Any]) -> tuple[str, str, str, str, int]:
    return row["recipe"], row["options"], row["dataset"], row["budget"], int(row["seed"])


def _row(run: Run) -> dict[str, Any]:
    facts = {column: run.facts.get(key) for key, column in TEXTS.items()} | {k: run.facts.get(k) for k in NUMBERS}
    facts |= {"images_seen": run.images_seen, "generator_steps": run.generator_steps}
    own = {key: getattr(run, key) for key in RECORD}
    finished = datetime.fromtimestamp(run.finished_at, UTC).isoformat(timespec="seconds")
    place = {"recipe": run.recipe, "options": options(run), "dataset": dataset_key(run.dataset), "seed": run.seed}
    place["budget"] = run.facts.get("settings", {}).get("budget", "")
    plain = {key: _rounded(value) for key, value in run.metrics.items()}
    metrics = {key: one if isinstance(one, str | int | float) else json.dumps(one) for key, one in plain.items()}
    controls = {
        name: {key: _rounded(value) for key, value in control.items() if key in OF_CONTROLS}
        for name, control in run.controls.items()
    }
    nested = {"onset": run.onset, "controls": controls, "history": _curves(run.history)}
    return metrics | facts | own | place | {"finished": finished} | {k: json.dumps(v) for k, v in nested.items() if v}


def _rounded(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_rounded(entry) for entry in value]
    if isinstance(value, dict):
        return {key: _rounded(entry) for key, entry in value.items()}
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def _curves(history: History) -> dict[str, list[Any]]:
    """Columns of the history that figures are drawn from; absent names stay words."""
    keys = expanded(CURVES, levels_in(history.rows[0])) if history.rows else ()
    known = [key for key in keys if all(key in row for row in history.rows)]
    return {key: [_rounded(_value(row[key])) for row in history.rows] for key in known}


def _read(path: Path) -> list[dict[str, Any]]:
    """Rows without their blank cells."""
    usual = csv.field_size_limit(MOST_BYTES)
    try:
        table = csv.DictReader(io.StringIO(read_bytes(path, MOST_BYTES).decode(), newline=""))
        if not {*KEY} <= {*(table.fieldnames or ())}:
            raise ValueError(f"it lacks a column of {', '.join(KEY)}")
        rows = [{key: cell for key, cell in row.items() if cell} for row in table]
    finally:
        csv.field_size_limit(usual)
    return [{"options": "", "budget": "", **row} for row in rows]


def _run(row: Mapping[str, Any], datasets: Mapping[str, Any], path: Path) -> Run:
    nested = {key: json.loads(row.get(key, "null")) for key in NESTED}
    curves = nested["history"] or {}
    turns = range(len(next(iter(curves.values()), ())))
    rows = [{key: str(values[turn]) for key, values in curves.items()} for turn in turns]
    data = datasets[row["dataset"]]
    known = {one.name: data[one.name] for one in fields(Dataset) if one.name in data}
    recorded = {key: row.get(key) for key in RECORD}
    facts: dict[str, Any] = {key: row.get(column) for key, column in TEXTS.items()}
    facts["settings"] = {"budget": row["budget"]}
    return Run(
        **recorded,
        folder=path / "_".join(str(part).replace("/", "-") for part in _key(row)),
        seed=int(row["seed"]),
        dataset=Dataset(**{key: tuple(value) if isinstance(value, list) else value for key, value in known.items()}),
        metrics={key: _value(cell) for key, cell in row.items() if key not in FIXED},
        controls=nested["controls"] or {},
        onset=nested["onset"],
        facts=facts | {key: float(row[key]) if key in row else None for key in NUMBERS},
        history=History(tuple(rows)),
        overrides=(f"experiment={row['recipe']}", *row["options"].split(), f"seed={row['seed']}"),
        class_properties={k: tuple(v) for k, v in data["properties"].get(row.get("oracle", ""), {}).items()},
        finished_at=datetime.fromisoformat(row["finished"]).timestamp(),
    )


def _value(cell: str) -> Any:
    try:
        return json.loads(cell)
    except ValueError:
        return cell


def dataset_key(dataset: Dataset) -> str:
    """Its name, the first digits of its digest, and its shape: stacked samples are other data."""
    return f"{dataset.source}-{dataset.digest[:12]}-{'x'.join(map(str, dataset.shape))}"


def _datasets(path: Path) -> dict[str, Any]:
    file = path.parent / DATASETS
    return json.loads(read_bytes(file, MOST_BYTES)) if file.is_file() else {}
