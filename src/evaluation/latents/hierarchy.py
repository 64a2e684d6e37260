"""Which level holds the style and which the variation.

N bars, G groups, M members of a group, T steps, V voices, L latent dims.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from src.evaluation import SEED
from src.evaluation.artifacts import Artifact, Picture
from src.evaluation.latents.encode import AnalysisResult, EncodedSplit, decode_mode, mean_codes, sampled_codes, sound
from src.evaluation.latents.figures import Row, latent_map, strips
from src.evaluation.latents.intervals import ratio
from src.evaluation.latents.probes import eta_squared, linear_probe, predict
from src.evaluation.metrics.music import diversity
from src.evaluation.oracles.base import Oracle
from src.vae.module import VAE

NUM_GROUPS = 40
NUM_MEMBERS = 10
SHOWN = (4, 8)  # groups and members
NUM_HEARD = 2  # members of each group shown


def hierarchy(vae: VAE, fit: EncodedSplit, held: EncodedSplit, oracle: Oracle | None) -> AnalysisResult:
    """Style information of each level, and variation of bars while one level is fixed and all others are resampled.

    `style_probe_LEVEL`: accuracy on `held` of a linear probe of the style, fitted on `fit`; `style_probe_floor`:
    accuracy of always predicting the most frequent style. `style_variance_LEVEL`: the share of a level's variance
    between styles. All are of posterior samples.

    `style_agreement_fixed_LEVEL`: how often the oracle predicts one style for two bars with the same value of the level
    and different ones of all others; `distance_fixed_LEVEL`: the share of their cells that differ. `…_free`: with no
    level the same. Codes are drawn from the prior and decoded by `decode_mode`.
    """
    metrics = probed(sampled_codes(vae, fit.grids_NTV), sampled_codes(vae, held.grids_NTV), fit, held)
    facts: dict[str, Any] = {}
    groups = drawn_groups(vae)
    styles = {kind: predicted_styles(oracle, grids_GMTV) for kind, grids_GMTV in groups.items()}
    for kind, grids_GMTV in groups.items():
        distance_G = torch.stack([diversity(grids_MTV) for grids_MTV in grids_GMTV])
        facts[f"distance_{kind}"] = ratio(distance_G)
        facts[f"style_agreement_{kind}"] = None if styles[kind] is None else ratio(agreement(styles[kind]))
    metrics |= {name: fact and fact["value"] for name, fact in facts.items()}
    # Two bars with the same top level, two with the same next level, and so on.
    examples = [grids_GMTV[: SHOWN[0], :NUM_HEARD] for kind, grids_GMTV in groups.items() if kind != "free"]
    artifacts: dict[str, Artifact] = {
        "hierarchy": _picture(groups, styles, held),
        "hierarchy_bars": sound(torch.cat(examples, 1).flatten(0, 1), vae.spec.kit),
        "latent_map": Picture(latent_map(mean_codes(vae, fit.grids_NTV), mean_codes(vae, held.grids_NTV), held)),
    }
    facts |= {"num_groups": NUM_GROUPS, "num_members": NUM_MEMBERS}
    return AnalysisResult(metrics, artifacts, {"hierarchy": facts})


def probed(
    fit_codes: Mapping[str, Tensor], held_codes: Mapping[str, Tensor], fit: EncodedSplit, held: EncodedSplit
) -> dict[str, float | None]:
    """Probes and variances of all levels; None where there is one style."""
    names = [f"style_{kind}_{level}" for kind in ("probe", "variance") for level in fit_codes] + ["style_probe_floor"]
    metrics: dict[str, float | None] = dict.fromkeys(names)
    if min(len(fit.styles_N.unique()), len(held.styles_N.unique())) < 2:
        return metrics
    for level in fit_codes:
        probe = linear_probe(fit_codes[level], fit.styles_N)
        metrics[f"style_probe_{level}"] = accuracy(predict(probe, held_codes[level]), held.styles_N)
        metrics[f"style_variance_{level}"] = eta_squared(held_codes[level], held.styles_N)
    metrics["style_probe_floor"] = accuracy(fit.styles_N.mode().values, held.styles_N)
    return metrics


def accuracy(predicted_N: Tensor, styles_N: Tensor) -> float:
    return (predicted_N == styles_N).double().mean().item()


@torch.no_grad()
def drawn_groups(vae: VAE) -> dict[str, Tensor]:
    """Bars [G, M, T, V] of the prior by what is the same in each group: `fixed_LEVEL`, or `free` for nothing."""
    random = torch.Generator().manual_seed(SEED)
    sizes = vae.levels.values()
    noise = [torch.randn(NUM_GROUPS, NUM_MEMBERS, size, generator=random).to(vae.device) for size in sizes]
    codes = dict(zip(vae.levels, vae.prior.codes(vae.prior.draw(noise)), strict=True))
    fixed = {
        f"fixed_{level}": decode_mode(vae, codes | {level: codes_GML[:, :1].expand_as(codes_GML)})
        for level, codes_GML in codes.items()
    }
    return fixed | {"free": decode_mode(vae, codes)}


def predicted_styles(oracle: Oracle | None, grids_GMTV: Tensor) -> Tensor | None:
    """The style that the oracle predicts for each bar [G, M]; None without an oracle."""
    if oracle is None:
        return None
    predicted_N = oracle.predict(grids_GMTV.flatten(0, 1).unsqueeze(1)).classes_NS[:, 0]
    return predicted_N.unflatten(0, grids_GMTV.shape[:2])


def agreement(styles_GM: Tensor) -> Tensor:
    """Share of the pairs within each group that have the same style [G]."""
    num = styles_GM.shape[1]
    same_G = (styles_GM.unsqueeze(1) == styles_GM.unsqueeze(2)).sum((1, 2))
    return (same_G - num).double() / (num * (num - 1))


def _picture(groups: Mapping[str, Tensor], styles: Mapping[str, Tensor | None], held: EncodedSplit) -> Picture:
    """Rows with the same top level, then rows with the same next level; captions are the predicted styles."""
    rows, columns = SHOWN
    sections = {}
    for level in held.kl:
        kind, fixed = f"fixed_{level}", f"z_{level}"
        others = " and ".join(f"z_{each}" for each in held.kl if each != level) or "nothing"
        captions = [[""] * columns] * rows
        if styles[kind] is not None:
            captions = [[held.style_names[style] for style in row] for row in styles[kind][:rows, :columns].tolist()]
        sections[f"{fixed} fixed per row, {others} resampled per bar"] = [
            Row(f"{fixed} {row + 1}", groups[kind][row, :columns], captions[row]) for row in range(rows)
        ]
    return Picture(strips(sections, held.voices))
