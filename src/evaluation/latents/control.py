"""Control of density and syncopation through the codes, and of variety through the sampling temperature.

N bars, R requests, T steps, V voices, L latent dims of all levels together.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.stats import spearmanr
from sklearn.linear_model import RidgeCV
from torch import Tensor

from src.data.drums.features import Features
from src.evaluation import SEED
from src.evaluation.artifacts import Artifact, Picture
from src.evaluation.drum_metrics import DrumMetrics
from src.evaluation.image_grids import rendered
from src.evaluation.latents.encode import (
    AnalysisResult,
    EncodedSplit,
    decode_mode,
    mean_codes,
    sampled_codes,
    side_by_side,
    sound,
)
from src.evaluation.latents.figures import COLOURS, INK, MUTED, panels
from src.evaluation.latents.intervals import ratio
from src.vae.module import VAE

NUM_BARS = 120  # of `held` that are moved
REQUESTS = (0.1, 0.3, 0.5, 0.7, 0.9)  # quantiles of the property on `fit`
RIDGE = 1e-2  # per bar, beside codes of variance 1
JITTER = 0.025  # of the requests' range, so that dots do not hide each other
PARTS = ("slope", "correlation", "error", "error_unmoved")
TEMPERATURES = (0.3, 0.5, 0.75, 1.0, 1.4, 2.0)
NUM_SAMPLES = 500  # per temperature
NUM_HEARD = 2  # of them
MEASURES = {"validity": "validity", "diversity": "diversity", "feature_distance": "feature distance"}

Property = Callable[[Tensor], Tensor]  # of bars, float64 [N]
UNITS = {"density": "hits per bar", "syncopation": "syncopation"}


@dataclass(frozen=True)
class ControlResult:
    """Requested and obtained values of a property."""

    requested_R: Tensor
    obtained_NR: Tensor
    unmoved_N: Tensor  # values of the bars decoded from their unchanged codes
    explained: float  # share of the property's variance that the regression predicts in bars left out
    length: float  # median length of a move, in standard deviations of the prior
    high_share: float  # share of a move's squared length that lies in the top level
    example_NTV: Tensor  # one bar, unmoved and then moved to each request

    def metrics(self) -> dict[str, float | None]:
        requested_NR = self.requested_R.expand_as(self.obtained_NR)
        correlation = None
        if len(self.obtained_NR.unique()) > 1:
            correlation = float(spearmanr(requested_NR.flatten().cpu(), self.obtained_NR.flatten().cpu())[0])
        return {
            "slope": self.slope()["value"],
            "correlation": correlation,
            "error": (self.obtained_NR - requested_NR).abs().mean().item(),
            "error_unmoved": (self.unmoved_N.unsqueeze(1) - requested_NR).abs().mean().item(),
        }

    def slope(self) -> dict[str, Any]:
        """Least squares of obtained on requested values."""
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


def control(vae: VAE, fit: EncodedSplit, held: EncodedSplit, drum_metrics: DrumMetrics) -> AnalysisResult:
    """Moves held-out bars to requested densities and syncopations, and samples at several temperatures.

    The direction of a property is a linear regression on sampled codes of all levels on `fit`. A bar's mean code moves
    along it by the regression's estimate of the difference to the request. Requests are the same quantiles on `fit` for
    every bar, in the property's own units: hits per bar, and `src.data.drums.features.syncopation`.

    `control_PROPERTY_slope`: obtained per requested unit, by least squares; `control_PROPERTY_correlation`: Spearman's
    ρ of obtained and requested; `control_PROPERTY_error`: their mean absolute difference;
    `control_PROPERTY_error_unmoved`: the same for unmoved bars. None where the codes do not predict the property, or
    where it hardly varies in `fit`; the correlation also where all obtained values are equal.
    """
    *upper, lowest_NL = sampled_codes(vae, fit.grids_NTV).values()
    if vae.decoder_sees != "both" and not vae.prior.conditional:  # then the upper levels do not reach the decoder
        upper = [torch.zeros_like(upper_NL) for upper_NL in upper]
    codes_NL, bars_NTV = torch.cat([*upper, lowest_NL], 1), held.grids_NTV[:NUM_BARS]
    means_NL = side_by_side(mean_codes(vae, bars_NTV))
    results = {
        name: controlled(vae, of, fit, codes_NL, bars_NTV, means_NL) if of else None
        for name, of in properties(fit.describe).items()
    }
    metrics: dict[str, float | None] = {}
    for name, result in results.items():
        parts = result.metrics() if result else dict.fromkeys(PARTS)
        metrics |= {f"control_{name}_{part}": parts[part] for part in PARTS}
    artifacts: dict[str, Artifact] = {}
    if valid := {name: result for name, result in results.items() if result}:
        artifacts["control"] = Picture(control_figure(valid))
        examples_NTV = torch.cat([result.example_NTV for result in valid.values()])
        artifacts["control_bars"] = sound(examples_NTV, vae.spec.kit)
    facts = {"control": {name: result and result.facts() for name, result in results.items()}}
    return AnalysisResult(metrics, artifacts, facts) | temperature(vae, drum_metrics)


def properties(describe: Features) -> dict[str, Property | None]:
    """What is controlled; None for what these bars lack."""
    column = describe.names.index("syncopation") if "syncopation" in describe.names else None
    return {
        "density": lambda grids_NTV: grids_NTV.flatten(1).sum(1).double(),
        "syncopation": None if column is None else lambda grids_NTV: describe(grids_NTV)[:, column].double(),
    }


def controlled(
    vae: VAE, measure: Property, fit: EncodedSplit, fit_NL: Tensor, bars_NTV: Tensor, means_NL: Tensor
) -> ControlResult | None:
    """Bars with these mean codes moved to each request; None if fewer than two differ or the codes predict nothing.

    `fit_NL` are sampled codes of the bars in `fit`.
    """
    values_N = measure(fit.grids_NTV)
    requested_R = values_N.quantile(values_N.new_tensor(REQUESTS)).unique()
    if len(requested_R) < 2:
        return None
    direction_L, explained = regression(fit_NL, values_N)
    if explained <= 0:
        return None
    difference_NR = requested_R - measure(bars_NTV).unsqueeze(1)
    move_NRL = difference_NR.unsqueeze(2) * (direction_L / direction_L.square().sum())
    moved_NRL = means_NL.unsqueeze(1) + move_NRL.float()

    # The unmoved code first, then one per request.
    sizes = [*vae.levels.values()]
    codes_NRL = torch.cat([means_NL.unsqueeze(1), moved_NRL], 1)
    grids_NRTV = decode_mode(vae, dict(zip(vae.levels, codes_NRL.split(sizes, 2), strict=True)))
    obtained_NR = measure(grids_NRTV.flatten(0, 1)).unflatten(0, codes_NRL.shape[:2])
    return ControlResult(
        requested_R,
        obtained_NR[:, 1:],
        obtained_NR[:, 0],
        explained,
        move_NRL.norm(dim=2).quantile(0.5).item(),
        (direction_L[: sizes[0]].square().sum() / direction_L.square().sum()).item(),
        grids_NRTV[0],
    )


def regression(codes_NL: Tensor, values_N: Tensor) -> tuple[Tensor, float]:
    """Coefficients [L] of a ridge regression, and its leave-one-out R²; below 0 if the mean predicts better."""
    inputs, targets = codes_NL.double().cpu().numpy(), values_N.cpu().numpy()
    ridge = RidgeCV([len(inputs) * RIDGE]).fit(inputs, targets)  # its score is −MSE of leaving one out
    return torch.from_numpy(ridge.coef_).to(values_N), float(1 + ridge.best_score_ / targets.var())


def temperature(vae: VAE, drum_metrics: DrumMetrics) -> AnalysisResult:
    """Samples of the prior with the decoder's logits divided by each of the `TEMPERATURES`, from the same noise.

    `temperature_best` is the one with the smallest feature distance. As many held-out bars are measured for comparison.
    """
    samples = {each: vae.sample(NUM_SAMPLES, SEED, temperature=each)[:, 0] for each in TEMPERATURES}
    curve = [{"temperature": each, **drum_metrics.measure(grids_NTV)} for each, grids_NTV in samples.items()]
    real = drum_metrics.measure(drum_metrics.test_NTV[:NUM_SAMPLES])
    best = min(curve, key=lambda point: point["feature_distance"])["temperature"]
    examples_NTV = torch.cat([grids_NTV[:NUM_HEARD] for grids_NTV in samples.values()])
    artifacts = {
        "temperature": Picture(temperature_figure(curve, real)),
        "temperature_bars": sound(examples_NTV, vae.spec.kit),
    }
    return AnalysisResult({"temperature_best": best}, artifacts, {"temperatures": curve, "temperatures_real": real})


def control_figure(results: Mapping[str, ControlResult]) -> np.ndarray:
    """Obtained against requested values per property: bars, their mean, the unmoved mean, and the diagonal."""
    figure, axes = panels(len(results), 4.2 * len(results), 3.9, right=1.75)
    random = np.random.default_rng(SEED)
    for axis, (name, result) in zip(axes, results.items(), strict=True):
        requested_R, obtained_NR = result.requested_R.cpu().numpy(), result.obtained_NR.cpu().numpy()
        jitter_NR = JITTER * np.ptp(requested_R) * random.uniform(-1, 1, obtained_NR.shape)
        axis.scatter(
            requested_R + jitter_NR, obtained_NR, s=7, color=COLOURS[5], alpha=0.5, linewidths=0, label="a bar"
        )
        ends = requested_R[[0, -1]]
        axis.plot(ends, ends, color=INK, linestyle="--", linewidth=1.2, label="as requested")
        unmoved = [result.unmoved_N.mean().item()] * 2
        axis.plot(ends, unmoved, color=MUTED, linestyle=":", linewidth=1.6, label="their mean, unmoved")
        axis.plot(
            requested_R, obtained_NR.mean(0), color=COLOURS[1], marker="o", markersize=5, label="mean of the bars"
        )
        axis.set(xlabel=f"requested {UNITS[name]}", ylabel="obtained")
        axis.set_title(name.capitalize(), fontsize=10.5)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="center right", frameon=False, fontsize=8.5)
    return rendered(figure)


def temperature_figure(curve: Sequence[Mapping[str, float]], real: Mapping[str, float]) -> np.ndarray:
    """A panel per measure, with the held-out bars' value as a line."""
    figure, axes = panels(len(MEASURES), 9.4, 3.1, right=1.35)
    x = [point["temperature"] for point in curve]
    for axis, (measure, name) in zip(axes, MEASURES.items(), strict=True):
        axis.plot(x, [point[measure] for point in curve], color=COLOURS[0], marker="o", markersize=4, label="samples")
        axis.axhline(real[measure], color=INK, linestyle="--", linewidth=1.2, label="held-out bars")
        axis.set_xlabel("temperature")
        axis.set_title(name.capitalize(), fontsize=10.5)
        axis.margins(y=0.12)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="center right", frameon=False, fontsize=8.5)
    return rendered(figure)
