"""Where posterior collapse sets in, against where theory has it: at the largest eigenvalue of the data's covariance.

Li et al. 2025, arXiv:2510.01621: the collapsed solution is stable once the decoder's variance σ² exceeds λ₁. A weight β
of the KL multiplies σ². A linear decoder has the KL Σ_j max(0, ½ ln(λ_j/βσ²)).
"""

from dataclasses import dataclass
from enum import Enum
from math import log

from src.core.metric_specs import LEAST_KL
from src.core.plain_data import is_number
from src.report.records import Run
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
    """None unless runs differ in their decoder's fixed variance."""
    runs = [run for run in section.included if {"decoder_variance", *_kls(section)} <= run.scalars.keys()]
    eigenvalues = next((found for run in runs if (found := _eigenvalues(run))), ())
    if not eigenvalues:
        return None
    keys = _kls(section)
    points = sorted((_variance(run) / eigenvalues[0], sum(run.scalars[key] for key in keys)) for run in runs)
    if len({ratio for ratio, _ in points}) < 2:
        return None
    alive = max((ratio for ratio, kl in points if kl >= LEAST_KL), default=None)
    collapsed = min((ratio for ratio, _ in points if alive is None or ratio > alive), default=None)
    return Transition(tuple(points), eigenvalues, alive, collapsed)


def _kls(section: Section) -> list[str]:
    return [f"kl_{level}" for level in section.family.levels]


def _eigenvalues(run: Run) -> tuple[float, ...]:
    found = run.metrics.get("data_eigenvalues")
    known = isinstance(found, list) and found and all(map(is_number, found)) and found[0] > 0
    return tuple(map(float, found)) if known else ()


def _variance(run: Run) -> float:
    """βσ² at the end of training; where the levels' β differ, with the mean of them."""
    betas = [beta for level in ("high", "low") if (beta := run.history.last(f"beta_{level}")) is not None]
    return run.scalars["decoder_variance"] * (sum(betas) / len(betas) if betas else 1.0)
