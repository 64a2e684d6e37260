"""Does z_high hold the style and z_low the variation?

N bars, G groups, M members of a group, T steps, V voices, L latent dims.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from src.evaluation.artifacts import Exhibit, Picture
from src.evaluation.latents.codec import SEED, likeliest, mean_codes, sampled_codes
from src.evaluation.latents.encode import Coded, Findings, sound
from src.evaluation.latents.intervals import ratio
from src.evaluation.latents.latent_map import latent_map
from src.evaluation.latents.probe import Probe, between_share
from src.evaluation.latents.strips import Row, strips
from src.evaluation.metrics.music import diversity
from src.evaluation.oracles.base import Oracle
from src.vae.latents import LEVELS
from src.vae.module import VAE

NUM_GROUPS = 40
NUM_MEMBERS = 10
SHOWN = (4, 8)  # groups and members
HEARD = 2  # members of each group that is shown
HELD_FIXED = {"fixed_high": "z_high", "fixed_low": "z_low"}


def hierarchy(vae: VAE, fit: Coded, held: Coded, oracle: Oracle | None) -> Findings:
    """What each level knows of the style, and what is left of a bar when one level is fixed and the other drawn anew.

    `style_probe_high`, `style_probe_low`: accuracy on `held` of a linear probe of the style, fitted on `fit`;
    `style_probe_floor` is that of naming always the commonest style. `style_variance_high`, `style_variance_low`: the
    share of a level's variance that lies between styles. Both are taken of samples of the posterior.

    `style_agreement_fixed_high`: how often two bars with one z_high and two z_low sound to the oracle like one style;
    `distance_fixed_high`: how many of their cells differ, as a share. `…_fixed_low` the other way round, `…_free` with
    nothing in common. Codes are drawn from the prior, and cells are the likelier choice, so what varies comes from the
    codes; see `src.evaluation.latents.codec` for what a code of z_low is.
    """
    metrics = probed(sampled_codes(vae, fit.grids_NTV), sampled_codes(vae, held.grids_NTV), fit, held)
    facts: dict[str, Any] = {}
    groups = drawn_groups(vae)
    styles = {kind: heard_styles(oracle, grids_GMTV) for kind, grids_GMTV in groups.items()}
    for kind, grids_GMTV in groups.items():
        distance_G = torch.stack([diversity(grids_MTV) for grids_MTV in grids_GMTV])
        facts[f"distance_{kind}"] = ratio(distance_G, torch.ones_like(distance_G))
        facts[f"style_agreement_{kind}"] = None
        if styles[kind] is not None:
            agreement_G = agreement(styles[kind])
            facts[f"style_agreement_{kind}"] = ratio(agreement_G, torch.ones_like(agreement_G))
    metrics |= {name: fact and fact["value"] for name, fact in facts.items()}
    shown: dict[str, Exhibit] = {
        "hierarchy": _picture(groups, styles, held.style_names),
        "hierarchy_bars": sound(_heard(groups), vae.spec.kit),
        "latent_map": Picture(latent_map(mean_codes(vae, fit.grids_NTV), mean_codes(vae, held.grids_NTV), held)),
    }
    facts |= {"num_groups": NUM_GROUPS, "num_members": NUM_MEMBERS}
    return Findings(metrics, shown, {"hierarchy": facts})


def probed(
    fit_codes: Mapping[str, Tensor], held_codes: Mapping[str, Tensor], fit: Coded, held: Coded
) -> dict[str, float | None]:
    """Probes and variances of both levels; None where there is but one style."""
    names = [f"style_{kind}_{level}" for kind in ("probe", "variance") for level in LEVELS] + ["style_probe_floor"]
    metrics: dict[str, float | None] = dict.fromkeys(names)
    if min(len(fit.styles_N.unique()), len(held.styles_N.unique())) < 2:
        return metrics
    for level in LEVELS:
        probe = Probe(fit_codes[level], fit.styles_N, len(fit.style_names))
        metrics[f"style_probe_{level}"] = _share(probe(held_codes[level]) == held.styles_N)
        metrics[f"style_variance_{level}"] = between_share(held_codes[level], held.styles_N)
    metrics["style_probe_floor"] = _share(held.styles_N == fit.styles_N.mode().values)
    return metrics


def drawn_groups(vae: VAE) -> dict[str, Tensor]:
    """Bars [G, M, T, V] of the prior whose z_high is the same in each group, whose z_low is, and with nothing alike."""
    random = torch.Generator().manual_seed(SEED)

    def noise(num_latents: int) -> Tensor:
        return torch.randn(NUM_GROUPS, NUM_MEMBERS, num_latents, generator=random).to(vae.device)

    def decoded(high_GML: Tensor, low_GML: Tensor) -> Tensor:
        return likeliest(vae, high_GML.flatten(0, 1), low_GML.flatten(0, 1)).unflatten(0, (NUM_GROUPS, NUM_MEMBERS))

    high_GML, low_GML = noise(vae.z_high), noise(vae.z_low)
    return {
        "fixed_high": decoded(high_GML[:, :1].expand_as(high_GML), low_GML),
        "fixed_low": decoded(high_GML, low_GML[:, :1].expand_as(low_GML)),
        "free": decoded(high_GML, low_GML),
    }


def heard_styles(oracle: Oracle | None, grids_GMTV: Tensor) -> Tensor | None:
    """The style that the oracle hears in each bar [G, M]; None without an oracle, where there is but one style."""
    if oracle is None:
        return None
    heard_N = oracle.opinion(grids_GMTV.flatten(0, 1).unsqueeze(1)).classes_NC[:, 0]
    return heard_N.unflatten(0, grids_GMTV.shape[:2])


def agreement(styles_GM: Tensor) -> Tensor:
    """Share of the pairs within each group that have one style [G]."""
    num = styles_GM.shape[1]
    alike_G = (styles_GM.unsqueeze(1) == styles_GM.unsqueeze(2)).sum((1, 2))
    return (alike_G - num).double() / (num * (num - 1))


def _heard(groups: Mapping[str, Tensor]) -> Tensor:
    """Bars [N, T, V]: two with one z_high, two with one z_low, and so on with the next of each."""
    pairs = [groups[kind][: SHOWN[0], :HEARD] for kind in HELD_FIXED]
    return torch.cat(pairs, 1).flatten(0, 1)


def _share(hit_N: Tensor) -> float:
    return hit_N.double().mean().item()


def _picture(groups: Mapping[str, Tensor], styles: Mapping[str, Tensor | None], names: tuple[str, ...]) -> Picture:
    """Rows with one z_high, then rows with one z_low, under each bar the style that it is heard as."""
    rows, columns = SHOWN
    sections = {}
    for kind, fixed in HELD_FIXED.items():
        other = "z_low" if fixed == "z_high" else "z_high"
        captions = [[""] * columns] * rows
        if styles[kind] is not None:
            captions = [[names[style] for style in heard_M] for heard_M in styles[kind][:rows, :columns].tolist()]
        sections[f"{fixed} fixed in each row, {other} drawn anew for each bar"] = [
            Row(f"{fixed} {row + 1}", groups[kind][row, :columns], captions[row]) for row in range(rows)
        ]
    return Picture(strips(sections))
