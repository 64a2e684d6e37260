"""Reading run folders, finished or not, into records. Nothing a run left half-written stops the reading."""

import csv
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from src.core.dataset import Dataset
from src.core.plain_data import clean, is_inside, is_number, read_bytes, read_json, read_yaml
from src.core.run_names import PRUNED, TUNING_FOLDER, run_name, swept_keys
from src.report import validity
from src.report.earlier_versions import with_outcome
from src.report.records import NEVER_STARTED, History, Run
from src.report.settings import settings

FACTS = (
    "images_seen",
    "generator_steps",
    "train_seconds",
    "images_per_second",
    "device",
    "precision",
    "versions",
    "git",
)
NO_DIGEST = "none"
NOT_RUNS = {"report", "checkpoints", "samples", ".hydra", ".git"}
DEEPEST = 30  # levels of folders that are searched
MOST_JOBS = 10_000  # of a sweep
MOST_ROWS, MOST_COLUMNS = 10_000, 1_000  # of a history: nobody evaluates as often
MOST_HISTORY = 100_000_000  # bytes; with clouds of points some thousand a row


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
    searched = [place for folder in folders for place in _folders(folder)]
    found = {path.resolve(): path for path, files in searched if _is_run(path, files)}
    planned = {run.folder.resolve(): run for path, files in searched if "jobs.json" in files for run in _planned(path)}
    if not found and not planned:
        places = ", ".join(map(str, folders))
        raise ReportError(
            f"{places}: no run in it. A run's folder holds results.json or .hydra/config.yaml; "
            "make some with `python -m src.train -m ...`, or name the folder above them."
        )
    return [read_run(found[path]) if path in found else planned[path] for path in sorted(found.keys() | planned.keys())]


def _folders(root: Path) -> Iterator[tuple[Path, Sequence[str]]]:
    """The folder and those below it, each with the names in it; what is in a run's folder is not searched."""
    waiting = [(root, 0)]
    while waiting:
        place, depth = waiting.pop()
        try:
            entries = sorted(os.scandir(place), key=lambda entry: entry.name)
        except OSError:  # not readable
            continue
        names = [entry.name for entry in entries]
        yield place, names
        if depth < DEEPEST and not _is_run(place, names):
            below = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
            # Trials of a sweep's settings have other seeds and budgets.
            trials = {TUNING_FOLDER} if "jobs.json" in names else set()
            waiting += [(place / name, depth + 1) for name in reversed(below) if name not in NOT_RUNS | trials]


def _is_run(path: Path, names: Sequence[str]) -> bool:
    return "results.json" in names or (path / ".hydra" / "config.yaml").is_file()


def _planned(sweep: Path) -> list[Run]:
    """The jobs of a sweep, as its jobs.json names them; of a damaged one none."""
    try:
        jobs = read_json(sweep / "jobs.json")["jobs"][:MOST_JOBS]
        found = [
            _never_started(sweep / Path(job["folder"]).name, job.get("name"), validity.texts(job["overrides"], "jobs"))
            for job in jobs
        ]
        for run in found:
            run.folder.resolve()  # no path holds a null character
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return []
    return found


def _never_started(folder: Path, name: str | None, overrides: tuple[str, ...]) -> Run:
    """A job of which nothing is known but what it was to be; recipes are called after their family."""
    name = clean(name, validity.LONGEST_NAME) if name else _name(None, overrides, folder)
    seed = next((text.partition("=")[2] for text in overrides if text.startswith("seed=")), "")
    return Run(
        folder,
        NEVER_STARTED,
        name,
        model=next((family for family in ("gan", "vae") if name.startswith(family)), None),
        seed=validity.seed(int(seed)) if seed.isdecimal() else None,
        overrides=overrides,
    )


def read_run(folder: Path) -> Run:
    """One run's folder as a record; what cannot be read makes it "damaged", never an exception."""
    config = _hydra(folder, "config.yaml")
    overrides = _overrides(folder)
    config = config if isinstance(config, dict) else {}
    family = next((family for family in ("gan", "vae") if family in config), None)
    known: dict[str, Any] = {
        "folder": folder,
        "model": family,
        "seed": validity.seed(config.get("seed")),
        "overrides": overrides,
        "facts": {"settings": settings(config), "primary": _primary(config, family)},
    }
    path = folder / "results.json"
    reading = ".hydra"
    try:
        require_inside(folder, folder / reading)
        reading = "history.csv"
        known["history"] = read_history(require_inside(folder, folder / reading))
        if not os.path.lexists(path):
            return Run(**known, name=_name(family, overrides, folder), status="unfinished")
        reading = "results.json"
        results = _results(read_json(require_inside(folder, path)))
        finished_at = path.stat().st_mtime
    except (OSError, ValueError, LookupError, TypeError) as damage:
        known["name"] = _name(family, overrides, folder)
        return Run(
            **known,
            status="damaged",
            error=f"{reading} cannot be read in {clean(folder.name, 100)}: {clean(str(damage))}",
        )
    results["facts"] |= known["facts"]
    return with_outcome(Run(**(known | results), finished_at=finished_at))


def require_inside(folder: Path, path: Path) -> Path:
    """The path, unless it is a link that leads out of the folder."""
    if not is_inside(folder, path):
        raise ValueError(f"{path} is a link that leads out of the run's folder")
    return path


def _primary(config: Mapping[str, Any], family: str | None) -> str | None:
    """The metric by which the study said beforehand that it would decide; None in runs that did not say."""
    study = config.get("study")
    declared = study.get("primary") if isinstance(study, dict) else None
    found = declared.get(family) if isinstance(declared, dict) else None
    return found if isinstance(found, str) else None


