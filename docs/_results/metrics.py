"""The tables of docs/metrics.md: metrics of samples from src/core/metrics.csv, verdicts from results/sanity.csv."""

import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from src.core.metric_specs import METRICS

Rows = Sequence[Sequence[str]]
PASSED = ("pass", "low", "high")


def with_tables(page: str, tables: Mapping[str, Rows]) -> str:
    """The page with the rows of each table between its marks `<!-- table: NAME -->` and `<!-- end -->`."""
    for name, (header, *rows) in tables.items():
        lines = "".join(f"| {' | '.join(cells)} |\n" for cells in (header, ["---"] * len(header), *rows))
        marks = re.compile(rf"(<!-- table: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        page, number = marks.subn(lambda found, lines=lines: f"{found[1]}{lines}{found[2]}", page)
        assert number == 1, name
    return page


def metric_rows() -> Rows:
    """The metrics of samples that metrics.csv defines."""
    defined = [(key, spec) for key, spec in METRICS.items() if spec.formula]
    return [
        ("metric", "formula", "real data", "better", "source"),
        *((f"`{key}`", spec.formula, spec.real, spec.better or "–", spec.source) for key, spec in defined),
    ]


def sanity_rows(path: Path) -> Rows:
    """A row per check and desideratum of `python -m benchmarks.sanity`, a column per metric."""
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = [row[:-2] for row in csv.reader(file)]  # without repeats and commit
    passed = [sum(row[place] in PASSED for row in rows) for place in range(2, len(header))]
    total = [f"**passed of {len(rows)}**", "", *(f"**{number}**" for number in passed)]
    return [[*header[:2], *(f"`{name}`" for name in header[2:])], *rows, total]
