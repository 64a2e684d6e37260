"""What results/remedies.csv says of the techniques of a page: their rows of the comparison, and their curves."""

import re
from dataclasses import replace
from functools import cache
from pathlib import Path

from src.core.run_names import key_of
from src.report.document import Document, Table, markdown
from src.report.figures.curves import curves, level_curves
from src.report.grouping import group
from src.report.records import Run
from src.report.section import Section
from src.report.stored import options, stored
from src.report.tables import difference_table, name

RESULTS = Path(__file__).resolve().parents[2] / "results" / "remedies.csv"
OWN_RECIPES = {
    "quick/mlp_fm": ("gan.loss", "feature_matching"),
    "quick/mlp_r1": ("gan.tricks", "r1"),
    **{f"quick/vae_{anneal}": ("vae.anneal", anneal) for anneal in ("linear", "cyclical", "free_bits")},
}
TITLE = "Alone, in the small networks of `python -m src.train study=remedies` ([every number](../results.md)):"


def measured(techniques: set[tuple[str, str]], results: Path = RESULTS) -> tuple[str, bytes | None]:
    """A table of the techniques, each a group and a name, and the curves of those and of the baseline; else nothing."""
    for section in _sections(results):
        wanted = {s.name for s in section.summaries if s.included and set(techniques_of(s.included[0])) & techniques}
        if not wanted:
            continue
        labels = {name(summary) for summary in section.summaries if summary.name in wanted}
        whole = difference_table(section)
        rows = [row for row in whole.rows if row[0].text in labels] if whole else []
        shown = [run for run in section.runs if run.name in {*wanted, section.baseline}]
        (part,) = group(shown, section.baseline)
        chart = level_curves(part, "kl") if part.family.levels else curves(part, "kl_any")
        text = markdown(Document("", [Table(whole.header, rows, whole.caption)])) if whole else ""
        return f"{TITLE}\n{text.partition(chr(10))[2]}", chart.png() if chart else None
    return "", None


def techniques_of(run: Run) -> list[tuple[str, str]]:
    """The losses, tricks or annealings that a run adds to the baseline of the study, each a group and a name."""
    if run.recipe in OWN_RECIPES:
        return [OWN_RECIPES[run.recipe]]
    chosen = [option.partition("=") for option in options(run).split()]
    return [(key_of(key), name) for key, _, names in chosen for name in re.findall(r"\w+", names)]


@cache
def _sections(results: Path) -> list[Section]:
    """Each run named after what it adds."""
    runs = stored(results) if results.is_file() else []
    return group([replace(run, name="+".join(each for _, each in techniques_of(run)) or run.name) for run in runs])
