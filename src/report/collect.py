"""Reading run folders, finished or not, into records. Nothing a run left half-written stops the reading."""

import csv
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from src.core.console import progress
from src.core.plain_data import clean, is_inside, is_number, read_bytes, read_json, read_yaml
from src.core.run_names import NOT_PART_OF_A_NAME, TUNING_FOLDER, concerns, run_name, swept_keys, value_of
from src.evaluation.metrics.onset import ACTIVE_NATS, NEVER_HALF, onset_reason
from src.evaluation.metrics.outcome import LevelState, lasting_loss, mode_outcome
from src.report.records import NEVER_STARTED, History, Run, is_names
from src.report.results import LONGEST_NAME, fields, require, seed, texts

FAMILIES = ("gan", "vae")
NOT_RUNS = {"report", "checkpoints", "samples", ".hydra", ".git"}
NO_SETTINGS = (*NOT_PART_OF_A_NAME, "study", "callbacks", "compile")
DEEPEST = 30  # levels of folders that are searched
MOST_JOBS = 10_000  # of a sweep
MOST_ROWS, MOST_COLUMNS = 10_000, 1_000  # of a history
MOST_HISTORY = 100_000_000  # bytes; with clouds of points some thousand per row
LITTLE = ACTIVE_NATS / 2  # use or information of a level
COLUMNS = ("images_seen", "modes", "modes_any", "effective_modes", "recognisable")  # that outcomes follow from
MOST_SETTINGS, LONGEST_SETTING = 2_000, 200


class ReportError(ValueError):
    """The user's error, in one line that names the path or key and the way out."""


def collect(folders: Sequence[Path]) -> list[Run]:
    """Every run below the folders, once each, by path, and every job that a sweep among them never started.

    Raises:
        ReportError: a folder is missing, or there is no run in any of them.
    """
    for folder in folders:
        if not folder.is_dir():
            raise ReportError(f"{folder}: no such folder. Name a run, a sweep, or a folder of them.")
    searched = [place for folder in folders for place in _folders(folder)]
    started = {path.resolve(): path for path, files in searched if _is_run(path, files)}
    planned = {run.folder.resolve(): run for path, files in searched if "jobs.json" in files for run in _planned(path)}
    if not started and not planned:
        raise ReportError(
            f"{', '.join(map(str, folders))}: no run in it. A run's folder holds results.json or .hydra/config.yaml; "
            "make some with `python -m src.train -m ...`, or name the folder above them."
        )
    paths = sorted(started.keys() | planned.keys())
    return [read_run(started[path]) if path in started else planned[path] for path in progress(paths, "Reading runs")]


def _folders(root: Path) -> Iterator[tuple[Path, Sequence[str]]]:
    """The folder and those below it, each with the names in it; what is in a run's folder is not searched."""
    for place, folders, files in os.walk(root):
        path, names = Path(place), [*folders, *files]
        yield path, names
        # Trials of a sweep's settings have other seeds and budgets.
        closed = NOT_RUNS | ({TUNING_FOLDER} if "jobs.json" in files else set())
        searched = len(path.parts) - len(root.parts) < DEEPEST and not _is_run(path, names)
        folders[:] = sorted({*folders} - closed) if searched else []


def _is_run(path: Path, names: Sequence[str]) -> bool:
    return "results.json" in names or (path / ".hydra" / "config.yaml").is_file()


def _planned(sweep: Path) -> list[Run]:
    """The jobs of a sweep, as its jobs.json names them; of a damaged one none.

    Nothing is known of such a job but what it was to be; recipes are called after their family.
    """
    runs = []
    try:
        for job in read_json(sweep / "jobs.json")["jobs"][:MOST_JOBS]:
            folder, overrides = sweep / Path(job["folder"]).name, texts(job["overrides"], "jobs")
            folder.resolve()  # no path holds a null character
            name = clean(job["name"], LONGEST_NAME) if job.get("name") else _name(None, overrides, folder)
            model = next((family for family in FAMILIES if name.startswith(family)), None)
            digits = value_of("seed", overrides)
            own = seed(int(digits)) if digits.isdecimal() else None
            runs.append(Run(folder, NEVER_STARTED, name, model=model, seed=own, overrides=overrides))
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return []
    return runs


