"""docs/reproduction.md and docs/seed.md, made from results/ alone: `python -m src.report --docs`."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from src.core.files import write_atomically
from src.report.claims import claims
from src.report.records import Run
from src.report.reproduction import published, reproduced
from src.report.stored import options, recipe, stored
from src.report.templating import rendered

ROOT = Path(__file__).parents[2]
RESULTS, DOCS = ROOT / "results", ROOT / "docs"


def pages(results: Path = RESULTS) -> dict[str, str]:
    """Content by file name."""
    toys, seed = (stored(results / f"{name}.csv") for name in ("reproduction", "seed"))
    rows = reproduced(published(results / "published.csv"), toys)
    return {
        "reproduction.md": rendered("reproduction.md.j2", rows=rows, runs=batches(toys)),
        "seed.md": rendered("seed.md.j2", claims=claims(seed), runs=batches(seed)),
    }


def write_pages(results: Path = RESULTS, docs: Path = DOCS) -> list[Path]:
    """Raises: ReportError: results/ lacks a table."""
    made = pages(results)
    for name, content in made.items():
        write_atomically(docs / name, content)
    return [docs / name for name in made]


def batches(runs: Sequence[Run]) -> list[tuple[str, str, int, str, str]]:
    """Recipe, options, number of runs, commits and machines of the runs that a page rests on."""
    keys = Counter((recipe(run), options(run)) for run in runs)
    rows = []
    for (name, chosen), number in sorted(keys.items()):
        own = [run for run in runs if (recipe(run), options(run)) == (name, chosen)]
        facts = [sorted({str(run.facts.get(key)) for run in own}) for key in ("git", "device", "precision")]
        rows.append((name, chosen, number, ", ".join(facts[0]), "; ".join([*facts[1], *facts[2]])))
    return rows