def _results(record: Any) -> dict[str, Any]:
    """Checked fields of results.json; ValueError says which one is wrong."""
    validity.require(isinstance(record, dict), "it is not a mapping")
    status, name, model = (validity.name(record.get(key), key) for key in ("status", "name", "model"))
    facts = {key: validity.text(record.get(key)) for key in ("device", "precision", "git", "oracle", "oracle_weak")}
    facts["versions"] = validity.versions(record.get("versions"))
    for key in ("images_seen", "generator_steps", "train_seconds", "images_per_second"):
        facts[key] = validity.real(record.get(key), key, least=0)
    facts["oracle_accuracy"] = validity.real(record.get("oracle_accuracy"), "oracle_accuracy", least=0, most=1)
    return {
        "status": PRUNED if str(record.get("error")).startswith(PRUNED) else status,
        "name": name,
        "model": model,
        "seed": validity.seed(record.get("seed")),
        "error": None if record.get("error") is None else clean(str(record["error"])),
        "dataset": _dataset(record.get("dataset")),
        "metrics": validity.metrics(record.get("metrics") or {}, "metrics"),
        "controls": validity.mappings(record.get("controls") or {}, "controls", validity.metrics),
        "onset": validity.onset(record.get("onset")),
        "onset_reason": validity.text(record.get("onset_reason")),
        "outcome": validity.text(record.get("outcome")),
        "facts": facts,
        "class_properties": _properties(record.get("class_properties")),
        "latents": _latents(record.get("latents")),
        "verdict": clean(str(record.get("musicality") or "")),
    }


def _dataset(record: Any) -> Dataset | None:
    if record is None:
        return None
    validity.require(isinstance(record, dict), "dataset is not a mapping")
    name = validity.name(record["name"], "dataset.name")
    shape = record.get("shape") or []
    validity.require(isinstance(shape, list), "dataset.shape is not a list")
    sizes = validity.mappings(record.get("sizes") or {}, "dataset.sizes", validity.whole)
    return Dataset(
        name=name,
        source=validity.name(record.get("source") or name, "dataset.source"),
        digest=validity.name(record.get("digest") or NO_DIGEST, "dataset.digest"),
        classes=validity.texts(record.get("classes") or (), "dataset.classes"),
        sizes=sizes,
        shape=tuple(validity.whole(size, "dataset.shape", 1) for size in shape),
        levels=validity.whole(record.get("levels") or 255, "dataset.levels", 1),
        entropy=validity.real(record.get("entropy"), "dataset.entropy"),
    )


def _properties(record: Any) -> dict[str, tuple[float, ...]]:
    """Properties that have a number for every class; the others are left out."""
    found = record.items() if isinstance(record, dict) else ()
    return {
        clean(key, validity.LONGEST_NAME): tuple(values)
        for key, values in found
        if isinstance(values, list) and all(map(is_number, values))
    }


def _latents(record: Any) -> tuple[Mapping[str, Any], ...]:
    """What is said of each dimension; entries that say nothing readable are left out."""
    found = record if isinstance(record, list) else ()
    told = (entry for entry in found if isinstance(entry, dict) and isinstance(entry.get("text"), str))
    return tuple(validity.metrics(entry, "latents") for entry in told)


def read_history(path: Path) -> History:
    """history.csv; a row cut short by a crash is left out, of repeated evaluations the last one stands.

    Raises:
        OSError: it cannot be read.
        ValueError: it is larger than any history.
    """
    if not os.path.lexists(path):
        return History()
    rows: dict[str, Mapping[str, str]] = {}
    try:
        table = csv.DictReader(io.StringIO(read_bytes(path, MOST_HISTORY).decode("utf-8", "replace"), newline=""))
        validity.require(len(table.fieldnames or ()) <= MOST_COLUMNS, f"it has more than {MOST_COLUMNS:,} columns")
        for number, row in enumerate(table):
            validity.require(number < MOST_ROWS, f"it has more than {MOST_ROWS:,} rows")
            if None not in row and None not in row.values():
                rows[row.get("images_seen", "")] = row
    except csv.Error:
        pass  # keep what was read before the damage
    history = History(tuple(rows.values()))
    seen = history.column("images_seen")
    return History(tuple(history.rows[i] for i in seen.argsort(kind="stable") if seen[i] >= 0))


def _hydra(folder: Path, name: str) -> Any:
    """Plain content of one of Hydra's files, interpolations left as text; None if absent or damaged."""
    try:
        return read_yaml(require_inside(folder, folder / ".hydra" / name))
    except (OSError, ValueError):
        return None


def _overrides(folder: Path) -> tuple[str, ...]:
    listed = _hydra(folder, "overrides.yaml")
    if listed is None:
        hydra = _hydra(folder, "hydra.yaml")
        try:
            listed = hydra["hydra"]["overrides"]["task"]
        except (LookupError, TypeError):
            listed = None
    try:
        return validity.texts(listed, "overrides")
    except ValueError:
        return ()


def _name(family: str | None, overrides: Sequence[str], folder: Path) -> str:
    """What to call a run without results: as its results would have been called, else as its folder is."""
    recipe = next((text.partition("=")[2] for text in overrides if text.startswith("experiment=")), family)
    try:
        called = run_name(recipe, overrides, swept_keys(folder.resolve().parent)) if recipe else folder.resolve().name
    except (OSError, ValueError):  # a damaged multirun.yaml
        called = folder.resolve().name
    return clean(called, validity.LONGEST_NAME)
