"""What each latent dimension is associated with: musical features, the style, and further factors of the bars.

N bars, L latent dims, F features, C categories, Y features or categories.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from src.core.multiple_tests import CHANCE, holm
from src.evaluation.artifacts import Table
from src.evaluation.latents.dependence import (
    binned,
    chance_information,
    gaussian_information,
    mutual_information,
    rank_correlation,
    rank_correlation_p,
)
from src.evaluation.latents.encode import EncodedSplit, LatentCodes, side_by_side
from src.evaluation.metrics.onset import ACTIVE_NATS

MIN_RHO = 0.4  # of a feature that names a dimension
MIN_NATS = gaussian_information(MIN_RHO)  # beyond chance, of a category that names one: the same strength
HEADER = (
    *("level", "dimension", "kl", "active", "kind", "name", "rho", "p_holm"),
    *("information", "information_baseline", "names_it"),
)
Categories = Mapping[str, Tensor]  # int64 [N] by name


@dataclass(frozen=True)
class Association:
    """How a dimension and a feature or category depend on each other."""

    kind: str  # "feature" or "category"
    name: str
    information: float  # mutual information of posterior samples and the bars' values, in nats
    baseline: float  # its value by chance, see `chance_information`
    rho: float | None = None  # Spearman's, of posterior means; None where either is constant, or there is no order
    p: float | None = None  # of ρ, after Holm's correction over all pairs that have one

    @property
    def text(self) -> str:
        """For example "closed hat density, ρ 0.71"."""
        information = [f"MI {self.information:.2f} nats"] if self.kind == "category" else []
        rho = [] if self.rho is None else [f"ρ {signed(self.rho, 2)}"]
        return ", ".join([self.name, *information, *rho])

    def supports(self, sign: float) -> bool:
        """Whether it is strong enough to name a dimension whose ρ has this sign on the other split."""
        if self.rho is None:
            return False
        return self.rho * sign >= MIN_RHO and self.p < CHANCE and self.information > self.baseline


@dataclass(frozen=True)
class Dimension:
    """A latent dimension with its associations, in the same order for every dimension.

    `feature`, `category`: the strongest of each if it passes the thresholds; None for an inactive dimension.
    """

    level: str
    index: int
    kl: float
    active: bool
    features: tuple[Association, ...]
    categories: tuple[Association, ...]
    feature: Association | None
    category: Association | None

    @property
    def best_association(self) -> Association | None:
        """The feature that names the dimension, else the category."""
        return self.feature or self.category

    @property
    def name(self) -> str:
        return f"z_{self.level}[{self.index}]"

    @property
    def text(self) -> str:
        """For example "z_low[3]: closed hat density, ρ 0.71"."""
        if not self.active:
            return f"{self.name}: inactive"
        return f"{self.name}: {self.best_association.text if self.best_association else 'no single feature'}"

    def facts(self) -> dict[str, Any]:
        """For results.json; None where no association is strong enough."""
        best = self.best_association
        return {
            "level": self.level,
            "dimension": self.index,
            "kl": self.kl,
            "feature": self.feature.name if self.feature else None,
            "category": self.category.name if self.category else None,
            "rho": best.rho if best else None,
            "information": best.information if best else None,
            "information_baseline": best.baseline if best else None,
            "text": self.text,
        }


def name_dimensions(fit: LatentCodes, held: LatentCodes) -> list[Dimension]:
    """All dimensions of all levels with their associations on `held`.

    Candidates are chosen on `fit`: the feature with the largest |ρ|, and the category (the style or a factor) with the
    most information beyond chance. The feature names the dimension if on `held` ρ has the same sign and is at least
    `MIN_RHO`, is significant after Holm's correction over all pairs that have a ρ, and mutual information exceeds its
    baseline. The category needs `MIN_NATS` beyond the baseline on `held`.

    ρ is that of posterior means, information that of posterior samples, which is what the decoder receives. Tests and
    baseline assume independent bars, which bars of one recording are not: with many bars the thresholds decide, with
    few the corrections.
    """
    fit_categories, held_categories = varying_categories(fit.bars, held.bars)
    rho_LF = rank_correlation(side_by_side(fit.means), fit.bars.features_NF).nan_to_num(0)
    best_feature_L = rho_LF.abs().argmax(1).tolist()
    best_category_L = _most_informative(fit, fit_categories)
    places = [(level, index) for level, codes_NL in held.means.items() for index in range(codes_NL.shape[1])]
    dimensions = []
    for row, (features, categories) in enumerate(measure_associations(held, held_categories)):
        level, index = places[row]
        kl = held.bars.kl[level][index]
        active = bool(kl > ACTIVE_NATS)
        feature = features[best_feature_L[row]]
        is_supported = active and feature.supports(rho_LF[row, best_feature_L[row]].sign().item())
        category = categories[best_category_L[row]] if active and categories else None
        is_informative = category and category.information - category.baseline > MIN_NATS
        names = (feature if is_supported else None, category if is_informative else None)
        dimensions.append(Dimension(level, index, kl.item(), active, features, categories, *names))
    return dimensions


def measure_associations(
    codes: LatentCodes, categories: Categories
) -> list[tuple[tuple[Association, ...], tuple[Association, ...]]]:
    """The associations of each dimension with all features, and with these categories."""
    means_NL, samples_NL = side_by_side(codes.means), binned(side_by_side(codes.samples))
    features_NF, categories_NC = codes.bars.features_NF, _stacked(categories, codes.bars)
    # Separately, since categories may have many more values than bins.
    columns = [values_NY for values_NY in (binned(features_NF), categories_NC) if values_NY.shape[1]]
    information_LY, baseline_LY = (
        torch.cat([measure(samples_NL, values_NY) for values_NY in columns], 1)
        for measure in (mutual_information, chance_information)
    )
    ordered = {factor_name(name) for name in codes.bars.ordered}
    rho_LC = rank_correlation(means_NL, categories_NC)
    rho_LC[:, [index for index, name in enumerate(categories) if name not in ordered]] = torch.nan
    rho_LY = torch.cat([rank_correlation(means_NL, features_NF), rho_LC], 1)
    p_LY = rank_correlation_p(rho_LY, len(means_NL))
    tested_LY = p_LY.isfinite()
    p_LY[tested_LY] = p_LY.new_tensor(holm(p_LY[tested_LY].tolist()))
    names = [("feature", name) for name in codes.bars.describe.names] + [("category", name) for name in categories]
    rows = []
    for columns in zip(*(each.tolist() for each in (information_LY, baseline_LY, rho_LY, p_LY)), strict=True):
        pairs = tuple(
            Association(kind, name, information, baseline, _finite(rho), _finite(p))
            for (kind, name), information, baseline, rho, p in zip(names, *columns, strict=True)
        )
        rows.append((pairs[: features_NF.shape[1]], pairs[features_NF.shape[1] :]))
    return rows


def varying_categories(fit: EncodedSplit, held: EncodedSplit) -> tuple[Categories, Categories]:
    """Style and factors of both splits, of those that vary in both."""
    first, second = (
        {"style": bars.styles_N, **{factor_name(name): values_N for name, values_N in bars.factors.items()}}
        for bars in (fit, held)
    )
    names = [name for name in second if len(first[name].unique()) > 1 and len(second[name].unique()) > 1]
    return {name: first[name] for name in names}, {name: second[name] for name in names}


def association_table(dimensions: Sequence[Dimension]) -> Table:
    """A row per dimension and feature or category; ρ and p are blank where they are undefined."""
    rows = [
        [
            *(each.level, each.index, f"{each.kl:.4g}", "yes" if each.active else "no", pair.kind, pair.name),
            *("" if value is None else f"{value:.4g}" for value in (pair.rho, pair.p, pair.information, pair.baseline)),
            "yes" if pair == each.best_association else "no",
        ]
        for each in dimensions
        for pair in (*each.features, *each.categories)
    ]
    return Table(HEADER, rows)


def factor_name(name: str) -> str:
    """Name of a factor among the categories."""
    return f"factor {name}"


def signed(value: float, decimals: int) -> str:
    """A number with a true minus."""
    return f"{value:.{decimals}f}".replace("-", "−")


def _most_informative(codes: LatentCodes, categories: Categories) -> list[int]:
    """Index of the category with the most information beyond chance per dimension; empty without categories."""
    if not categories:
        return []
    samples_NL, values_NC = binned(side_by_side(codes.samples)), _stacked(categories, codes.bars)
    return (mutual_information(samples_NL, values_NC) - chance_information(samples_NL, values_NC)).argmax(1).tolist()


def _stacked(categories: Categories, bars: EncodedSplit) -> Tensor:
    """Int64 [N, C]; C may be 0."""
    columns = list(categories.values())
    return torch.stack(columns, 1) if columns else bars.styles_N.new_zeros(len(bars.styles_N), 0)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