def read_run(folder: Path) -> Run:
    """One run's folder as a record; what cannot be read makes it "damaged", never an exception."""
    config, overrides = _hydra(folder, "config.yaml"), _overrides(folder)
    config = config if isinstance(config, dict) else {}
    family = next((family for family in FAMILIES if family in config), None)
    primary = config
    for key in ("study", "primary", family):  # the metric by which the study said beforehand that it would decide
        primary = primary.get(key) if isinstance(primary, dict) else None
    known: dict[str, Any] = {
        "folder": folder,
        "model": family,
        "seed": seed(config.get("seed")),
        "overrides": overrides,
        "facts": {"settings": settings(config), "primary": primary if isinstance(primary, str) else None},
    }
    path, reading = folder / "results.json", ".hydra"
    try:
        require_inside(folder, folder / reading)
        reading = "history.csv"
        known["history"] = read_history(require_inside(folder, folder / reading))
        if not os.path.lexists(path):
            return Run(**known, name=_name(family, overrides, folder), status="unfinished")
        reading = "results.json"
        results = fields(read_json(require_inside(folder, path)))
        finished_at = path.stat().st_mtime
    except (OSError, ValueError, LookupError, TypeError) as damage:
        error = f"{reading} cannot be read in {clean(folder.name, 100)}: {clean(str(damage))}"
        return Run(**known, name=_name(family, overrides, folder), status="damaged", error=error)
    results["facts"] |= known["facts"]
    if results["status"] == "failed" and not (results["facts"].get("train_seconds") or known["history"].rows):
        results["status"] = NEVER_STARTED
    return _with_outcome(Run(**(known | results), finished_at=finished_at))


def _with_outcome(run: Run) -> Run:
    """The run with an outcome, if it completed and recorded none, and with the onset that belongs to it.

    A GAN's follow from the modes in its history. Onsets were defined otherwise, and 0 where half the modes were never
    covered; without a history only this is known. Of a VAE it is known only that a level has collapsed, or has no
    effect because its use or its information is next to nothing: shuffled pairs to compare with were not recorded.
    """
    if run.model == "vae" and run.completed and "without_effect" not in run.metrics:
        idle = [
            level
            for level in ("high", "low")
            if level not in run.names("collapsed")
            and any(run.scalars.get(f"{key}_{level}", ACTIVE_NATS) < LITTLE for key in ("usage", "mi"))
        ]
        run = replace(run, metrics={**run.metrics, "without_effect": idle}) if idle else run
    if run.outcome or not run.completed:
        return run
    if run.model == "vae":
        return replace(run, outcome=LevelState.COLLAPSED if run.names("collapsed") else None)
    modes, missing = run.metrics.get("modes"), run.metrics.get("missing")
    if not (run.history.has("modes") and is_number(modes) and is_names(missing)):
        return replace(run, onset=None, onset_reason=NEVER_HALF) if run.onset == 0 else run
    num_modes = int(modes) + len(missing)
    table = np.column_stack([run.history.column(key) for key in COLUMNS])
    table = table[np.isfinite(table[:, :2]).all(1)]
    rows = [dict(zip(COLUMNS, values, strict=True)) for values in table.tolist()]
    return replace(
        run,
        outcome=mode_outcome(rows, num_modes),
        onset=lasting_loss(rows, num_modes),
        onset_reason=onset_reason(table[:, 1].tolist(), num_modes),
    )


def require_inside(folder: Path, path: Path) -> Path:
    """The path, unless it is a link that leads out of the folder."""
    require(is_inside(folder, path), f"{path} is a link that leads out of the run's folder")
    return path


def settings(config: Mapping[str, Any]) -> dict[str, str]:
    """What bears on what is trained and how it is measured: values by key, as text without spaces.

    What is interpolated is there under another key, except the budget.
    """
    leaves = dict(islice(_leaves(config), MOST_SETTINGS))
    if leaves.get("budget") == "${study.budget}":
        leaves["budget"] = leaves.get("study.budget", "")
    return {key: text for key, text in leaves.items() if "${" not in text and not concerns(key, NO_SETTINGS)}


def _leaves(node: Any, key: str = "") -> Iterator[tuple[str, str]]:
    if not isinstance(node, dict):
        yield clean(key, LONGEST_SETTING), "".join(clean(str(node), LONGEST_SETTING).split())
        return
    for name, below in node.items():
        yield from _leaves(below, f"{key}.{name}" if key else str(name))


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
        require(len(table.fieldnames or ()) <= MOST_COLUMNS, f"it has more than {MOST_COLUMNS:,} columns")
        for number, row in enumerate(table):
            require(number < MOST_ROWS, f"it has more than {MOST_ROWS:,} rows")
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
    try:
        listed = _hydra(folder, "hydra.yaml")["hydra"]["overrides"]["task"] if listed is None else listed
        return texts(listed, "overrides")
    except (LookupError, TypeError, ValueError):
        return ()


def _name(family: str | None, overrides: Sequence[str], folder: Path) -> str:
    """What to call a run without results: as its results would have been called, else as its folder is."""
    recipe = value_of("experiment", overrides, family or "")
    try:
        name = run_name(recipe, overrides, swept_keys(folder.resolve().parent)) if recipe else folder.resolve().name
    except (OSError, ValueError):  # a damaged multirun.yaml
        name = folder.resolve().name
    return clean(name, LONGEST_NAME)
