"""runs.csv, a row per run, and summary.csv, a row per name and metric."""

import csv
import io
import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from src.core.metric_specs import ordered
from src.core.plain_data import as_word
from src.report.counts import clopper_pearson
from src.report.records import Run
from src.report.section import Section, Summary
from src.report.statistics import Estimate
from src.report.verdicts import judge, ranks

RECORD = (
    *("name", "seed", "status", "averaged", "outcome", "onset_reason", "model"),
    *("dataset", "source", "digest", "oracle", "oracle_accuracy"),
)
COST = ("train_seconds", "images_per_second", "device", "precision", "git")
OTHERS = ("images_seen", "generator_steps", *COST, "error", "folder")
SUMMARY = (
    *("name", "metric", "n", "mean", "sd", "low", "high", "diff", "diff_low", "diff_high", "p", "p_holm"),
    *("test", "pairs", "detectable", "verdict", "primary", "rank_first", "rank_last"),
    *("model", "dataset", "source", "digest", "oracle", "baseline", "completed", "failed", "not_run"),
)
SHARE = "worse_or_failed"
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # how cells begin that spreadsheets run
NUMBERS = re.compile(r"[-+]?[\d.]+(e[-+]?\d+)?( [-+]?[\d.]+(e[-+]?\d+)?)*")  # text of numbers is none


def runs_csv(sections: Sequence[Section], root: Path) -> str:
    """Every run as recorded; `averaged` says whether it is in the means. Folders are relative to root.

    A fact about the run that has the name of a metric, such as the trainer's precision, is called `trainer_…`.
    """
    runs = [run for section in sections for run in section.runs]
    metrics = ordered({key for run in runs for key in run.metrics})
    onsets = [key for key in sorted({key for run in runs for key in run.onset_columns}) if key not in metrics]
    renamed = {key: f"trainer_{key}" if key in metrics else key for key in (*RECORD, *OTHERS)}
    rows = []
    for section in sections:
        averaged = {run.folder for run in section.included}
        for run in sorted(section.runs, key=lambda run: run.order):
            facts = _facts(run, root) | {"averaged": "yes" if run.folder in averaged else "no"}
            rows.append(run.onset_columns | dict(run.metrics) | {renamed[key]: facts[key] for key in renamed})
    columns = [*(renamed[key] for key in RECORD), *metrics, *onsets, *(renamed[key] for key in OTHERS)]
    return table_csv(columns, rows)


def _facts(run: Run, root: Path) -> dict[str, Any]:
    own = {key: getattr(run, key) for key in ("name", "seed", "status", "outcome", "onset_reason", "model", "error")}
    recorded = {key: run.facts.get(key) for key in ("oracle", "oracle_accuracy", *COST)}
    seen = {"images_seen": run.images_seen, "generator_steps": run.generator_steps}
    return own | recorded | seen | _data(run) | {"folder": relative(run.folder, root)}


def _data(of: Run | Section) -> dict[str, str | None]:
    known = asdict(of.dataset) if of.dataset else {}
    return {"dataset": known.get("name"), "source": known.get("source"), "digest": known.get("digest")}


def summary_csv(sections: Sequence[Section]) -> str:
    """Long: a row per name and metric, with the mean, the difference from the baseline and its test.

    Where seeds failed or fall into two groups, `test` is "rank sum" and the metric has no `diff`; the share of seeds
    that failed or lie in the worse group of the primary metric has rows of its own, with exact intervals.
    """
    rows = []
    for section in sections:
        keys = sorted(ordered(section.metric_keys), key=lambda key: key != section.primary)
        for summary in section.summaries:
            counts = {"completed": len(summary.included), "failed": len(summary.failed)}
            own = {"name": summary.name, "model": section.model, **_data(section), "oracle": section.oracle, **counts}
            own |= {"baseline": section.baseline, "not_run": len(summary.excluded) - len(summary.failed)}
            rows += [own | _summary_row(section, summary, key) for key in keys]
            rows += [own | _share_row(section, summary)] if section.groups else []
    return table_csv(SUMMARY, rows)


def _summary_row(section: Section, summary: Summary, key: str) -> dict[str, Any]:
    row = {"metric": key, "primary": "yes" if key == section.primary else "no", **asdict(summary.estimates[key])}
    if key == section.primary and (place := ranks(section).get(summary.name)):
        row |= {"rank_first": place.first, "rank_last": place.last}
    if summary.name == section.baseline:
        return row
    comparison = judge(section, summary, key)
    row |= {"test": ("rank sum" if comparison.exact else "t") if comparison.p is not None else None, "p": comparison.p}
    row |= {"verdict": str(comparison.verdict), **_difference(comparison.difference)}
    if tested := comparison.significance:
        kind, value = comparison.could_show or ("", None)
        row |= {"p_holm": tested.corrected, "detectable": value if kind == "difference" else None}
    return row


def _share_row(section: Section, summary: Summary) -> dict[str, Any]:
    """The share of seeds that failed or are in the worse group, as a metric of its own."""
    n = len(summary.included) + len(summary.failed)
    row: dict[str, Any] = {"metric": SHARE, "primary": "no", "n": n}
    if n:
        worse = section.groups[summary.name].worse if summary.name in section.groups else 0
        row |= dict(zip(("mean", "low", "high"), (worse / n, *clopper_pearson(worse, n)), strict=True))
    compared = summary.name != section.baseline
    return row | (_difference(section.comparisons[section.primary][summary.name].share) if compared else {})


def _difference(value: Estimate) -> dict[str, Any]:
    return {"pairs": value.n, "diff": value.mean, "diff_low": value.low, "diff_high": value.high}


def relative(folder: Path, root: Path) -> str:
    """Path as seen from the folder that holds the report, so that both can move together."""
    return Path(os.path.relpath(folder.resolve(), root.resolve())).as_posix()


def table_csv(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([list(map(_plain, columns)), *([_plain(row.get(column)) for column in columns] for row in rows)])
    return text.getvalue()


def _plain(value: Any) -> Any:
    """A cell: lists as words (a space in a name as %20), mappings as JSON, None and what is not finite as blank.

    Spreadsheets take text for a formula that begins like one, which an apostrophe prevents.
    """
    if isinstance(value, dict):
        return json.dumps(value)
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    text = " ".join(as_word(str(entry)) for entry in value) if isinstance(value, list | tuple) else value
    if not isinstance(text, str):
        return text
    quoted = f"'{text}" if text.startswith(FORMULA) and not NUMBERS.fullmatch(text) else text
    return quoted.replace("\r", " ")  # which the csv module would leave as the end of a row
