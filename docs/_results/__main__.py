"""Writes docs/results*.md, reproduction.md, seed.md and tables of metrics.md and speed.md: python -m docs._results.

They are made from results/ and src/core/metrics.csv alone.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

from benchmarks import figures
from docs._results.claims import claims
from docs._results.comparison import Page
from docs._results.comparison_tables import FILTERS, values
from docs._results.metrics import metric_rows, sanity_rows, with_tables
from docs._results.pareto import pareto
from docs._results.planned import PLANNED
from docs._results.reproduction import published, reproduced
from docs._results.speed import speed_tables
from docs._results.studies import STUDIES, content
from src.core.files import write_atomically
from src.report.records import Run
from src.report.stored import options, stored
from src.report.templating import environment

ROOT = Path(__file__).parents[2]
RESULTS, DOCS = ROOT / "results", ROOT / "docs"


def pages() -> dict[Path, str]:
    """Content by file."""
    toys, seed = (stored(RESULTS / f"{name}.csv") for name in ("reproduction", "seed"))
    given = {
        "reproduction.md": {"rows": reproduced(published(RESULTS / "published.csv"), toys), "runs": batches(toys)},
        "seed.md": {"claims": claims(seed), "runs": batches(seed)},
        "results.md": {"studies": [study(name) for name in STUDIES]},
    }
    made = {DOCS / name: templates().get_template(f"{name}.j2").render(**each) for name, each in given.items()}
    made |= {DOCS / f"results_{page.model}.md": rendered(page) for page in comparisons()}
    tables = {
        "metrics.md": {"metrics": metric_rows(), "sanity": sanity_rows(RESULTS / "sanity.csv")},
        "speed.md": speed_tables(figures.read(figures.STORED)),
    }
    return made | {
        DOCS / name: with_tables((DOCS / name).read_text(encoding="utf-8"), own) for name, own in tables.items()
    }


def templates() -> Environment:
    made = environment().overlay(loader=FileSystemLoader(Path(__file__).parent))
    made.filters = made.filters | FILTERS
    return made


def rendered(page: Page) -> str:
    return templates().get_template("comparison.md.j2").render(**values(page))


def comparisons() -> list[Page]:
    """A page for each family, measured or not."""
    return [Page.read(model, RESULTS / f"compare_{model}.csv") for model in PLANNED]


def pictures() -> dict[Path, bytes]:
    """Content by file; not part of the test of pages, since it differs between versions of Matplotlib."""
    return {DOCS / page.picture: pareto(page) for page in comparisons() if page.picture}


def study(name: str) -> dict[str, Any]:
    runs = stored(RESULTS / f"{name}.csv")
    return {"title": STUDIES[name], "table": f"{name}.csv", "text": content(runs), "runs": batches(runs)}


def batches(runs: Sequence[Run]) -> list[tuple[str, str, int, str, str]]:
    """Recipe, options, number of runs, commits and machines of the runs that a page rests on."""
    keys = Counter((run.recipe, options(run)) for run in runs)
    rows = []
    for (name, chosen), number in sorted(keys.items()):
        own = [run for run in runs if (run.recipe, options(run)) == (name, chosen)]
        facts = [sorted({str(run.facts.get(key)) for run in own}) for key in ("git", "device", "precision")]
        rows.append((name, chosen, number, ", ".join(facts[0]), "; ".join([*facts[1], *facts[2]])))
    return rows


if __name__ == "__main__":
    for path, content in {**pages(), **pictures()}.items():
        write_atomically(path, content)
        print(path)
