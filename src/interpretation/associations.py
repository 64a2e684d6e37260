"""What each latent dimension goes along with: musical features, the style, and whatever else is known of the bars.

N bars, L latent dims, F features, K categories.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from src.interpretation.coded import Coded
from src.interpretation.dependence import (
    binned,
    chance_information,
    gaussian_information,
    mutual_information,
    rank_correlation,
    rank_correlation_p,
)
from src.interpretation.reading import Reading, joined
from src.metrics.onset import ACTIVE_NATS
from src.metrics.significance import CHANCE, holm
from src.music.features import FEATURES
from src.vae.latents import LEVELS

LEAST_RHO = 0.4  # that a feature needs to name a dimension
LEAST_NATS = gaussian_information(LEAST_RHO)  # beyond chance, that a category needs: as much as that ρ is worth


@dataclass(frozen=True)
class Evidence:
    """Nats that a dimension and what it is named after have in common, what chance makes of them, and ρ if any."""

    name: str
    information: float
    baseline: float
    rho: float | None = None

    @property
    def text(self) -> str:
        """As in "closed hat density, ρ 0.71"."""
        if self.rho is None:
            return f"{self.name}, MI {self.information:.2f} nats"
        return f"{self.name}, ρ {signed(self.rho, 2)}"


@dataclass(frozen=True)
class Dimension:
    """A latent dimension, with the feature and the category that the numbers support; none if it is inactive.

    Attributes:
        rho_F: Spearman's ρ with every feature on held-out bars, NaN where either is constant.
    """

    level: str
    index: int
    kl: float
    active: bool
    rho_F: Tensor
    feature: Evidence | None
    category: Evidence | None

    @property
    def namesake(self) -> Evidence | None:
        """What it is named after: a category only where no feature tells."""
        return self.feature or self.category

    @property
    def name(self) -> str:
        return f"z_{self.level}[{self.index}]"

    @property
    def text(self) -> str:
        """As in "z_low[3]: closed hat density, ρ 0.71"."""
        if not self.active:
            return f"{self.name}: inactive"
        return f"{self.name}: {self.namesake.text if self.namesake else 'no single feature'}"

    def facts(self) -> dict[str, Any]:
        """For results.json; what the numbers do not support is None."""
        found = self.namesake
        return {
            "level": self.level,
            "dimension": self.index,
            "kl": self.kl,
            "feature": self.feature.name if self.feature else None,
            "category": self.category.name if self.category else None,
            "rho": found.rho if found else None,
            "information": found.information if found else None,
            "information_baseline": found.baseline if found else None,
            "text": self.text,
        }


def associations(fit: Reading, held: Reading) -> list[Dimension]:
    """Every dimension of both levels, with what it may be named after.

    Correlations are those of the posteriors' means, mutual information is that of samples: means alone tell more than
    the decoder gets to hear.

    The one candidate among the features is the one with the largest |ρ| on `fit`. It names the dimension if on `held`
    ρ has the same sign and is at least `LEAST_RHO`, is significant after Holm's correction over all pairs of a
    dimension and a feature, and if mutual information is above its baseline. The candidate among the categories, which
    are the style and the known factors, has the most information beyond the baseline on `fit`, and needs `LEAST_NATS`
    beyond it on `held`. Tests and baseline take bars for independent, which those of one recording are not: it is the
    thresholds that weigh on many bars, the corrections on few.
    """
    features_NF = held.bars.features_NF
    rho_LF = rank_correlation(joined(held.means), features_NF)
    p_LF = rank_correlation_p(rho_LF, len(features_NF))
    tested_LF = p_LF.isfinite()
    significant_LF = torch.zeros_like(tested_LF)
    significant_LF[tested_LF] = rho_LF.new_tensor(holm(p_LF[tested_LF].tolist())) < CHANCE
    fitted_LF = rank_correlation(joined(fit.means), fit.bars.features_NF).nan_to_num(0)
    chosen_L1 = fitted_LF.abs().argmax(1, keepdim=True)
    agrees_LF = (rho_LF * fitted_LF.sign() >= LEAST_RHO) & significant_LF
    drawn_NL = binned(joined(held.drawn))
    features = _evidence(drawn_NL, binned(features_NF), FEATURES, chosen_L1, 0.0, rho_LF)
    categories = _categories(fit.bars, held.bars, binned(joined(fit.drawn)), drawn_NL)
    found = []
    places = [(level, index) for level in LEVELS for index in range(held.means[level].shape[1])]
    for row, (level, index) in enumerate(places):
        kl = held.bars.rates[level][index]
        active = bool(kl > ACTIVE_NATS)
        feature = features[row] if active and agrees_LF[row, chosen_L1[row]] else None
        category = categories[row] if active else None
        found.append(Dimension(level, index, kl.item(), active, rho_LF[row].cpu(), feature, category))
    return found


def signed(value: float, decimals: int) -> str:
    """A number with a true minus."""
    return f"{value:.{decimals}f}".replace("-", "−")


def _categories(fit: Coded, held: Coded, fit_NL: Tensor, held_NL: Tensor) -> list[Evidence | None]:
    """What the category that is most telling on `fit` has in common with each dimension on `held`, if it is enough."""
    kinds = {"style": (fit.styles_N, held.styles_N)}
    kinds |= {f"factor {name}": (fit.factors[name], held.factors[name]) for name in held.factors}
    kinds = {name: pair for name, pair in kinds.items() if all(len(values_N.unique()) > 1 for values_N in pair)}
    if not kinds:
        return [None] * held_NL.shape[1]
    fit_NK, held_NK = (torch.stack(values, 1) for values in zip(*kinds.values(), strict=True))
    beyond_LK = mutual_information(fit_NL, fit_NK) - chance_information(fit_NL, fit_NK)
    return _evidence(held_NL, held_NK, tuple(kinds), beyond_LK.argmax(1, keepdim=True), LEAST_NATS)


def _evidence(
    codes_NL: Tensor,
    values_NY: Tensor,
    names: tuple[str, ...],
    chosen_L1: Tensor,
    least: float,
    rho_LY: Tensor | None = None,
) -> list[Evidence | None]:
    """Each dimension's information on its chosen column; None unless it is more than `least` beyond the baseline."""
    nats_L1 = mutual_information(codes_NL, values_NY).gather(1, chosen_L1)
    baseline_L1 = chance_information(codes_NL, values_NY).gather(1, chosen_L1)
    rhos = [None] * len(chosen_L1) if rho_LY is None else rho_LY.gather(1, chosen_L1).flatten().tolist()
    rows = zip(
        chosen_L1.flatten().tolist(), nats_L1.flatten().tolist(), baseline_L1.flatten().tolist(), rhos, strict=True
    )
    return [
        Evidence(names[chosen], nats, baseline, rho) if nats - baseline > least else None
        for chosen, nats, baseline, rho in rows
    ]
