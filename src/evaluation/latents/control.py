"""What can be dialled: how dense and how syncopated a bar is, and how much is left to chance.

N bars, R requests, T steps, V voices, L latent dims of both levels together.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import Tensor

from src.data.drums.features import FEATURES, features
from src.evaluation.artifacts import Exhibit, Picture
from src.evaluation.drum_metrics import Listener
from src.evaluation.image_grids import rendered
from src.evaluation.latents.charts import COLOURS, INK, MUTED, panels
from src.evaluation.latents.codec import SEED, likeliest, mean_codes, sampled_codes
from src.evaluation.latents.encode import Coded, Findings, sound
from src.evaluation.latents.intervals import ratio
from src.evaluation.latents.temperature import temperature
from src.vae.module import VAE

NUM_BARS = 120  # of `held` that are moved
REQUESTS = (0.1, 0.3, 0.5, 0.7, 0.9)  # quantiles of the feature on `fit`
RIDGE = 1e-2  # beside codes of variance 1
JITTER = 0.025  # of the requests' range, so that dots do not hide each other
PARTS = ("slope", "correlation", "error", "error_unmoved")

Measure = Callable[[Tensor], Tensor]
DIALS: Mapping[str, Measure] = {
    "density": lambda grids_NTV: grids_NTV.flatten(1).sum(1).double(),
    "syncopation": lambda grids_NTV: features(grids_NTV)[:, FEATURES.index("syncopation")].double(),
}
UNITS = {"density": "hits per bar", "syncopation": "syncopation"}


@dataclass(frozen=True)
class Dialled:
    """What was asked of every bar and what came out.

    `unmoved_N` came out without a move. `explained` is the share of the feature's variance that the regression predicts
    in bars it has not seen, `length` the median length of a move in standard deviations of the prior, `high_share` the
    part of its squared length that lies in z_high. `heard_NTV` is one bar, unmoved and then moved to each request.
    """

    requested_R: Tensor
    obtained_NR: Tensor
    unmoved_N: Tensor
    explained: float
    length: float
    high_share: float
    heard_NTV: Tensor

    def metrics(self) -> dict[str, float | None]:
        requested_NR = self.requested_R.expand_as(self.obtained_NR)
        varied = len(self.obtained_NR.unique()) > 1
        correlation = spearmanr(requested_NR.flatten().cpu(), self.obtained_NR.flatten().cpu())[0] if varied else None
        return {
            "slope": self.slope()["value"],
            "correlation": correlation if correlation is None else float(correlation),
            "error": (self.obtained_NR - requested_NR).abs().mean().item(),
            "error_unmoved": (self.unmoved_N.unsqueeze(1) - requested_NR).abs().mean().item(),
        }

    def slope(self) -> dict[str, Any]:
        """Least squares of what is obtained on what is requested, the same requests of every bar."""
        centred_R = self.requested_R - self.requested_R.mean()
        covariance_N = (self.obtained_NR * centred_R).sum(1)
        return ratio(covariance_N, centred_R.square().sum().expand_as(covariance_N))

    def facts(self) -> dict[str, Any]:
        return {
            "requested": self.requested_R.tolist(),
            "obtained": self.obtained_NR.mean(0).tolist(),
            "slope": self.slope(),
            "explained": self.explained,
            "length": self.length,
            "high_share": self.high_share,
            "num_bars": len(self.obtained_NR),
        }


def control(vae: VAE, fit: Coded, held: Coded, listener: Listener) -> Findings:
    """What comes out when held-out bars are asked for another density and another syncopation, and at each temperature.

    A linear regression of the feature on sampled codes of both levels, on `fit`, gives the direction. A bar's mean code
    moves along it by what the regression takes to make up the difference between what the bar has and what is asked
    for. Every bar is asked for the same quantiles of the feature on `fit`, in the feature's own units: hits per bar,
    and `src.data.drums.features.syncopation`. Each cell is the likelier choice.

    `control_DIAL_slope`: what is obtained for each unit asked for, by least squares; `control_DIAL_correlation`:
    Spearman's ρ of obtained and requested; `control_DIAL_error`: the mean absolute difference of the two;
    `control_DIAL_error_unmoved`: the same if no bar is moved, where slope and correlation are 0. None where the codes
    tell nothing of the feature, which leaves no direction to move in, or where it hardly varies in `fit`; for the
    correlation also where always the same is obtained. Of the temperature `src.evaluation.latents.temperature` tells.
    """
    fit_NL, bars_NTV = _audible(vae, sampled_codes(vae, fit.grids_NTV)), held.grids_NTV[:NUM_BARS]
    means_NL = torch.cat(list(mean_codes(vae, bars_NTV).values()), 1)
    found = {name: dialled(vae, measure, fit, fit_NL, bars_NTV, means_NL) for name, measure in DIALS.items()}
    metrics: dict[str, float | None] = {}
    for name, dial in found.items():
        parts = dial.metrics() if dial else dict.fromkeys(PARTS)
        metrics |= {f"control_{name}_{part}": parts[part] for part in PARTS}
    drawn = {name: dial for name, dial in found.items() if dial}
    shown: dict[str, Exhibit] = {}
    if drawn:
        shown["control"] = Picture(_picture(drawn))
        shown["control_bars"] = sound(torch.cat([dial.heard_NTV for dial in drawn.values()]), vae.spec.kit)
    facts = {"control": {name: dial and dial.facts() for name, dial in found.items()}}
    return Findings(metrics, shown, facts) | temperature(vae, listener)


def dialled(
    vae: VAE, measure: Measure, fit: Coded, fit_NL: Tensor, bars_NTV: Tensor, means_NL: Tensor
) -> Dialled | None:
    """The bars moved to each request; None if fewer than two requests differ or nothing tells where to go.

    Args:
        measure: the feature, from bars to float64 [N].
        fit_NL: sampled codes of the bars in `fit`.
        bars_NTV: the bars to move.
        means_NL: their mean codes.
    """
    values_N = measure(fit.grids_NTV)
    requested_R = values_N.quantile(values_N.new_tensor(REQUESTS)).unique()
    if len(requested_R) < 2:
        return None
    direction_L, explained = regression(fit_NL, values_N)
    if explained <= 0:
        return None
    need_NR = requested_R - measure(bars_NTV).unsqueeze(1)
    move_NRL = need_NR.unsqueeze(2) * (direction_L / direction_L.square().sum())
    moved_NRL = means_NL.unsqueeze(1) + move_NRL.float()

    # The unmoved code first, then one for each request.
    codes_NRL = torch.cat([means_NL.unsqueeze(1), moved_NRL], 1)
    grids_NTV = likeliest(vae, *codes_NRL.flatten(0, 1).split([vae.z_high, vae.z_low], 1))
    obtained_NR = measure(grids_NTV).unflatten(0, codes_NRL.shape[:2])
    return Dialled(
        requested_R,
        obtained_NR[:, 1:],
        obtained_NR[:, 0],
        explained,
        move_NRL.norm(dim=2).quantile(0.5).item(),
        (direction_L[: vae.z_high].square().sum() / direction_L.square().sum()).item(),
        grids_NTV[: 1 + len(requested_R)],
    )


def regression(codes_NL: Tensor, values_N: Tensor) -> tuple[Tensor, float]:
    """The coefficients [L] of a ridge regression with a free intercept, and what it explains of bars left out.

    The latter is 1 − PRESS / total sum of squares (Allen 1974, "The relationship between variable selection and data
    augmentation and a method for prediction"): at most 1, and below 0 where the mean alone predicts better.
    """
    codes_NL = codes_NL.double()
    centred_NL, centred_N = codes_NL - codes_NL.mean(0), values_N - values_N.mean()
    num, num_latents = centred_NL.shape
    normal_LL = centred_NL.T @ centred_NL + num * RIDGE * torch.eye(num_latents, device=codes_NL.device)
    solved_LN = torch.linalg.solve(normal_LL, centred_NL.T)
    weight_L = solved_LN @ centred_N
    leverage_N = (centred_NL * solved_LN.T).sum(1) + 1 / num
    left_out_N = (centred_N - centred_NL @ weight_L) / (1 - leverage_N)
    return weight_L, 1 - (left_out_N.square().sum() / centred_N.square().sum()).item()


def _audible(vae: VAE, codes: Mapping[str, Tensor]) -> Tensor:
    """Both levels' codes side by side, those of a z_high that reaches the decoder on no way at 0."""
    reaches = vae.decoder_sees == "both" or vae.prior.conditional
    return torch.cat([codes["high"] * reaches, codes["low"]], 1)


def _picture(found: Mapping[str, Dialled]) -> np.ndarray:
    """For each dial obtained against requested: every bar, their mean, the mean without a move, and the diagonal."""
    canvas, axes = panels(len(found), 4.2 * len(found), 3.9, right=1.75)
    random = np.random.default_rng(SEED)
    for axis, (name, dial) in zip(axes, found.items(), strict=True):
        requested_R, obtained_NR = dial.requested_R.cpu().numpy(), dial.obtained_NR.cpu().numpy()
        jitter_NR = JITTER * np.ptp(requested_R) * random.uniform(-1, 1, obtained_NR.shape)
        axis.scatter(
            requested_R + jitter_NR, obtained_NR, s=7, color=COLOURS[5], alpha=0.5, linewidths=0, label="a bar"
        )
        ends = requested_R[[0, -1]]
        axis.plot(ends, ends, color=INK, linestyle="--", linewidth=1.2, label="as requested")
        unmoved = [dial.unmoved_N.mean().item()] * 2
        axis.plot(ends, unmoved, color=MUTED, linestyle=":", linewidth=1.6, label="their mean, unmoved")
        axis.plot(
            requested_R, obtained_NR.mean(0), color=COLOURS[1], marker="o", markersize=5, label="mean of the bars"
        )
        axis.set(xlabel=f"requested {UNITS[name]}", ylabel="obtained")
        axis.set_title(name.capitalize(), fontsize=10.5)
    canvas.figure.legend(*axes[0].get_legend_handles_labels(), loc="center right", frameon=False, fontsize=8.5)
    return rendered(canvas)
