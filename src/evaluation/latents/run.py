"""Analyses a VAE on drum bars at the end of its run."""

import torch
from torch import Tensor

from src.core.console import progress
from src.data.module import ResidentData
from src.evaluation.artifacts import Artifact, Picture
from src.evaluation.drum_metrics import DrumMetrics
from src.evaluation.latents.associations import association_table, name_dimensions
from src.evaluation.latents.control import control
from src.evaluation.latents.disentanglement import disentanglement
from src.evaluation.latents.encode import AnalysisResult, EncodedSplit, LatentCodes, encode_split, sound
from src.evaluation.latents.figures import association_map
from src.evaluation.latents.hierarchy import hierarchy
from src.evaluation.latents.interpolation import interpolation
from src.evaluation.latents.musicality import musicality
from src.evaluation.latents.transfer import transfer
from src.evaluation.latents.traversals import audible_bars, pages, traversal_picture, traverse
from src.evaluation.oracles.base import Oracle
from src.vae.module import VAE


def analyse(
    vae: VAE, data: ResidentData, oracle: Oracle | None, drum_metrics: DrumMetrics, num_bars: int, samples_NTV: Tensor
) -> AnalysisResult:
    """What each dimension and level controls, style transfer, interpolation, control, and musicality of samples.

    Everything is fitted on at most `num_bars` of the validation split and scored on as many of the test split. The VAE
    is in evaluation mode; the oracle, of styles, is None where there is one style; the samples are the prior's.
    """
    fit, held = (encode_split(vae, data, split, num_bars) for split in ("val", "test"))
    parts = (
        lambda: dimensions(vae, fit, held),
        lambda: hierarchy(vae, fit, held, oracle),
        lambda: transfer(vae, fit, held, oracle),
        lambda: interpolation(vae, fit, held, oracle),
        lambda: control(vae, fit, held, drum_metrics),
        lambda: musicality(vae, fit, held, drum_metrics.train_NTV, samples_NTV),
    )
    result = AnalysisResult()
    for part in progress(parts, "Examining the latents"):
        result |= part()
    return result


@torch.no_grad()
def dimensions(vae: VAE, fit: EncodedSplit, held: EncodedSplit) -> AnalysisResult:
    """Names, disentanglement and traversals of the dimensions of all levels.

    Metrics: `named_LEVEL`, the number of active dimensions with a name, and those of disentanglement.py. Facts:
    `latents`, a row per dimension. Artifacts: the table `associations`; `associations_LEVEL` for levels with an active
    dimension; `traversal_LEVEL`, continued in `traversal_LEVEL_2` and so on, also as sound.
    """
    fit_codes, held_codes = LatentCodes.of(vae, fit), LatentCodes.of(vae, held)
    named = name_dimensions(fit_codes, held_codes)
    metrics = disentanglement(fit_codes, held_codes)
    artifacts: dict[str, Artifact] = {"associations": association_table(named)}
    for level in vae.levels:
        of_level = [each for each in named if each.level == level]
        active = [each for each in of_level if each.active]
        metrics[f"named_{level}"] = sum(each.best_association is not None for each in active)
        if active:
            artifacts[f"associations_{level}"] = Picture(association_map(active))
        for number, rows in enumerate(pages(of_level), 1):
            name = f"traversal_{level}" if number == 1 else f"traversal_{level}_{number}"
            grids_RSTV = traverse(vae, fit_codes.means, rows)
            artifacts[name] = Picture(traversal_picture(rows, grids_RSTV, vae.spec.kit))
            artifacts[f"{name}_bars"] = sound(audible_bars(rows, grids_RSTV), vae.spec.kit)
    return AnalysisResult(metrics, artifacts, {"latents": [each.facts() for each in named]})
