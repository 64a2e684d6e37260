"""The tables of docs/speed.md, from results/speed.csv."""

from collections.abc import Sequence

from benchmarks.figures import SHARE, Row
from docs._results.metrics import Rows

GPU = "NVIDIA"


def speed_tables(rows: Sequence[Row]) -> dict[str, Rows]:
    """Tables by name: training on CPUs, on GPUs, with penalties, and sweeps, which have no batch size."""
    penalties = [row for row in rows if row.what.startswith("[")]
    steps = [row for row in rows if row.batch_size and row not in penalties]
    return {
        "cpu": table([row for row in steps if not row.device.startswith(GPU)]),
        "gpu": table([row for row in steps if row.device.startswith(GPU)]),
        "penalties": table(penalties),
        "sweeps": table([row for row in rows if not row.batch_size]),
    }


def table(rows: Sequence[Row]) -> Rows:
    """A row for what was timed on a device at a commit, a column for each figure that one of them has."""
    timed = dict.fromkeys((row.device, row.what, row.batch_size, row.commit) for row in rows)
    figures = list(dict.fromkeys(row.figure for row in rows))
    cells = {(row.device, row.what, row.batch_size, row.commit, row.figure): cell(row) for row in rows}
    return [
        ("device", "what", *figures, "commit"),
        *(
            (
                device,
                f"`{what}`, batch {batch}" if batch else what,
                *(cells.get((device, what, batch, commit, figure), "") for figure in figures),
                f"`{commit}`",
            )
            for device, what, batch, commit in timed
        ),
    ]


def cell(row: Row) -> str:
    """The figure, and its quartiles where it is a median."""

    def written(value: float) -> str:
        return f"{value:.1%}" if row.figure == SHARE else f"{value:,.0f}" if value >= 1000 else f"{value:g}"

    if row.low_quartile is None or row.high_quartile is None:
        return written(row.value)
    return f"{written(row.value)} ({written(row.low_quartile)}–{written(row.high_quartile)})"
