"""runs.csv, a row per run, and summary.csv, a row per name and metric."""

import csv
import io
import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from src.core.dataset import Dataset
from src.core.metric_specs import ordered
from src.report.counts import clopper_pearson
from src.report.grouping import Section, Summary
from src.report.ranking import ranks
from src.report.records import Run
from src.report.verdicts import judge

RECORD = (
    *("name", "seed", "status", "averaged", "outcome", "onset_reason", "model"),
    *("dataset", "source", "digest", "oracle", "oracle_accuracy"),
)
COST = ("train_seconds", "images_per_second", "device", "precision", "git")
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # how cells begin that spreadsheets run
NUMBERS = re.compile(r"[-+]?[\d.]+(e[-+]?\d+)?( [-+]?[\d.]+(e[-+]?\d+)?)*")  # text of numbers is none
OTHERS = ("images_seen", "generator_steps", *COST, "error", "folder")
SUMMARY = (
    *("name", "metric", "n", "mean", "sd", "low", "high", "diff", "diff_low", "diff_high", "p", "p_holm"),
    *("test", "pairs", "detectable", "verdict", "primary", "rank_first", "rank_last"),
    *("model", "dataset", "source", "digest", "oracle", "baseline", "completed", "failed", "not_run"),
)
SHARE = "collapsed_or_failed"


def runs_csv(sections: Sequence[Section], root: Path) -> str:
    """Every run as recorded; `averaged` says whether it stands in the means. Folders are relative to root.

    A fact about the run that has the name of a metric, such as the trainer's precision, is called `trainer_…`.
    """
    runs = [run for section in sections for run in section.runs]
    metrics = ordered({key for run in runs for key in run.metrics})
    onsets = [key for key in sorted({key for run in runs for key in run.onset_columns}) if key not in metrics]
    renamed = {key: f"trainer_{key}" if key in metrics else key for key in (*RECORD, *OTHERS)}
    rows = []
    for section in sections:
        ordered_runs = sorted(section.runs, key=lambda run: (run.name, run.seed is None, run.seed or 0))
        for run in ordered_runs:
            facts = {renamed[key]: value for key, value in _facts(run, section, root).items()}
            rows.append(run.onset_columns | dict(run.metrics) | facts)
    columns = [*(renamed[key] for key in RECORD), *metrics, *onsets, *(renamed[key] for key in OTHERS)]
    return _csv(columns, rows)


def _facts(run: Run, section: Section, root: Path) -> dict[str, Any]:
    averaged = any(run.folder == kept.folder for kept in section.included)
    record = (run.name, run.seed, run.status, "yes" if averaged else "no", run.outcome, run.onset_reason, run.model)
    oracle = (run.facts.get("oracle"), run.facts.get("oracle_accuracy"))
    return {
        **dict(zip(RECORD, (*record, *_data(run.dataset), *oracle), strict=True)),
        "images_seen": run.images_seen,
        "generator_steps": run.generator_steps,
        **{key: run.facts.get(key) for key in COST},
        "error": run.error,
        "folder": relative(run.folder, root),
    }


def _data(dataset: Dataset | None) -> tuple[str | None, str | None, str | None]:
    return (dataset.name, dataset.source, dataset.digest) if dataset else (None, None, None)


def summary_csv(sections: Sequence[Section]) -> str:
    """Long: a row per name and metric, with the mean, the difference from the baseline and its test.

    Where seeds failed or fall into two groups, `test` is "rank sum" and the metric has no `diff`; the share of seeds
    that failed or lie in the worse group of the primary metric has rows of its own, with exact intervals.
    """
    rows = []
    for section in sections:
        keys = [key for key in ordered(section.metric_keys) if key != section.primary]
        keys = [*([section.primary] if section.primary else []), *keys]
        for summary in section.summaries:
            own = _own(section, summary)
            rows += [own | _summary_row(section, summary, key) for key in keys]
            rows += [own | _share_row(section, summary)] if section.groups else []
    return _csv(SUMMARY, rows)


def _own(section: Section, summary: Summary) -> dict[str, Any]:
    """What is the same for all metrics of a name."""
    name, source, digest = _data(section.dataset)
    return {
        "name": summary.name,
        "model": section.model,
        "dataset": name,
        "source": source,
        "digest": digest,
        "oracle": section.oracle,
        "baseline": section.baseline,
        "completed": len(summary.included),
        "failed": len(summary.failed),
        "not_run": len(summary.excluded) - len(summary.failed),
    }


def _summary_row(section: Section, summary: Summary, key: str) -> dict[str, Any]:
    value = summary.estimates[key]
    row = {"metric": key, "primary": "yes" if key == section.primary else "no"}
    row |= {part: getattr(value, part) for part in ("n", "mean", "sd", "low", "high")}
    if key == section.primary and (place := ranks(section).get(summary.name)):
        row |= {"rank_first": place.first, "rank_last": place.last}
    if summary.name == section.baseline:
        return row
    compared, tested = section.compared(key, summary.name), section.significance(key, summary.name)
    difference = compared.difference
    row |= {"diff": difference.mean, "diff_low": difference.low, "diff_high": difference.high, "p": compared.p}
    row |= {"pairs": difference.n, "test": ("rank sum" if compared.exact else "t") if compared.p is not None else None}
    row |= {"verdict": str(judge(section, summary, key).verdict)}
    if tested:
        row |= {"p_holm": tested.corrected, "detectable": compared.detectable(tested.tests)}
    return row


def _share_row(section: Section, summary: Summary) -> dict[str, Any]:
    """The share of seeds that failed or are in the worse group, as a metric of its own."""
    n = len(summary.included) + len(summary.failed)
    found = section.groups.get(summary.name)
    row: dict[str, Any] = {"metric": SHARE, "primary": "no", "n": n}
    if n:
        worse = found.worse if found else 0
        row |= dict(zip(("mean", "low", "high"), (worse / n, *clopper_pearson(worse, n)), strict=True))
    if summary.name != section.baseline:
        share = section.compared(section.primary, summary.name).share
        row |= {"pairs": share.n, "diff": share.mean, "diff_low": share.low, "diff_high": share.high}
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
