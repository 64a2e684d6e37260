"""What a search by Optuna found: its best settings and what each choice weighs, from the sweep's search.json."""

from pathlib import Path
from typing import Any

from src.core.plain_data import clean, is_number, read_json
from src.report.document import Block, Cell, Details, Heading, Paragraph
from src.report.tables import table

SHOWN = 10  # of the best settings


def search(root: Path) -> list[Block]:
    """The search's answer, its importances and its settings; nothing for other sweeps, or a damaged file."""
    try:
        found = read_json(root / "search.json")
        trials = [(float(trial["value"]), _settings(trial["settings"])) for trial in found["trials"]]
        shares = {clean(key): float(share) for key, share in found["importances"].items()}
        seeds, objective, pruned = int(found["seeds"]), clean(str(found["objective"])), int(found["pruned"])
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return []
    if not trials:
        return []
    over = f" ({'quantile ' * is_number(found['objective'])}{objective} over {seeds} seeds)" if seeds > 1 else ""
    answer = (
        f"Of {len(trials) + pruned} settings, {pruned} of them given up early, the best on the validation split "
        f"reached {trials[0][0]:.4g}{over} with `{trials[0][1]}`."
    )
    weights = [
        Paragraph("What a choice contributes to a setting being among the best (PED-ANOVA, arXiv 2304.10255):", "note"),
        table(
            shares.items(),
            [("choice", lambda row: Cell(f"`{row[0]}`")), ("importance", lambda row: f"{row[1]:.0%}")],
        ),
    ]
    columns = [("settings", lambda row: Cell(f"`{row[1]}`")), ("objective", lambda row: f"{row[0]:.4g}")]
    return [
        Heading("What the search found"),
        Paragraph(answer),
        *(weights if shares else []),
        Details(f"The best {min(SHOWN, len(trials))} settings", [table(trials[:SHOWN], columns)]),
    ]


def _settings(choices: dict[str, Any]) -> str:
    return clean(" ".join(f"{key}={value}" for key, value in choices.items()), 500)
