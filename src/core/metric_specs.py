"""Label, direction and decimals of each metric, and how counts and names are printed.

metrics.csv has a row per metric; one that it does not list is still collected, averaged and shown, under its own key.
"""

import csv
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from src.core.levels import NUMBERED
from src.core.plain_data import is_number

COUNT = 1 / 12  # variance of what rounding to whole numbers takes away
NOT_QUANTITIES = {
    "images_per_second",
    "train_seconds",
    "num_samples",
    "accepted_num_samples",
    "num_held_out",
    "importance_samples",
    "decoder_variance",
}
MOST_NAMES = 30
SHARE, NOT_NEGATIVE, UNBOUNDED = (0.0, 1.0), (0.0, math.inf), (-math.inf, math.inf)
MODES = (0.0, math.inf, "modes")  # at most as many as the data has
DIVERGENCE = (0.0, math.inf, "divergence")
LEAST_KL = 0.01  # nats; figures do not tell less apart, it is all nothing


@dataclass(frozen=True)
class MetricSpec:
    """How one metric is shown. `better` is "higher", "lower" or None; decimals None is three digits.

    `rounding` is the variance that each value owes to being a count, `limits` the smallest and largest possible value.
    `formula`, its value for `real` data, and `source` make the metric a row of docs/metrics.md (Markdown).
    """

    label: str
    better: str | None = None
    decimals: int | None = None
    rounding: float = 0.0
    limits: tuple = UNBOUNDED
    formula: str = ""
    real: str = ""
    source: str = ""

    def bounds(self, num_modes: int | None = None) -> tuple[float, float]:
        """The smallest and the largest possible value; `num_modes` is how many modes the data has."""
        return (0.0, float(num_modes)) if self.limits == MODES and num_modes else self.limits[:2]

    def worst(self, num_modes: int | None, observed: float) -> float | None:
        """The value of a failed run, at least as bad as the worst that was observed; None where there is no limit.

        The KL of samples that are all of one of K equally frequent modes is ln(K/0.95).
        """
        low, high = self.bounds(num_modes)
        limit = {"higher": low, "lower": high, None: math.inf}[self.better]
        if self.limits == DIVERGENCE and self.better == "lower" and num_modes:
            limit = max(math.log(num_modes / 0.95), observed)
        return limit if math.isfinite(limit) else None

    def text(self, value: float | None, signed: bool = False) -> str:
        if value is None:
            return "–"
        decimals = self.decimals
        if decimals is None:  # three significant digits
            decimals = 3 if value == 0 else min(6, max(0, 2 - math.floor(math.log10(abs(value)))))
        if value and not round(value, decimals):  # never a zero that is none
            decimals = min(6, -math.floor(math.log10(abs(value))))
        rounded = round(value, decimals) or 0.0  # no "−0.0"
        return f"{rounded:{'+' if signed and rounded else ''},.{decimals}f}".replace("-", "−")


def _read() -> dict[str, MetricSpec]:
    """The rows of metrics.csv, in their order."""
    limits = {"share": SHARE, "not_negative": NOT_NEGATIVE, "modes": MODES, "divergence": DIVERGENCE, "": UNBOUNDED}
    with Path(__file__).with_name("metrics.csv").open(encoding="utf-8", newline="") as file:
        return {
            row["key"]: MetricSpec(
                row["label"],
                row["better"] or None,
                int(row["decimals"]) if row["decimals"] else None,
                COUNT if row["counted"] else 0.0,
                limits[row["limits"]],
                *(row[column] for column in ("formula", "real", "source")),
            )
            for row in csv.DictReader(file)
        }


METRICS = _read()

SIGNALS = dict.fromkeys(("feature_variance", "discriminator_gradient", "generator_gradient"), NOT_NEGATIVE)
SIGNALS["channel_balance"] = SHARE


def metric_spec(key: str) -> MetricSpec:
    """The registered spec, that of level 1 as of high and those of the others as of low; else one named by the key."""
    known, level = _registered(key)
    if known not in METRICS:
        return MetricSpec(key.replace("_", " "), limits=SIGNALS.get(key, UNBOUNDED))
    spec = METRICS[known]
    return replace(spec, label=spec.label.replace("high" if level == 1 else "low", f"z_{level}")) if level else spec


def _registered(key: str) -> tuple[str, int]:
    """The key of METRICS that a level's metric is shown like, and the number of the level; 0 for all others."""
    stem, _, number = key.rpartition("_")
    known = f"{stem}_{'high' if number == '1' else 'low'}"
    return (known, int(number)) if known in METRICS and NUMBERED.fullmatch(number) else (key, 0)


def reached(metrics: Mapping[str, Any], keys: Iterable[str]) -> str:
    """What one run has reached, as in "modes 14, KL 0.531": keys without a number are left out."""
    texts = []
    for key in keys:
        value, spec = metrics.get(key), metric_spec(key)
        if is_number(value):
            text = f"{value:.0f}" if spec.rounding == COUNT else spec.text(value)
            texts.append(f"{spec.label.replace(',', '')} {text}")
    return ", ".join(texts)


def ordered(keys: set[str]) -> list[str]:
    """Keys in the registry's order, the unknown ones after them by name."""
    places = {key: place for place, key in enumerate(METRICS)}

    def place(key: str) -> tuple[int, int, str]:
        known, level = _registered(key)
        return places.get(known, len(places)), level, key

    return sorted(keys, key=place)


def compact(count: float | None) -> str:
    """A count of samples in few characters: 950, 12.8k, 256k, 1.5M."""
    if count is None:
        return "–"
    for limit, unit in ((1e6, "M"), (1e3, "k")):
        if count >= limit:
            return f"{count / limit:.3g}{unit}" if count < 1000 * limit else f"{count / limit:,.0f}{unit}"
    return f"{count:.0f}"


def listed(names: Iterable[str]) -> str:
    """Names with commas, cut where the list would fill the page."""
    names = list(names)
    if len(names) <= MOST_NAMES:
        return ", ".join(names)
    return f"{', '.join(names[:MOST_NAMES])} and {len(names) - MOST_NAMES} more"
