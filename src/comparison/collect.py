"""Reading run folders, finished or not, into records. Nothing a run left half-written stops the reading."""

import csv
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from src.comparison.records import NEVER_STARTED, Dataset, History, Run, is_number
from src.comparison.settings import settings
from src.names import PRUNED, run_name, swept_keys

FACTS = ("images_seen", "train_seconds", "images_per_second", "device", "precision", "versions", "git")
FastLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # a tenth of the time, where PyYAML was built with it
NO_DIGEST = "none"
NOT_RUNS = {"report", "checkpoints", "samples", ".hydra", ".git"}


class ReportError(ValueError):
    """The user's mistake, in one line that names the path or key and the way out."""


def collect(folders: Sequence[Path]) -> list[Run]:
    """Every run below the folders, once each, by path, and every job that a sweep among them never started.

    Raises:
        ReportError: a folder is missing, or there is no run in any of them.
    """
    for folder in folders:
        if not folder.is_dir():
            raise ReportError(f"{folder}: no such folder. Name a run, a sweep, or a folder of them.")
    found = {path.resolve(): path for folder in folders for path in _run_folders(folder)}
    planned = {run.folder.resolve(): run for folder in folders for run in _planned(folder)}
    if not found and not planned:
        places = ", ".join(map(str, folders))
        raise ReportError(
            f"{places}: no run in it. A run's folder holds results.json or .hydra/config.yaml; "
            "make some with `python -m src.train -m ...`, or name the folder above them."
        )
    return [read_run(found[path]) if path in found else planned[path] for path in sorted(found.keys() | planned.keys())]


def _planned(root: Path) -> Iterator[Run]:
    """The jobs of every sweep below a folder, as the jobs.json beside them names them; a damaged one names none."""
    for path in sorted(root.rglob("jobs.json")):
        try:
            for job in json.loads(path.read_text(encoding="utf-8"))["jobs"]:
                yield _never_started(path.parent / job["folder"], job.get("name"), tuple(map(str, job["overrides"])))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            continue


def _never_started(folder: Path, name: str | None, overrides: tuple[str, ...]) -> Run:
    """A job of which nothing is known but what it was to be; recipes are called after their family."""
    name = name or _name(None, overrides, folder)
    seed = next((text.partition("=")[2] for text in overrides if text.startswith("seed=")), "")
    return Run(
        folder,
        NEVER_STARTED,
        name,
        model=next((family for family in ("gan", "vae") if name.startswith(family)), None),
        seed=int(seed) if seed.isdecimal() else None,
        overrides=overrides,
    )


