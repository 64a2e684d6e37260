"""The page's tables of metrics beside what real data and junk would score."""

from collections.abc import Sequence

from src.core.metric_specs import NOT_QUANTITIES, metric_spec, ordered
from src.core.plain_data import is_number
from src.report.document import Cell, Table
from src.report.grouping import CONTROLS, Section, control
from src.report.tables import estimates_table


def samples_table(section: Section) -> Table | None:
    """Metrics of drawn samples, a row per name, and under them the same metrics on real data and on junk."""
    keys = [key for key in section.family.samples if key in section.metric_keys]
    if not keys:
        return None
    table = estimates_table(section, keys)
    rows = [[Cell(CONTROLS.get(name, name)), Cell(""), *cells] for name, cells in _controls(section, keys).items()]
    caption = f"{table.caption} Last rows: what the same metrics say of real data and of junk."
    if "kl" in keys:
        caption += (
            f" {metric_spec('kl').label}: of the samples' {section.dataset.noun} from the data's, samples that are not "
            "recognisable being one class more."
        )
    return Table(table.header, [*table.rows, *rows], caption)


def controls_table(section: Section) -> Table | None:
    """Every metric that has controls, the main ones first: what the runs score beside real data and junk.

    What the table of samples shows with its controls is left out.
    """
    present = {key for run in section.included for c in run.controls.values() for key in c if is_number(c[key])}
    present -= {*NOT_QUANTITIES, *(key for key in section.family.samples if key in section.metric_keys)}
    keys = [key for key in section.family.main if key in present]
    keys += [key for key in ordered(present) if key not in keys]
    if not keys:
        return None
    found = _controls(section, keys)
    rows = [
        [Cell(metric_spec(key).label), Cell(_span(section, key)), *cells]
        for key, cells in zip(keys, zip(*found.values(), strict=True), strict=True)
    ]
    caption = (
        "The names' means, from the lowest to the highest, and what the same metrics say of real data and of junk. "
        "A metric that likes junk proves nothing."
    )
    return Table(["metric", "these runs", *(CONTROLS.get(name, name) for name in found)], rows, caption)


def _span(section: Section, key: str) -> str:
    means = sorted(summary.mean(key) for summary in section.summaries if summary.mean(key) is not None)
    ends = dict.fromkeys(map(metric_spec(key).text, (means[0], means[-1]))) if means else "–"
    return "\N{NO-BREAK SPACE}…\N{NO-BREAK SPACE}".join(ends)


def _controls(section: Section, keys: Sequence[str]) -> dict[str, list[Cell]]:
    """A row of cells per control, real data first."""
    found = {name for run in section.included for name in run.controls}
    names = [*(name for name in CONTROLS if name in found), *sorted(found - CONTROLS.keys())]
    return {name: [Cell(metric_spec(key).text(control(section, name, key))) for key in keys] for name in names}
