"""Label, direction and decimals of each metric, and how counts and names are printed.

A metric not listed here is still collected, averaged and shown, under its own key.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
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
    """

    label: str
    better: str | None = None
    decimals: int | None = None
    rounding: float = 0.0
    limits: tuple = UNBOUNDED

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
        decimals = _decimals(value) if self.decimals is None else self.decimals
        if value and not round(value, decimals):  # never a zero that is none
            decimals = min(6, -math.floor(math.log10(abs(value))))
        rounded = round(value, decimals) or 0.0  # no "−0.0"
        return f"{rounded:{'+' if signed and rounded else ''},.{decimals}f}".replace("-", "−")


METRICS = {
    "modes": MetricSpec("modes", "higher", 1, COUNT, limits=MODES),
    "kl": MetricSpec("KL", "lower", limits=DIVERGENCE),
    "kl_floor": MetricSpec("KL floor"),
    "recognisable": MetricSpec("recognisable", "higher", 2, limits=SHARE),
    "effective_modes": MetricSpec("effective modes", "higher", 1, limits=MODES),
    "top_share": MetricSpec("top share", "lower", 3, limits=SHARE),
    "fid": MetricSpec("FID", "lower", limits=NOT_NEGATIVE),
    "kid": MetricSpec("KID", "lower"),
    "precision": MetricSpec("precision", "higher", 2, limits=SHARE),
    "recall": MetricSpec("recall", "higher", 2, limits=SHARE),
    "density": MetricSpec("density", "higher", 2, limits=NOT_NEGATIVE),
    "coverage": MetricSpec("coverage", "higher", 2, limits=SHARE),
    "vendi": MetricSpec("Vendi", "higher", 1, limits=NOT_NEGATIVE),
    "modes_any": MetricSpec("modes, any sample", "higher", 1, COUNT, limits=MODES),
    "kl_any": MetricSpec("KL, any sample", "lower", limits=DIVERGENCE),
    "modes_late": MetricSpec("modes, late", "higher", 1, limits=MODES),
    "worst_modes": MetricSpec("fewest modes, late", "higher", 1, COUNT, limits=MODES),
    "kl_late": MetricSpec("KL, late", "lower", limits=DIVERGENCE),
    "kl_any_late": MetricSpec("KL, any sample, late", "lower", limits=DIVERGENCE),
    "class_accuracy": MetricSpec("class as asked", "higher", 2, limits=SHARE),
    "class_accuracy_any": MetricSpec("class as asked, any sample", "higher", 2, limits=SHARE),
    "accepted_share": MetricSpec("accepted share", None, 2, limits=SHARE),
    "accepted_modes": MetricSpec("accepted: modes", "higher", 1, COUNT, limits=MODES),
    "accepted_kl": MetricSpec("accepted: KL", "lower", limits=DIVERGENCE),
    "accepted_recognisable": MetricSpec("accepted: recognisable", "higher", 2, limits=SHARE),
    "accepted_fid": MetricSpec("accepted: FID", "lower", limits=NOT_NEGATIVE),
    "accepted_precision": MetricSpec("accepted: precision", "higher", 2, limits=SHARE),
    "accepted_recall": MetricSpec("accepted: recall", "higher", 2, limits=SHARE),
    "accepted_modes_any": MetricSpec("accepted: modes, any sample", "higher", 1, COUNT, limits=MODES),
    "accepted_kl_any": MetricSpec("accepted: KL, any sample", "lower", limits=DIVERGENCE),
    "discriminator_passes": MetricSpec("discriminator passes", None, 1, limits=NOT_NEGATIVE),
    "discriminator_images": MetricSpec("discriminator images", None, 0, limits=NOT_NEGATIVE),
    "discriminator_accuracy": MetricSpec("pairwise accuracy", limits=SHARE),
    "iwae_nll": MetricSpec("IWAE NLL", "lower", 2),
    "bits_per_dim": MetricSpec("bits/dim", "lower", 3, limits=NOT_NEGATIVE),
    "elbo": MetricSpec("ELBO", "higher", 2),
    "reconstruction": MetricSpec("reconstruction", "lower", 2),
    "kl_high": MetricSpec("KL high", None, 2, limits=DIVERGENCE),
    "kl_low": MetricSpec("KL low", None, 2, limits=DIVERGENCE),
    "active_high": MetricSpec("active high", "higher", 1, COUNT, limits=NOT_NEGATIVE),
    "active_low": MetricSpec("active low", "higher", 1, COUNT, limits=NOT_NEGATIVE),
    "au_high": MetricSpec("active units, high", "higher", 1, COUNT, limits=NOT_NEGATIVE),
    "au_low": MetricSpec("active units, low", "higher", 1, COUNT, limits=NOT_NEGATIVE),
    "mi_high": MetricSpec("MI high", "higher", 2),
    "mi_low": MetricSpec("MI low", "higher", 2),
    "mi_ceiling": MetricSpec("MI ceiling", None, 2),
    "floor_nll": MetricSpec("collapse floor", None, 2),
    "entropy": MetricSpec("entropy", None, 2),
    "onset_f1": MetricSpec("onset F1", "higher", 3, limits=SHARE),
    "mse": MetricSpec("MSE", "lower", limits=NOT_NEGATIVE),
    "usage_high": MetricSpec("usage high", "higher", 2),
    "usage_low": MetricSpec("usage low", "higher", 2),
    "validity": MetricSpec("validity", "higher", 3, limits=SHARE),
    "diversity": MetricSpec("diversity", "higher", 3, limits=SHARE),
    "feature_distance": MetricSpec("feature distance", "lower", limits=NOT_NEGATIVE),
    "style_accuracy": MetricSpec("style accuracy", "higher", 3, limits=SHARE),
    "named_high": MetricSpec("named, high", "higher", 1, COUNT, limits=NOT_NEGATIVE),
    "named_low": MetricSpec("named, low", "higher", 1, COUNT, limits=NOT_NEGATIVE),
    "mig": MetricSpec("MIG", "higher", 2),
    "dci_disentanglement": MetricSpec("disentanglement", "higher", 2, limits=SHARE),
    "dci_completeness": MetricSpec("completeness", "higher", 2, limits=SHARE),
    "dci_informativeness": MetricSpec("informativeness", "higher", 2),
    "style_probe_high": MetricSpec("probe, high", "higher", 2),
    "style_probe_low": MetricSpec("probe, low", None, 2),
    "style_probe_floor": MetricSpec("probe floor", None, 2),
    "style_variance_high": MetricSpec("variance, high", "higher", 2),
    "style_variance_low": MetricSpec("variance, low", None, 2),
    "style_agreement_fixed_high": MetricSpec("agreement, high fixed", "higher", 2, limits=SHARE),
    "style_agreement_fixed_low": MetricSpec("agreement, low fixed", None, 2),
    "distance_fixed_high": MetricSpec("distance, high fixed", None, 3),
    "distance_fixed_low": MetricSpec("distance, low fixed", None, 3),
    "transfer_high": MetricSpec("transfer, high", "higher", 2),
    "transfer_low": MetricSpec("transfer, low", None, 2),
    "transfer_copy": MetricSpec("copy", None, 2),
    "transfer_target": MetricSpec("target", None, 2),
    "transfer_mean": MetricSpec("mean", None, 2),
    "interpolation_straightness_high": MetricSpec("straightness, high", "lower", 2),
    "interpolation_straightness_low": MetricSpec("straightness, low", None, 2),
    "interpolation_straightness_both": MetricSpec("straightness, both", "lower", 2),
    "interpolation_straightness_fade": MetricSpec("cross-fade", None, 2),
    "control_density_slope": MetricSpec("density: slope", None, 2),
    "control_density_correlation": MetricSpec("density: ρ", "higher", 2),
    "control_syncopation_slope": MetricSpec("syncopation: slope", None, 2),
    "control_syncopation_correlation": MetricSpec("syncopation: ρ", "higher", 2),
    "copied": MetricSpec("copied", None, 3, limits=SHARE),
    "copied_real": MetricSpec("real: copied", None, 3),
    "told_apart": MetricSpec("C2ST accuracy", "lower", 2),
    "told_apart_real": MetricSpec("real: C2ST accuracy", None, 2),
    "cell_entropy": MetricSpec("cell entropy", "lower", 3),
    "images_per_second": MetricSpec("samples/s", None, 0),
    "train_seconds": MetricSpec("training, s", None, 0),
}

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


def _decimals(value: float) -> int:
    """Decimals that leave three significant digits."""
    return 3 if value == 0 else min(6, max(0, 2 - math.floor(math.log10(abs(value)))))
