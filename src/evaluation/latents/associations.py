"""What each latent dimension may be named after: a musical feature, the style, or whatever else is known of the bars.

N bars, L latent dims, F features, C categories.
"""

from dataclasses import dataclass
from typing import Any

from src.core.multiple_tests import CHANCE
from src.evaluation.latents.codes import Reading, joined
from src.evaluation.latents.dependence import (
    binned,
    chance_information,
    gaussian_information,
    mutual_information,
    rank_correlation,
)
from src.evaluation.latents.evidence import Categories, Evidence, categories, evidence, stacked
from src.evaluation.metrics.onset import ACTIVE_NATS
from src.vae.latents import LEVELS

LEAST_RHO = 0.4  # that a feature needs to name a dimension
LEAST_NATS = gaussian_information(LEAST_RHO)  # beyond chance, that a category needs: as much as that ρ is worth


@dataclass(frozen=True)
class Dimension:
    """A latent dimension with all that it may go along with.

    Attributes:
        features, categories: the evidence on each, in the same order for every dimension.
        feature, category: the one of each that the numbers support; none if the dimension is inactive.
    """

    level: str
    index: int
    kl: float
    active: bool
    features: tuple[Evidence, ...]
    categories: tuple[Evidence, ...]
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
    ρ has the same sign and is at least `LEAST_RHO`, is significant after Holm's correction over all pairs that have a
    ρ, and if mutual information is above its baseline. The candidate among the categories, which are the style and the
    known factors, has the most information beyond the baseline on `fit`, and needs `LEAST_NATS` beyond it on `held`.
    Tests and baseline take bars for independent, which those of one recording are not: it is the thresholds that weigh
    on many bars, the corrections on few.
    """
    fit_kinds, held_kinds = categories(fit.bars, held.bars)
    fitted_LF = rank_correlation(joined(fit.means), fit.bars.features_NF).nan_to_num(0)
    foremost_L = fitted_LF.abs().argmax(1).tolist()
    telling_L = _most_telling(fit, fit_kinds)
    places = [(level, index) for level in LEVELS for index in range(held.means[level].shape[1])]
    found = []
    for row, (features, kinds) in enumerate(evidence(held, held_kinds)):
        level, index = places[row]
        kl = held.bars.rates[level][index]
        active = bool(kl > ACTIVE_NATS)
        feature = features[foremost_L[row]]
        sign = fitted_LF[row, foremost_L[row]].sign().item()
        category = kinds[telling_L[row]] if kinds else None
        found.append(
            Dimension(
                *(level, index, kl.item(), active, features, kinds),
                feature if active and _correlates(feature, sign) else None,
                category if active and category and category.information - category.baseline > LEAST_NATS else None,
            )
        )
    return found


def _most_telling(fit: Reading, kinds: Categories) -> list[int]:
    """Which category each dimension has most in common with, beyond chance; empty where there is none."""
    if not kinds:
        return []
    codes_NL, kinds_NC = binned(joined(fit.drawn)), stacked(kinds, fit.bars)
    return (mutual_information(codes_NL, kinds_NC) - chance_information(codes_NL, kinds_NC)).argmax(1).tolist()


def _correlates(feature: Evidence, sign: float) -> bool:
    """Whether it is enough to name a dimension whose ρ has this sign on other bars."""
    if feature.rho is None:
        return False
    return feature.rho * sign >= LEAST_RHO and feature.p < CHANCE and feature.information > feature.baseline
