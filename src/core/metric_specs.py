"""What is known of each metric: its label, which way is better, its decimals.

A metric not listed here is still collected, averaged and shown, under its own key.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

COUNT = 1 / 12  # variance of what rounding to whole numbers takes away
NOT_QUANTITIES = {"images_per_second", "train_seconds", "num_samples", "num_held_out", "importance_samples"}
MOST_NAMES = 30
LEAST_KL = 0.01  # nats; figures do not tell less apart, it is all nothing


@dataclass(frozen=True)
class Measure:
    """How one metric is shown. `better` is "higher", "lower" or None; decimals None is three digits.

    `rounding` is the variance that each value owes to being a count.
    """

    label: str
    better: str | None = None
    decimals: int | None = None
    rounding: float = 0.0

    def text(self, value: float | None, signed: bool = False) -> str:
        if value is None:
            return "–"
        decimals = _decimals(value) if self.decimals is None else self.decimals
        if value and not round(value, decimals):  # never a zero that is none
            decimals = min(6, -math.floor(math.log10(abs(value))))
        rounded = round(value, decimals) or 0.0  # no "−0.0"
        return f"{rounded:{'+' if signed and rounded else ''},.{decimals}f}".replace("-", "−")


MEASURES = {
    "modes": Measure("modes", "higher", 1, COUNT),
    "kl": Measure("KL", "lower"),
    "kl_floor": Measure("KL floor"),
    "recognisable": Measure("recognisable", "higher", 2),
    "effective_modes": Measure("effective modes", "higher", 1),
    "top_share": Measure("top share", "lower", 3),
    "fid": Measure("FID", "lower"),
    "kid": Measure("KID", "lower"),
    "precision": Measure("precision", "higher", 2),
    "recall": Measure("recall", "higher", 2),
    "density": Measure("density", "higher", 2),
    "coverage": Measure("coverage", "higher", 2),
    "vendi": Measure("Vendi", "higher", 1),
    "modes_any": Measure("modes, any sample", "higher", 1, COUNT),
    "kl_any": Measure("KL, any sample", "lower"),
    "modes_late": Measure("modes, late", "higher", 1),
    "worst_modes": Measure("fewest modes, late", "higher", 1, COUNT),
    "kl_late": Measure("KL, late", "lower"),
    "discriminator_passes": Measure("discriminator passes", None, 1),
    "discriminator_images": Measure("discriminator images", None, 0),
    "discriminator_accuracy": Measure("pairwise accuracy"),
    "iwae_nll": Measure("IWAE NLL", "lower", 2),
    "elbo": Measure("ELBO", "higher", 2),
    "reconstruction": Measure("reconstruction", "lower", 2),
    "kl_high": Measure("KL high", None, 2),
    "kl_low": Measure("KL low", None, 2),
    "active_high": Measure("active high", "higher", 1, COUNT),
    "active_low": Measure("active low", "higher", 1, COUNT),
    "au_high": Measure("active units, high", "higher", 1, COUNT),
    "au_low": Measure("active units, low", "higher", 1, COUNT),
    "mi_high": Measure("MI high", "higher", 2),
    "mi_low": Measure("MI low", "higher", 2),
    "mi_ceiling": Measure("MI ceiling", None, 2),
    "floor_nll": Measure("collapse floor", None, 2),
    "entropy": Measure("entropy", None, 2),
    "onset_f1": Measure("onset F1", "higher", 3),
    "mse": Measure("MSE", "lower"),
    "usage_high": Measure("usage high", "higher", 2),
    "usage_low": Measure("usage low", "higher", 2),
    "validity": Measure("validity", "higher", 3),
    "diversity": Measure("diversity", "higher", 3),
    "feature_distance": Measure("feature distance", "lower"),
    "style_accuracy": Measure("style accuracy", "higher", 3),
    "named_high": Measure("named, high", "higher", 1, COUNT),
    "named_low": Measure("named, low", "higher", 1, COUNT),
    "mig": Measure("MIG", "higher", 2),
    "dci_disentanglement": Measure("disentanglement", "higher", 2),
    "dci_completeness": Measure("completeness", "higher", 2),
    "dci_informativeness": Measure("informativeness", "higher", 2),
    "style_probe_high": Measure("probe, high", "higher", 2),
    "style_probe_low": Measure("probe, low", None, 2),
    "style_probe_floor": Measure("probe floor", None, 2),
    "style_variance_high": Measure("variance, high", "higher", 2),
    "style_variance_low": Measure("variance, low", None, 2),
    "style_agreement_fixed_high": Measure("agreement, high fixed", "higher", 2),
    "style_agreement_fixed_low": Measure("agreement, low fixed", None, 2),
    "distance_fixed_high": Measure("distance, high fixed", None, 3),
    "distance_fixed_low": Measure("distance, low fixed", None, 3),
    "transfer_high": Measure("transfer, high", "higher", 2),
    "transfer_low": Measure("transfer, low", None, 2),
    "transfer_copy": Measure("copy", None, 2),
    "transfer_target": Measure("target", None, 2),
    "transfer_mean": Measure("mean", None, 2),
    "interpolation_straightness_high": Measure("straightness, high", "lower", 2),
    "interpolation_straightness_low": Measure("straightness, low", None, 2),
    "interpolation_straightness_both": Measure("straightness, both", "lower", 2),
    "interpolation_straightness_fade": Measure("cross-fade", None, 2),
    "control_density_slope": Measure("density: slope", None, 2),
    "control_density_correlation": Measure("density: ρ", "higher", 2),
    "control_syncopation_slope": Measure("syncopation: slope", None, 2),
    "control_syncopation_correlation": Measure("syncopation: ρ", "higher", 2),
    "copied": Measure("copied", None, 3),
    "copied_real": Measure("real: copied", None, 3),
    "told_apart": Measure("told apart", "lower", 2),
    "told_apart_real": Measure("real: told apart", None, 2),
    "cell_entropy": Measure("cell entropy", "lower", 3),
    "images_per_second": Measure("samples/s", None, 0),
    "train_seconds": Measure("training, s", None, 0),
}


def measure(key: str) -> Measure:
    """The known measure, or a plain one under the key's own name."""
    return MEASURES.get(key) or Measure(key.replace("_", " "))


def ordered(keys: set[str]) -> list[str]:
    """Keys in the registry's order, the unknown ones after them by name."""
    return [key for key in MEASURES if key in keys] + sorted(keys - MEASURES.keys())


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
