"""The pages of docs/ that are made from results/ alone: `python -m src.report --docs`."""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from src.core.files import write_atomically
from src.core.metric_specs import metric_spec
from src.report import tables
from src.report.answers import opening
from src.report.claims import claims
from src.report.document import Block, Bullets, Document, Heading, Table
from src.report.grouping import Section, Summary, group
from src.report.records import Run
from src.report.render import markdown
from src.report.reproduction import published, reproduced
from src.report.stored import options, recipe, stored
from src.report.templating import rendered
from src.report.trajectories import onset_table

ROOT = Path(__file__).parents[2]
RESULTS, DOCS = ROOT / "results", ROOT / "docs"
STUDIES = {"quick": "`study=quick`, eight seeds"}  # of docs/results.md, by their table


def pages(results: Path = RESULTS) -> dict[str, str]:
    """Content by file name."""
    toys, seed = (stored(results / f"{name}.csv") for name in ("reproduction", "seed"))
    rows = reproduced(published(results / "published.csv"), toys)
    return {
        "reproduction.md": rendered("reproduction.md.j2", rows=rows, runs=batches(toys)),
        "seed.md": rendered("seed.md.j2", claims=claims(seed), runs=batches(seed)),
        "results.md": rendered("results.md.j2", studies=[study(results / f"{name}.csv") for name in STUDIES]),
    }


def study(path: Path) -> dict[str, Any]:
    """What docs/results.md says of a table: the report's sentences, its main tables, every seed, and what was run."""
    runs = stored(path)
    blocks = [block for section in group(runs) for block in _section(section)]
    text = markdown(Document("", blocks)).partition("\n")[2]  # without its title
    return {"title": STUDIES[path.stem], "table": path.name, "text": text, "runs": batches(runs)}


def _section(section: Section) -> list[Block]:
    answer = Bullets([(sentence.text, sentence.kind) for sentence in opening(section)])
    shown = [tables.main_table(section), tables.difference_table(section), seeds_table(section), onset_table(section)]
    data = f" on {section.dataset.name}" if section.dataset else ""
    return [Heading(f"{section.family.title}{data}"), answer, *(one for one in shown if one)]


def seeds_table(section: Section) -> Table:
    """Every seed's value of the primary metric and of the family's headline metrics, in the order of the seeds."""
    keys = [key for key in dict.fromkeys([section.primary, *section.family.headline]) if key in section.metric_keys]

    def values(summary: Summary, key: str) -> str:
        runs = sorted(summary.included, key=lambda run: run.seed)
        return ", ".join(metric_spec(key).text(run.scalars[key]) for run in runs if key in run.scalars)

    columns = [
        ("name", tables.name),
        *((f"{metric_spec(key).label}, by seed", partial(values, key=key)) for key in keys),
    ]
    return tables.table(section.best_first, columns, wide=range(1, len(columns)))


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
