"""What each latent dimension controls: its name where the numbers support one, its picture, and how pure it all is."""

import torch

from src.evaluation.artifacts import Exhibit, Picture
from src.evaluation.latents.association_map import association_map
from src.evaluation.latents.association_table import association_table
from src.evaluation.latents.associations import associations
from src.evaluation.latents.codes import Reading
from src.evaluation.latents.disentanglement import disentanglement
from src.evaluation.latents.encode import Coded, Findings, sound
from src.evaluation.latents.traversals import heard, pages, traversal_picture, traversed
from src.vae.latents import LEVELS
from src.vae.module import VAE


@torch.no_grad()
def dimensions(vae: VAE, fit: Coded, held: Coded) -> Findings:
    """Names, disentanglement and traversals of both levels; the model is to be in evaluation mode.

    Metrics: `named_LEVEL`, the number of active dimensions that have a name, and those of
    disentanglement.py. Facts: `latents`, a row for each dimension. Table: `associations`, a row for
    each dimension with each feature and category. Pictures: `associations_LEVEL` for levels with an active dimension;
    `traversal_LEVEL` with every dimension, going on in `traversal_LEVEL_2` where there are many, also to hear.
    """
    readings = [Reading.of(vae, bars) for bars in (fit, held)]
    found = associations(*readings)
    metrics = disentanglement(*readings)
    shown: dict[str, Exhibit] = {"associations": association_table(found)}
    for level in LEVELS:
        own = [each for each in found if each.level == level]
        active = [each for each in own if each.active]
        metrics[f"named_{level}"] = sum(each.namesake is not None for each in active)
        if active:
            shown[f"associations_{level}"] = Picture(association_map(active))
        for number, rows in enumerate(pages(own), 1):
            name = f"traversal_{level}" if number == 1 else f"traversal_{level}_{number}"
            grids_RSTV = traversed(vae, readings[0].means, rows)
            shown[name] = Picture(traversal_picture(rows, grids_RSTV, vae.spec.kit))
            shown[f"{name}_bars"] = sound(heard(rows, grids_RSTV), vae.spec.kit)
    return Findings(metrics, shown, {"latents": [each.facts() for each in found]})
