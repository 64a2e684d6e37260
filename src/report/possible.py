"""Which values of a metric are possible, and which is the worst."""

import math

from src.core.metric_specs import metric_spec
from src.report.statistics import UNBOUNDED

MODES = {"modes", "modes_any", "modes_late", "worst_modes", "effective_modes"}
SHARES = {
    *("recognisable", "top_share", "precision", "recall", "coverage", "validity", "diversity", "style_accuracy"),
    *("onset_f1", "dci_disentanglement", "dci_completeness", "copied", "style_agreement_fixed_high"),
    *("discriminator_accuracy", "channel_balance"),
}
DIVERGENCES = {"kl", "kl_any", "kl_late", "kl_high", "kl_low"}
NOT_NEGATIVE = {
    *DIVERGENCES,
    *MODES,
    *("density", "fid", "vendi", "mse", "feature_distance", "feature_variance"),
    *("discriminator_gradient", "generator_gradient", "discriminator_passes", "discriminator_images"),
    *("active_high", "active_low", "au_high", "au_low", "named_high", "named_low"),
}


def bounds(key: str, num_modes: int | None = None) -> tuple[float, float]:
    """The smallest and the largest possible value; `num_modes` is how many modes the data has."""
    if key in MODES and num_modes:
        return 0.0, float(num_modes)
    if key in SHARES:
        return 0.0, 1.0
    return (0.0, math.inf) if key in NOT_NEGATIVE else UNBOUNDED


def worst(key: str, num_modes: int | None = None, seen: float = 0.0) -> float | None:
    """The value of a failed run, at least as bad as the worst that was `seen`; None where there is no limit.

    The KL of samples that are all of one of K even modes is ln(K/0.95).
    """
    low, high = bounds(key, num_modes)
    better = metric_spec(key).better
    limit = {"higher": low, "lower": high, None: math.inf}[better]
    if key in DIVERGENCES and better == "lower" and num_modes:
        limit = max(math.log(num_modes / 0.95), seen)
    return limit if math.isfinite(limit) else None
