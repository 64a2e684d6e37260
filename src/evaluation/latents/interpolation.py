"""Blends between two bars of different styles, step by step.

P pairs of held-out bars, K steps of a blend, N bars, T steps, V voices, L latent dims.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from src.evaluation.artifacts import Picture
from src.evaluation.latents.codec import SEED, likeliest, mean_codes
from src.evaluation.latents.encode import Coded, Findings, sound
from src.evaluation.latents.intervals import ratio
from src.evaluation.latents.pairs import paired_styles, style_pairs
from src.evaluation.latents.strips import Row, strips
from src.evaluation.oracles.base import Oracle
from src.vae.module import VAE

NUM_STEPS = 9
NUM_PAIRS = 60  # or one for each ordered pair of styles if more
SHOWN = 2  # pairs
WAYS = {"high": "z_high", "low": "z_low", "both": "both levels", "fade": "cross-fade"}
MEASURES = ("straightness", "largest_step", "monotone", "recognised")


@dataclass(frozen=True)
class Blends:
    """Bars [P, K, T, V] from sources to targets, and what the oracle makes of them [P, K].

    `target_PK` is the probability of the target's style, `nonsense_PK` that of no style at all, `heard_PK` the
    likeliest style.
    """

    grids_PKTV: Tensor
    target_PK: Tensor
    nonsense_PK: Tensor
    heard_PK: Tensor

    def measures(self) -> dict[str, dict[str, float | list[float]] | None]:
        """Value and interval of each of the `MEASURES`; pairs weigh by how much changes between their ends."""
        steps_PK = distance(self.grids_PKTV[:, 1:], self.grids_PKTV[:, :-1])
        ends_P = distance(self.grids_PKTV[:, -1], self.grids_PKTV[:, 0])
        change_PK = self.target_PK.diff(dim=1)
        middle_P = self.nonsense_PK[:, NUM_STEPS // 2]
        return {
            "straightness": ratio(steps_PK.sum(1), ends_P),
            "largest_step": ratio(steps_PK.amax(1), ends_P),
            "monotone": ratio(change_PK.clamp(min=0).sum(1), change_PK.abs().sum(1)),
            "recognised": ratio(1 - middle_P, torch.ones_like(middle_P)),
        }


def interpolation(vae: VAE, fit: Coded, held: Coded, oracle: Oracle | None) -> Findings:
    """How smoothly bars turn into others as z_high, z_low or both move from posterior mean to posterior mean.

    What is not moved stays the source's; each cell is the likelier choice. Beside them a cross-fade that knows no
    music: every cell changes over from source to target at a moment of its own, drawn at random.

    `interpolation_straightness_WAY`: all steps together by the distance of the ends (Hamming), 1 at best, which a
    single jump reaches too; hence `interpolation_largest_step_WAY`, the largest step by the distance of the ends, 1 for
    a jump, 1/8 for equal steps, and more than 1 where the path turns back. `interpolation_monotone_WAY`: the part of
    all change in the oracle's probability of the target's style that goes up; half where it ends as it began.
    `interpolation_recognised_WAY`: the oracle's probability that the bar in the middle is of any style, rather than of
    none. Where nothing changes there is None. `interpolation_pairs`: how many blends all this is the mean of.
    """
    styles = paired_styles(fit, held)
    if oracle is None or len(styles) < 2:
        names = [f"interpolation_{measure}_{way}" for measure in MEASURES for way in WAYS]
        return Findings(dict.fromkeys([*names, "interpolation_pairs"]))
    source_P, target_P = style_pairs(held, styles, NUM_PAIRS)
    wanted_P = held.styles_N[target_P]
    blends = {
        way: judged(oracle, grids_PKTV, wanted_P) for way, grids_PKTV in blended(vae, held, source_P, target_P).items()
    }
    facts = {way: blend.measures() for way, blend in blends.items()}
    metrics = {
        f"interpolation_{measure}_{way}": facts[way][measure] and facts[way][measure]["value"]
        for measure in MEASURES
        for way in WAYS
    }
    metrics["interpolation_pairs"] = float(len(source_P))
    sections = {}
    for row in range(min(SHOWN, len(source_P))):
        source, target = (held.style_names[held.styles_N[index_P[row]]] for index_P in (source_P, target_P))
        sections[f"From a bar of {source} to one of {target}; under each what the oracle hears"] = [
            Row(name, blends[way].grids_PKTV[row], [held.style_names[heard] for heard in blends[way].heard_PK[row]])
            for way, name in WAYS.items()
        ]
    shown = {
        "interpolation": Picture(strips(sections)),
        "interpolation_bars": sound(blends["both"].grids_PKTV[:SHOWN].flatten(0, 1), vae.spec.kit),
    }
    return Findings(metrics, shown, {"interpolation": facts | {"num_pairs": len(source_P)}})


def blended(vae: VAE, held: Coded, source_P: Tensor, target_P: Tensor) -> dict[str, Tensor]:
    """Bars uint8 [P, K, T, V] in each of the `WAYS`."""
    moment_K = torch.linspace(0, 1, NUM_STEPS, device=source_P.device)
    moving, resting = {}, {}
    for level, codes_NL in mean_codes(vae, held.grids_NTV).items():
        source_P1L, target_P1L = codes_NL[source_P].unsqueeze(1), codes_NL[target_P].unsqueeze(1)
        moving[level] = torch.lerp(source_P1L, target_P1L, moment_K[:, None])
        resting[level] = source_P1L.expand_as(moving[level])

    def decoded(high_PKL: Tensor, low_PKL: Tensor) -> Tensor:
        return likeliest(vae, high_PKL.flatten(0, 1), low_PKL.flatten(0, 1)).unflatten(0, high_PKL.shape[:2])

    return {
        "high": decoded(moving["high"], resting["low"]),
        "low": decoded(resting["high"], moving["low"]),
        "both": decoded(moving["high"], moving["low"]),
        "fade": cross_fade(held.grids_NTV[source_P], held.grids_NTV[target_P], moment_K),
    }


def cross_fade(source_PTV: Tensor, target_PTV: Tensor, moment_K: Tensor) -> Tensor:
    """Each cell is the source's until its own random moment and the target's from then on, [P, K, T, V]."""
    own_PTV = torch.rand(source_PTV.shape, generator=torch.Generator().manual_seed(SEED)).to(source_PTV.device)
    over_PKTV = moment_K[:, None, None] > own_PTV.unsqueeze(1)
    return torch.where(over_PKTV, target_PTV.unsqueeze(1), source_PTV.unsqueeze(1))


@torch.no_grad()
def judged(oracle: Oracle, grids_PKTV: Tensor, wanted_P: Tensor) -> Blends:
    """What the oracle hears on the way to the styles that are wanted."""
    logits_NK, _ = oracle(grids_PKTV.flatten(0, 1).unsqueeze(1).float() / oracle.levels)
    chance_PKC = logits_NK.softmax(1).unflatten(0, grids_PKTV.shape[:2])
    target_PK = chance_PKC.gather(2, wanted_P[:, None, None].expand(*chance_PKC.shape[:2], 1))[..., 0]
    heard_PK = chance_PKC[..., : oracle.num_classes].argmax(2)
    return Blends(grids_PKTV, target_PK, chance_PKC[..., oracle.num_classes], heard_PK)


def distance(one: Tensor, other: Tensor) -> Tensor:
    """Cells that differ between bars [..., T, V]."""
    return (one != other).sum((-2, -1))
