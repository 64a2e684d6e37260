"""Tables and the picture of docs/results_gan.md and docs/results_vae.md."""

from functools import partial
from typing import Any

from docs._results import aggregate
from docs._results.comparison import Measured, Page, Rate, Rates
from src.core.metric_specs import MetricSpec, metric_spec
from src.report.cost import compute_table
from src.report.document import Cell, Document, Table, markdown
from src.report.statistics import Estimate
from src.report.tables import difference_table, table
from src.report.templating import interval
from src.report.verdicts import Verdict

SCORE = MetricSpec("score", decimals=3)
CHANCE = MetricSpec("probability", decimals=2)


def values(page: Page) -> dict[str, Any]:
    """What the template of a page is given beside its filters."""
    of_all = {"overall": shown(overall_table(page)), "wins": shown(win_table(page))} if page.scores else {}
    numbers = {"score": SCORE, "chance": CHANCE, "resamples": aggregate.RESAMPLES, "most": aggregate.MOST_SEEDS}
    return {"page": page, **of_all, **numbers}


def shown(of: Table | None) -> str:
    """A table as Markdown."""
    return markdown(Document("", [of])).partition("\n")[2].strip() if of else ""


def verdict_table(one: Measured) -> Table | None:
    """The report's table of differences with the metric itself, the power and the cost in place of side effects."""
    differences, spec = difference_table(one.section), metric_spec(one.section.primary)
    if differences is None:
        return None
    rows = []
    for found, (name, *cells, _) in zip(one.found, differences.rows, strict=True):
        value = Cell(interval(found.summary.estimates[one.section.primary], spec))
        seeds = (str(found.seeds) if found.seeds else f"over {aggregate.MOST_SEEDS}") * (
            found.verdict is Verdict.UNCLEAR
        )
        rows.append([name, value, *cells, Cell(seeds), Cell(times(one.time(found.summary.name)))])
    header = ["name", spec.label, *differences.header[1:-1], "seeds to show it", "time"]
    return Table(header, rows, differences.caption)


def overall_table(page: Page) -> Table:
    """Over all data sets, the best interquartile mean first."""
    passes = metric_spec("discriminator_passes").text
    columns = [
        ("name", lambda one: f"`{page.labels[one.name]}`"),
        ("interquartile mean score", lambda one: _text(one.iqm, SCORE)),
        ("P(better than the baseline)", lambda one: _text(one.better, CHANCE)),
        ("time", lambda one: times(page.time(one.name))),
    ]
    if any(page.passes(name) for name in page.scores):
        columns.append(("discriminator passes per step", lambda one: passes(page.passes(one.name))))
    return table(page.aggregates, columns)


def win_table(page: Page) -> Table:
    """Rows and columns by their interquartile mean."""
    rates, place = aggregate.win_rates(page.scores), {name: i for i, name in enumerate(page.scores)}
    order = [one.name for one in page.aggregates]

    def rate(row: str, column: str) -> str:
        return "–" if row == column else CHANCE.text(rates[place[row], place[column]])

    columns = [
        ("row beats column", lambda row: f"`{page.labels[row]}`"),
        *((f"`{page.labels[column]}`", partial(rate, column=column)) for column in order),
    ]
    return table(order, columns)


def rate_table(rates: Rates) -> Table:
    spec = metric_spec(rates.metric)

    def setting(row: Rate) -> Cell:
        beta1 = "" if row.chosen.beta1 is None else f", {row.chosen.beta1:g}"
        return Cell(f"{row.chosen.rate:g}{beta1}", "its own" * row.chosen.default)

    columns = [
        ("name", lambda row: f"`{row.label}`"),
        ("at its recipe's rate", lambda row: spec.text(row.own)),
        ("at the baseline's", lambda row: spec.text(row.at_baselines)),
        ("tuned", lambda row: spec.text(row.chosen.mean)),
        ("rate, β1", setting),
    ]
    return table(rates.rows, columns)


def _text(value: Estimate | None, spec: MetricSpec) -> str:
    return "–" if value is None else interval(value, spec)


def times(ratio: float | None) -> str:
    return "–" if ratio is None else f"{ratio:.2f} ×"


FILTERS = {
    "times": times,
    "verdicts": lambda one: shown(verdict_table(one)),
    "equal_passes": lambda one: shown(compute_table(one.section)),
    "rates": lambda one: shown(rate_table(one.rates)),
}
