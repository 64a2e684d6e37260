"""What every latent dimension has in common with every musical feature, and with whatever else is known of the bars.

N bars, L latent dims, F features, C categories, Y features or categories.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from src.core.multiple_tests import holm
from src.data.drums.features import FEATURES, feature_names
from src.evaluation.latents.codes import Reading, joined
from src.evaluation.latents.dependence import (
    binned,
    chance_information,
    mutual_information,
    rank_correlation,
    rank_correlation_p,
)
from src.evaluation.latents.encode import Coded

Categories = Mapping[str, Tensor]  # int64 [N] by name


@dataclass(frozen=True)
class Evidence:
    """What a dimension and a feature or a category have in common.

    Attributes:
        kind: "feature" or "category".
        information: mutual information of samples of the posterior and the bars' values, in nats.
        baseline: what chance makes of it, see `chance_information`.
        rho: Spearman's ρ of the posteriors' means; None where either is constant, or a category has no order.
        p: that of ρ, after Holm's correction over all pairs that have one.
    """

    kind: str
    name: str
    information: float
    baseline: float
    rho: float | None = None
    p: float | None = None

    @property
    def text(self) -> str:
        """As in "closed hat density, ρ 0.71"."""
        information = [f"MI {self.information:.2f} nats"] if self.kind == "category" else []
        rho = [] if self.rho is None else [f"ρ {signed(self.rho, 2)}"]
        return ", ".join([self.name, *information, *rho])


def signed(value: float, decimals: int) -> str:
    """A number with a true minus."""
    return f"{value:.{decimals}f}".replace("-", "−")


def factor_name(name: str) -> str:
    """What a factor is called among the categories."""
    return f"factor {name}"


def categories(fit: Coded, held: Coded) -> tuple[Categories, Categories]:
    """The style and the known factors of both splits, as far as they vary in both."""
    kinds = [{"style": bars.styles_N, **{factor_name(n): v for n, v in bars.factors.items()}} for bars in (fit, held)]
    varying = [name for name in kinds[1] if all(len(kind[name].unique()) > 1 for kind in kinds)]
    first, second = ({name: kind[name] for name in varying} for kind in kinds)
    return first, second


def stacked(kinds: Categories, bars: Coded) -> Tensor:
    """Categories of these bars side by side, int64 [N, C]; there may be none."""
    return torch.stack(list(kinds.values()), 1) if kinds else bars.styles_N.new_zeros(len(bars.styles_N), 0)


def evidence(read: Reading, kinds: Categories) -> list[tuple[tuple[Evidence, ...], tuple[Evidence, ...]]]:
    """Of each dimension the evidence on all features, and that on all these categories."""
    means_NL, drawn_NL = joined(read.means), binned(joined(read.drawn))
    features_NF, kinds_NC = read.bars.features_NF, stacked(kinds, read.bars)
    values = {"feature": binned(features_NF), "category": kinds_NC}  # apart, as one may have many more values
    known = {kind: values_NY for kind, values_NY in values.items() if values_NY.shape[1]}
    information_LY, baseline_LY = (
        torch.cat([measured(drawn_NL, values_NY) for values_NY in known.values()], 1)
        for measured in (mutual_information, chance_information)
    )
    ordered = {factor_name(name) for name in read.bars.ordered}
    rho_LC = rank_correlation(means_NL, kinds_NC)
    rho_LC[:, [index for index, name in enumerate(kinds) if name not in ordered]] = torch.nan
    rho_LY = torch.cat([rank_correlation(means_NL, features_NF), rho_LC], 1)
    p_LY = _corrected(rank_correlation_p(rho_LY, len(means_NL)))
    names = [*(("feature", name) for name in feature_names(read.bars.voices)), *(("category", name) for name in kinds)]
    found = []
    for columns in zip(*(each.tolist() for each in (information_LY, baseline_LY, rho_LY, p_LY)), strict=True):
        pairs = [
            Evidence(kind, name, information, baseline, _known(rho), _known(p))
            for (kind, name), information, baseline, rho, p in zip(names, *columns, strict=True)
        ]
        found.append((tuple(pairs[: len(FEATURES)]), tuple(pairs[len(FEATURES) :])))
    return found


def _corrected(p_LY: Tensor) -> Tensor:
    """After Holm's correction over all that were tested."""
    tested_LY = p_LY.isfinite()
    corrected_LY = p_LY.clone()
    corrected_LY[tested_LY] = p_LY.new_tensor(holm(p_LY[tested_LY].tolist()))
    return corrected_LY


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
