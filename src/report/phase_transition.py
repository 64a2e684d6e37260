"""Where posterior collapse sets in, against where theory has it: at the largest eigenvalue of the data's covariance.

Li et al. 2025, arXiv:2510.01621: the collapsed solution is stable once the decoder's variance σ² exceeds λ₁. A weight β
of the KL multiplies σ². A linear decoder has the KL Σ_j max(0, ½ ln(λ_j/βσ²)).
"""

from dataclasses import dataclass
from enum import Enum
from math import log
from statistics import fmean

from src.core.metric_specs import LEAST_KL
from src.core.plain_data import is_number
from src.report.section import Section


class Place(Enum):
    """Where collapse sets in, by the runs on either side of the theory's ratio 1."""

    AS_PREDICTED = "as predicted"
    EARLIER = "earlier"
    LATER = "later"
    UNSEEN = "not seen"


@dataclass(frozen=True)
class Transition:
    """The KL of all levels in nats against βσ²/λ₁.

    Attributes:
        points: ratio and KL of each run.
        eigenvalues: λ_j, the largest first.
        alive: the largest ratio at which a run has not collapsed, None without any.
        collapsed: the smallest ratio above it with runs, all of them collapsed; None without any.
    """

    points: tuple[tuple[float, float], ...]
    eigenvalues: tuple[float, ...]
    alive: float | None
    collapsed: float | None

    @property
    def largest(self) -> float:
        return self.eigenvalues[0]

    @property
    def place(self) -> Place:
        if self.alive is None or self.collapsed is None:
            return Place.UNSEEN
        if self.alive > 1:
            return Place.LATER
        # Just below 1 theory has hardly more KL than a collapsed run may have.
        return Place.EARLIER if self.linear_kl(self.collapsed) >= 2 * LEAST_KL else Place.AS_PREDICTED

    def linear_kl(self, ratio: float) -> float:
        """The KL under a linear decoder at a ratio."""
        return sum(max(0.0, log(value / (ratio * self.largest)) / 2) for value in self.eigenvalues if value > 0)


def transition(section: Section) -> Transition | None:
    """None unless runs differ in their decoder's fixed variance; βσ² at the end, with the mean β of all levels."""
    keys = [f"kl_{level}" for level in section.family.levels]
    runs = [run for run in section.included if {"decoder_variance", *keys} <= run.scalars.keys()]
    found = (run.metrics.get("data_eigenvalues") for run in runs)
    known = (values for values in found if isinstance(values, list) and values and all(map(is_number, values)))
    eigenvalues = next((tuple(map(float, values)) for values in known if values[0] > 0), ())
    if not eigenvalues:
        return None
    points = []
    for run in runs:
        last = (run.history.last(f"beta_{level}") for level in section.family.levels)
        beta = fmean([beta for beta in last if beta is not None] or [1.0])
        ratio = beta * run.scalars["decoder_variance"] / eigenvalues[0]
        points.append((ratio, sum(run.scalars[key] for key in keys)))
    if len({ratio for ratio, _ in points}) < 2:
        return None
    alive = max((ratio for ratio, kl in points if kl >= LEAST_KL), default=None)
    collapsed = min((ratio for ratio, _ in points if alive is None or ratio > alive), default=None)
    return Transition(tuple(sorted(points)), eigenvalues, alive, collapsed)
