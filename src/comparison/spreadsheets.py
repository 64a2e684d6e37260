"""runs.csv, a row per run, and summary.csv, a row per name."""

import csv
import io
import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from src.comparison.measures import ordered
from src.comparison.ranking import ranks
from src.comparison.records import Dataset, Run
from src.comparison.sections import Section, Summary
from src.comparison.statistics import Estimate, intervals

RECORD = ("name", "seed", "status", "averaged", "model", "dataset", "source", "digest", "oracle_accuracy")
COST = ("train_seconds", "images_per_second", "device", "precision", "git")
ESTIMATE = ("n", "mean", "sd", "low", "high")
DIFFERENCE = ("pairs", "difference", "difference_low", "difference_high", "p", "p_corrected")
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # how cells begin that spreadsheets run
NUMBERS = re.compile(r"[-+]?[\d.]+(e[-+]?\d+)?( [-+]?[\d.]+(e[-+]?\d+)?)*")  # text of numbers is none
RANK = ("ranked_by", "rank_first", "rank_last")


def runs_csv(sections: Sequence[Section], root: Path) -> str:
    """Every run as recorded; `averaged` says whether it stands in the means. Folders are relative to root."""
    rows, runs = [], [run for section in sections for run in section.runs]
    for section in sections:
        ordered_runs = sorted(section.runs, key=lambda run: (run.name, run.seed is None, run.seed or 0))
        rows += [_run_row(run, section, root) for run in ordered_runs]
    metrics = ordered({key for run in runs for key in run.metrics})
    onsets = sorted({key for run in runs for key in run.onset_columns})
    return _csv([*RECORD, *metrics, *onsets, "images_seen", "generator_steps", *COST, "error", "folder"], rows)


def _run_row(run: Run, section: Section, root: Path) -> dict[str, Any]:
    averaged = any(run.folder == kept.folder for kept in section.counted)
    record = (run.name, run.seed, run.status, "yes" if averaged else "no", run.model)
    return {
        **run.metrics,
        **run.onset_columns,
        **dict(zip(RECORD, (*record, *_data(run.dataset), run.facts.get("oracle_accuracy")), strict=True)),
        "images_seen": run.images_seen,
        "generator_steps": run.generator_steps,
        **{key: run.facts.get(key) for key in COST},
        "error": run.error,
        "folder": relative(run.folder, root),
    }


def _data(dataset: Dataset | None) -> tuple[str | None, str | None, str | None]:
    return (dataset.name, dataset.source, dataset.digest) if dataset else (None, None, None)


def summary_csv(sections: Sequence[Section]) -> str:
    """Per name and metric: n, mean, sd, 95 % interval; difference from the baseline, pairs, interval, p, p by Holm.

    `interval` says how a row's intervals were made, the rank is in the metric that `ranked_by` names.
    """
    keys = ordered({key for section in sections for key in section.metric_keys})
    fixed = ["name", "model", "dataset", "source", "digest", "baseline", "n", "not_averaged", *RANK, "interval"]
    columns = [f"{key}_{part}" for key in keys for part in (*ESTIMATE, *DIFFERENCE)]
    rows = [_summary_row(section, summary) for section in sections for summary in section.summaries]
    return _csv([*fixed, *columns], rows)


def _summary_row(section: Section, summary: Summary) -> dict[str, Any]:
    name, source, digest = _data(section.dataset)
    row: dict[str, Any] = {
        "name": summary.name,
        "model": section.model,
        "dataset": name,
        "source": source,
        "digest": digest,
        "baseline": section.baseline,
        "n": len(summary.counted),
        "not_averaged": len(summary.others),
    }
    gaps = {} if summary.name == section.baseline else {key: summary.difference(key) for key in section.metric_keys}
    row["interval"] = intervals([*summary.estimates.values(), *gaps.values()])
    if place := ranks(section).get(summary.name):
        row |= dict(zip(RANK, (section.ranking_key, place.first, place.last), strict=True))
    for key in section.metric_keys:
        value = summary.estimates.get(key, Estimate(0))
        row |= {f"{key}_{part}": getattr(value, part) for part in ESTIMATE}
        if gap := gaps.get(key):
            found = section.significance(key, summary.name)
            tested = (found.p, found.corrected) if found else (None, None)
            parts = zip(DIFFERENCE, (gap.n, gap.mean, gap.low, gap.high, *tested), strict=True)
            row |= {f"{key}_{part}": number for part, number in parts}
    return row


def relative(folder: Path, root: Path) -> str:
    """Path as seen from the folder that holds the report, so that both can move together."""
    return Path(os.path.relpath(folder.resolve(), root.resolve())).as_posix()


def _csv(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(_plain, columns))
    writer.writerows([_plain(row.get(column)) for column in columns] for row in rows)
    return text.getvalue()


def _plain(value: Any) -> Any:
    """A cell: lists as words, mappings as JSON, None and what is not finite as blank.

    Spreadsheets take text for a formula that begins like one, which an apostrophe prevents.
    """
    if isinstance(value, dict):
        return json.dumps(value)
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    text = " ".join(map(str, value)) if isinstance(value, list | tuple) else value
    if not isinstance(text, str):
        return text
    quoted = f"'{text}" if text.startswith(FORMULA) and not NUMBERS.fullmatch(text) else text
    return quoted.replace("\r", " ")  # which the csv module would leave as the end of a row
