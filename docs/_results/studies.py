"""Studies in docs/results.md: the report's sentences and main tables, and every seed."""

from collections.abc import Sequence
from functools import partial

from src.core.metric_specs import metric_spec
from src.report import tables
from src.report.answers import opening
from src.report.document import Block, Bullets, Document, Heading, Table, markdown
from src.report.grouping import group
from src.report.records import Run
from src.report.section import Section, Summary
from src.report.trajectories import onset_table

STUDIES = {  # by their table in results/
    "quick": "`study=quick`, eight seeds",
    "remedies": "`study=remedies`, each remedy alone, three seeds",
}


def content(runs: Sequence[Run]) -> str:
    """Markdown with a heading per family and data set."""
    blocks = [block for section in group(runs) for block in _section(section)]
    return markdown(Document("", blocks)).partition("\n")[2]  # without its title


def _section(section: Section) -> list[Block]:
    shown = [tables.main_table(section), tables.difference_table(section), seeds_table(section), onset_table(section)]
    data = f" on {section.dataset.name}" if section.dataset else ""
    return [Heading(f"{section.family.title}{data}"), Bullets(opening(section)), *(one for one in shown if one)]


def seeds_table(section: Section) -> Table:
    """Every seed's value of the primary metric and of the family's headline metrics, in the order of the seeds."""
    keys = [key for key in dict.fromkeys([section.primary, *section.family.headline]) if key in section.metric_keys]

    def values(summary: Summary, key: str) -> str:
        runs = sorted(summary.included, key=lambda run: run.seed)
        return ", ".join(metric_spec(key).text(run.scalars[key]) for run in runs if key in run.scalars)

    by_seed = [(f"{metric_spec(key).label}, by seed", partial(values, key=key)) for key in keys]
    return tables.table(section.best_first, [("name", tables.name), *by_seed], wide=range(1, len(keys) + 1))
