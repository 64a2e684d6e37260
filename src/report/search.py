"""What a sweep tried out: learning rates chosen beforehand (tuning.csv), and a search by Optuna (search.json)."""

import csv
from pathlib import Path

from src.core.plain_data import clean, is_number, number, read_json
from src.report.document import Block, Cell, Details, Heading, Paragraph
from src.report.tables import table
from src.report.templating import say
from src.report.trials import TABLE, at_the_edge, read_table

SHOWN = 10  # of the best settings
TUNED = ("recipe", "rate", "beta1", "metric", "mean", "values")  # columns of tuning.csv


def tuning(root: Path) -> list[Block]:
    """The settings chosen in tuning.csv, every trial on a click; nothing without it, or of a damaged table."""
    try:
        rows = read_table(root / TABLE)
    except (OSError, ValueError, csv.Error):
        return []
    rows = [row for row in rows if all(isinstance(row.get(key), str) for key in (*TUNED, "chosen", "default"))]
    chosen = [row for row in rows if row["chosen"] == "yes"]
    if not chosen:
        return []

    def recipe(row: dict[str, str]) -> Cell:
        own = "its own" if row["default"] == "yes" else ""
        return Cell(f"`{row['recipe'] or '–'}`", own, "helps" if row["chosen"] == "yes" else "")

    edge = at_the_edge(
        (row["recipe"], rate, row["chosen"] == "yes") for row in rows if is_number(rate := number(row["rate"]))
    )
    headers = zip(("rate", "β1", "metric", "mean", "each seed"), TUNED[1:], strict=True)
    columns = [("name", recipe), *((header, lambda row, key=key: row[key] or "–") for header, key in headers)]
    return [
        Heading("Learning rates"),
        Paragraph(say("tuned")),
        table(chosen, columns),
        *([Paragraph(say("rates_at_the_edge", edge), "note")] if edge else []),
        Details(f"All {len(rows)} settings tried", [table(rows, columns)]),
    ]


def search(root: Path) -> list[Block]:
    """The search's answer, its importances and its settings; nothing for other sweeps, or a damaged file."""
    try:
        found = read_json(root / "search.json")
        trials = [
            (float(one["value"]), clean(" ".join(f"{key}={choice}" for key, choice in one["settings"].items()), 500))
            for one in found["trials"]
        ]
        shares = {clean(key): float(share) for key, share in found["importances"].items()}
        seeds, objective, pruned = int(found["seeds"]), clean(str(found["objective"])), int(found["pruned"])
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return []
    if not trials:
        return []
    over = f"{'quantile ' * is_number(found['objective'])}{objective}"
    weights = [
        Paragraph(say("importances"), "note"),
        table(
            shares.items(),
            [("choice", lambda row: Cell(f"`{row[0]}`")), ("importance", lambda row: f"{row[1]:.0%}")],
        ),
    ]
    columns = [("settings", lambda row: Cell(f"`{row[1]}`")), ("objective", lambda row: f"{row[0]:.4g}")]
    return [
        Heading("What the search found"),
        Paragraph(say("searched", trials, pruned, seeds, over)),
        *(weights if shares else []),
        Details(f"The best {min(SHOWN, len(trials))} settings", [table(trials[:SHOWN], columns)]),
    ]