def _run_folders(root: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(root):
        path = Path(place)
        if "results.json" in files or (path / ".hydra" / "config.yaml").is_file():
            folders.clear()
            yield path
        folders[:] = sorted(set(folders) - NOT_RUNS)


def read_run(folder: Path) -> Run:
    """One run's folder as a record; what cannot be read makes it "damaged", never an exception."""
    config = _read_yaml(folder / ".hydra" / "config.yaml")
    overrides = _overrides(folder)
    config = config if isinstance(config, dict) else {}
    family = next((family for family in ("gan", "vae") if family in config), None)
    known: dict[str, Any] = {
        "folder": folder,
        "model": family,
        "seed": config["seed"] if isinstance(config.get("seed"), int) else None,
        "history": read_history(folder / "history.csv"),
        "overrides": overrides,
        "facts": {"settings": settings(config), "primary": _primary(config, family)},
    }
    path = folder / "results.json"
    if not path.is_file():
        return Run(**known, name=_name(family, overrides, folder), status="unfinished")
    try:
        results = _results(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as damage:
        known["name"] = _name(family, overrides, folder)
        return Run(**known, status="damaged", error=f"results.json cannot be read: {damage}")
    results["facts"] |= known["facts"]
    return Run(**(known | results), finished_at=path.stat().st_mtime)


def _primary(config: Mapping[str, Any], family: str | None) -> str | None:
    """The metric by which the study said beforehand that it would decide; None in runs that did not say."""
    study = config.get("study")
    declared = study.get("primary") if isinstance(study, dict) else None
    found = declared.get(family) if isinstance(declared, dict) else None
    return found if isinstance(found, str) else None


def _results(record: Any) -> dict[str, Any]:
    """Checked fields of results.json; ValueError says which one is wrong."""
    _require(isinstance(record, dict), "it is not a mapping")
    for key in ("status", "name", "model"):
        _require(isinstance(record.get(key), str), f"{key} is missing")
    metrics, controls = record.get("metrics") or {}, record.get("controls") or {}
    _require(isinstance(metrics, dict), "metrics is not a mapping")
    _require(
        isinstance(controls, dict) and all(isinstance(v, dict) for v in controls.values()),
        "controls is not a mapping of mappings",
    )
    onset = record.get("onset")
    fields = {
        "status": PRUNED if str(record.get("error")).startswith(PRUNED) else record["status"],
        "name": record["name"],
        "model": record["model"],
        "seed": record.get("seed") if isinstance(record.get("seed"), int) else None,
        "error": None if record.get("error") is None else str(record["error"]),
        "dataset": _dataset(record.get("dataset")),
        "metrics": metrics,
        "controls": controls,
        "onset": onset if isinstance(onset, dict) or is_number(onset) else None,
        "facts": {key: record.get(key) for key in (*FACTS, "oracle_accuracy")},
        "class_properties": _properties(record.get("class_properties")),
        "latents": _latents(record.get("latents")),
        "verdict": str(record.get("musicality") or ""),
    }
    for key in ("images_seen", "train_seconds", "images_per_second", "oracle_accuracy"):
        if not is_number(fields["facts"][key]):
            fields["facts"][key] = None
    return fields


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)


def _dataset(record: Any) -> Dataset | None:
    if record is None:
        return None
    _require(isinstance(record, dict), "dataset is not a mapping")
    name = str(record["name"])
    return Dataset(
        name=name,
        source=str(record.get("source") or name),
        digest=str(record.get("digest") or NO_DIGEST),
        classes=tuple(map(str, record.get("classes") or ())),
        sizes=dict(record.get("sizes") or {}),
        shape=tuple(record.get("shape") or ()),
        levels=record.get("levels") or 255,
        entropy=record["entropy"] if is_number(record.get("entropy")) else None,
    )


def _properties(record: Any) -> dict[str, tuple[float, ...]]:
    """Properties that have a number for every class; the others are left out."""
    found = record.items() if isinstance(record, dict) else ()
    return {key: tuple(values) for key, values in found if isinstance(values, list) and all(map(is_number, values))}


def _latents(record: Any) -> tuple[Mapping[str, Any], ...]:
    """What is said of each dimension; entries that say nothing readable are left out."""
    found = record if isinstance(record, list) else ()
    return tuple(entry for entry in found if isinstance(entry, dict) and isinstance(entry.get("text"), str))


def read_history(path: Path) -> History:
    """history.csv; a row cut short by a crash is left out, of repeated evaluations the last one stands."""
    if not path.is_file():
        return History()
    rows: dict[str, Mapping[str, str]] = {}
    try:
        with path.open(newline="", encoding="utf-8", errors="replace") as file:
            for row in csv.DictReader(file):
                if None not in row and None not in row.values():
                    rows[row.get("images_seen", "")] = row
    except csv.Error:
        pass  # keep what was read before the damage
    history = History(tuple(rows.values()))
    order = history.column("images_seen").argsort(kind="stable")
    return History(tuple(history.rows[i] for i in order))


def _read_yaml(path: Path) -> Any:
    """Plain containers of a Hydra file, interpolations left as text; None if absent or damaged."""
    if not path.is_file():
        return None
    try:
        return yaml.load(path.read_text(encoding="utf-8"), FastLoader)
    except (OSError, ValueError, yaml.YAMLError):
        return None


def _overrides(folder: Path) -> tuple[str, ...]:
    listed = _read_yaml(folder / ".hydra" / "overrides.yaml")
    if listed is None:
        hydra = _read_yaml(folder / ".hydra" / "hydra.yaml")
        try:
            listed = hydra["hydra"]["overrides"]["task"]
        except (KeyError, TypeError):
            listed = None
    return tuple(map(str, listed)) if isinstance(listed, list) else ()


def _name(family: str | None, overrides: Sequence[str], folder: Path) -> str:
    """What to call a run without results: as its results would have been called, else as its folder is."""
    recipe = next((text.partition("=")[2] for text in overrides if text.startswith("experiment=")), family)
    try:
        return run_name(recipe, overrides, swept_keys(folder.resolve().parent)) if recipe else folder.resolve().name
    except Exception:  # a torn multirun.yaml, which can be damaged in any way
        return folder.resolve().name
