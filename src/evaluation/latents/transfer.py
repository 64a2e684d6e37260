"""Style transfer: one level of latents from a bar of the target style, the other from the source bar.

P pairs of held-out bars, N bars, T steps, V voices.
"""

from itertools import chain

import torch
from torch import Tensor

from src.data.drums import drawing
from src.evaluation.artifacts import Picture
from src.evaluation.latents.codec import likeliest, mean_codes
from src.evaluation.latents.encode import Coded, Findings, sound
from src.evaluation.latents.intervals import share
from src.evaluation.latents.pairs import paired_styles, style_pairs
from src.evaluation.latents.rhythm import onset_similarity, usual_similarity
from src.evaluation.oracles.base import Oracle
from src.vae.module import VAE

NUM_PAIRS = 400  # or one for each ordered pair of styles if more
SHOWN = 5  # pairs
WAYS = ("high", "low", "copy", "target", "mean")


def transfer(vae: VAE, fit: Coded, held: Coded, oracle: Oracle | None) -> Findings:
    """How often a bar takes on another bar's style and keeps its own rhythm.

    The criterion, fixed beforehand: the oracle takes the result for the target style, be it ever so unsure, *and* its
    onset similarity to the source (Jaccard, of the steps on which anything sounds) is at least the median of two real
    bars of one style in `fit`. Bars are decoded from the codes of posterior means (codec.py says what a code
    of z_low is), each cell the likelier choice.

    Five ways are scored on the same pairs: z_high of the target with z_low of the source (`high`), z_low of the target
    with z_high of the source (`low`), and what needs no model: the source as it is (`copy`), the target as it is
    (`target`: a level that holds everything can do no better), and the cells that most bars of the target style in
    `fit` hit (`mean`). Intervals are Wilson's and take the pairs for independent, though bars recur among them.

    `transfer_WAY` is the share of successes, `transfer_style_WAY` that of style hits alone, `transfer_similarity_WAY`
    the mean onset similarity, `transfer_pairs` how many pairs there were. All are None where fewer than two styles have
    enough bars.
    """
    styles = paired_styles(fit, held)
    threshold = usual_similarity(fit.grids_NTV, fit.styles_N)
    if oracle is None or len(styles) < 2 or threshold is None:
        names = [f"transfer{part}_{way}" for part in ("", "_style", "_similarity") for way in WAYS]
        return Findings(dict.fromkeys([*names, "transfer_pairs"]))
    source_P, target_P = style_pairs(held, styles, NUM_PAIRS)
    results = transferred(vae, fit, held, source_P, target_P)
    wanted_P, sources_PTV = held.styles_N[target_P], held.grids_NTV[source_P]
    metrics: dict[str, float | None] = {"transfer_pairs": float(len(source_P))}
    facts, heard_as, similarity = {}, {}, {}
    for way, grids_PTV in results.items():
        heard_as[way] = oracle.opinion(grids_PTV.unsqueeze(1)).classes_NC[:, 0]
        similarity[way] = onset_similarity(grids_PTV, sources_PTV)
        hit_P, kept_P = heard_as[way] == wanted_P, similarity[way] >= threshold
        facts[way] = {"success": share(hit_P & kept_P), "style": share(hit_P), "rhythm": share(kept_P)}
        metrics[f"transfer_{way}"] = facts[way]["success"]["share"]
        metrics[f"transfer_style_{way}"] = facts[way]["style"]["share"]
        metrics[f"transfer_similarity_{way}"] = similarity[way].double().mean().item()
    facts |= {"num_pairs": len(source_P), "rhythm_threshold": threshold, "oracle_accuracy": oracle.accuracy_k.item()}
    facts["styles"] = [held.style_names[style] for style in styles]
    shown = {way: results[way][:SHOWN] for way in ("copy", "target", "high", "low")}
    titles = [_titles(held, int(source_P[row]), int(target_P[row]), heard_as, similarity, row) for row in range(SHOWN)]
    rows_PTV = torch.stack(list(shown.values()), 1).flatten(0, 1)
    return Findings(
        metrics,
        {
            "transfer": Picture(drawing.bars(rows_PTV, list(chain(*titles)), columns=len(shown), voices=vae.spec.kit)),
            "transfer_bars": sound(rows_PTV, vae.spec.kit),
        },
        {"transfer": facts},
    )


def transferred(vae: VAE, fit: Coded, held: Coded, source_P: Tensor, target_P: Tensor) -> dict[str, Tensor]:
    """Bars uint8 [P, T, V] in each of the `WAYS`."""
    codes = mean_codes(vae, held.grids_NTV)
    high, low = codes["high"], codes["low"]
    return {
        "high": likeliest(vae, high[target_P], low[source_P]),
        "low": likeliest(vae, high[source_P], low[target_P]),
        "copy": held.grids_NTV[source_P],
        "target": held.grids_NTV[target_P],
        "mean": typical_bars(fit)[held.styles_N[target_P]],
    }


def typical_bars(fit: Coded) -> Tensor:
    """For each style the cells that more than half of its bars hit, uint8 [K, T, V]; a style without bars is silent."""
    bars = [fit.grids_NTV[fit.styles_N == style].float() for style in range(len(fit.style_names))]
    return torch.stack([(of_style.sum(0) > len(of_style) / 2).to(fit.grids_NTV.dtype) for of_style in bars])


def _titles(
    held: Coded, source: int, target: int, heard_as: dict[str, Tensor], similarity: dict[str, Tensor], row: int
) -> list[str]:
    """What stands over the source, the target and the two results of a pair."""
    names, styles_N = held.style_names, held.styles_N
    return [
        f"source: {names[styles_N[source]]}",
        f"target: {names[styles_N[target]]}",
        *(
            f"z_{level}: {names[heard_as[level][row]]}, rhythm {similarity[level][row]:.2f}"
            for level in ("high", "low")
        ),
    ]
