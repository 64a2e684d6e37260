"""Ranks with ties: the order of names holds only as far as their intervals separate."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from src.core.metric_specs import metric_spec
from src.report.grouping import Section
from src.report.statistics import MIN_SEEDS, Estimate


@dataclass(frozen=True)
class Rank:
    """The places that a name may hold, 1 being the best."""

    first: int
    last: int

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}–{self.last}"


def ranks(section: Section) -> dict[str, Rank]:
    """By name, in the primary metric; names with too few seeds, or without an interval, have none."""
    key = section.primary
    values = {s.name: s.estimates[key] for s in section.summaries if key in s.estimates}
    for name in section.groups:
        if values[name].low is None and values[name].mean is not None:  # all of its seeds are the worst
            values[name] = replace(values[name], low=values[name].mean, high=values[name].mean)
    return rank(values, metric_spec(key).better)


def rank(values: Mapping[str, Estimate], better: str | None) -> dict[str, Rank]:
    """From one place behind the names clearly better to as many before the last as are clearly worse.

    Clearly: the 95 % intervals do not overlap. Names with fewer than MIN_SEEDS values, or without an
    interval, are left out.
    """
    rivals = {name: value for name, value in values.items() if value.n >= MIN_SEEDS and value.low is not None}
    ranked = {}
    for name, own in rivals.items():
        above = sum(other.low > own.high for other in rivals.values())
        below = sum(other.high < own.low for other in rivals.values())
        ahead, behind = (above, below) if better == "higher" else (below, above)
        ranked[name] = Rank(1 + ahead, len(rivals) - behind)
    return ranked
