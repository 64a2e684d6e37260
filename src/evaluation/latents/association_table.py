"""Every dimension beside every feature and category, in numbers."""

from collections.abc import Sequence

from src.evaluation.artifacts import Table
from src.evaluation.latents.associations import Dimension

HEADER = (
    *("level", "dimension", "kl", "active", "kind", "name", "rho", "p_holm"),
    *("information", "information_baseline", "names_it"),
)


def association_table(dimensions: Sequence[Dimension]) -> Table:
    """A row for each pair; where either is constant or a category has no order, there is neither ρ nor p."""
    rows = [
        [
            *(each.level, each.index, _short(each.kl), _yes(each.active), pair.kind, pair.name),
            *map(_short, (pair.rho, pair.p, pair.information, pair.baseline)),
            _yes(pair == each.namesake),
        ]
        for each in dimensions
        for pair in (*each.features, *each.categories)
    ]
    return Table(HEADER, rows)


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _yes(said: bool) -> str:
    return "yes" if said else "no"
