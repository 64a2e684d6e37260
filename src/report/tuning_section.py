"""The learning rates that a sweep chose before it ran, from the tuning.csv in its folder."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from src.report.document import Block, Cell, Details, Heading, Paragraph, Table

COLUMNS = ("recipe", "rate", "beta1", "metric", "mean", "values")


def tuning_section(root: Path) -> list[Block]:
    """What was chosen, and every trial on a click; nothing for a sweep without tuning, or a damaged table."""
    rows = _rows(root / "tuning.csv")
    chosen = [row for row in rows if row["chosen"] == "yes"]
    if not chosen:
        return []
    text = (
        "Each recipe ran with the learning rate and Adam's β1 that were best on the validation split among the same "
        "settings and its own, over seeds that are not used below. A rate is the geometric mean of both networks'."
    )
    return [
        Heading("Learning rates"),
        Paragraph(text),
        _table(chosen),
        Details(f"All {len(rows)} settings tried", [_table(rows)]),
    ]


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, ValueError, csv.Error):
        return []
    return [row for row in rows if all(isinstance(row.get(key), str) for key in (*COLUMNS, "chosen", "default"))]


def _table(rows: Sequence[Mapping[str, str]]) -> Table:
    header = ["name", "rate", "β1", "metric", "mean", "each seed"]
    return Table(header, [_cells(row) for row in rows])


def _cells(row: Mapping[str, str]) -> list[Cell]:
    recipe, *rest = (row[key] or "–" for key in COLUMNS)
    own = "its own" if row["default"] == "yes" else ""
    return [Cell(f"`{recipe}`", own, "helps" if row["chosen"] == "yes" else ""), *map(Cell, rest)]
