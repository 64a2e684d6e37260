"""Interpolation between two bars of different styles.

P pairs of held-out bars, K steps of an interpolation, N bars, T steps, V voices, L latent dims.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from src.evaluation import SEED
from src.evaluation.artifacts import Picture
from src.evaluation.latents.encode import AnalysisResult, EncodedSplit, decode_mode, mean_codes, sound
from src.evaluation.latents.figures import Row, strips
from src.evaluation.latents.intervals import ratio
from src.evaluation.latents.transfer import paired_styles, style_pairs
from src.evaluation.oracles.base import Oracle
from src.vae.module import VAE

NUM_STEPS = 9
NUM_PAIRS = 60  # or one per ordered pair of styles if that is more
NUM_SHOWN = 2  # pairs
MEASURES = ("straightness", "largest_step", "monotone", "recognised")


@dataclass(frozen=True)
class Interpolations:
    """Bars [P, K, T, V] from sources to targets, and the oracle's predictions [P, K].

    `target_PK` is the probability of the target's style, `none_PK` that of no style, `style_PK` the most probable one.
    """

    grids_PKTV: Tensor
    target_PK: Tensor
    none_PK: Tensor
    style_PK: Tensor

    def measures(self) -> dict[str, dict[str, float | list[float]] | None]:
        """Value and interval of each of the `MEASURES`, as ratios of sums over pairs."""
        steps_PK = distance(self.grids_PKTV[:, 1:], self.grids_PKTV[:, :-1])
        ends_P = distance(self.grids_PKTV[:, -1], self.grids_PKTV[:, 0])
        change_PK = self.target_PK.diff(dim=1)
        return {
            "straightness": ratio(steps_PK.sum(1), ends_P),
            "largest_step": ratio(steps_PK.amax(1), ends_P),
            "monotone": ratio(change_PK.clamp(min=0).sum(1), change_PK.abs().sum(1)),
            "recognised": ratio(1 - self.none_PK[:, NUM_STEPS // 2]),
        }


def interpolation(vae: VAE, fit: EncodedSplit, held: EncodedSplit, oracle: Oracle | None) -> AnalysisResult:
    """Smoothness of the path as one level or all (`both`) move from one posterior mean to another.

    The other levels stay the source's; bars are decoded by `decode_mode`. Baseline without a model: a cross-fade in
    which every cell changes from source to target at a random moment.

    `interpolation_straightness_METHOD`: length of the path divided by the distance of its ends (Hamming), 1 at best and
    also for a single jump; hence `interpolation_largest_step_METHOD`, the largest step divided by the distance of the
    ends: 1 for a jump, 1/8 for equal steps, above 1 where the path turns back. `interpolation_monotone_METHOD`: the
    share of all change in the oracle's probability of the target's style that is upward; ½ where it ends as it began.
    `interpolation_recognised_METHOD`: the oracle's probability that the middle bar has a style. None where nothing
    changes. `interpolation_pairs`: number of pairs.
    """
    styles = paired_styles(fit, held)
    all_levels = "both levels" if len(vae.levels) == 2 else "all levels"
    methods = {level: f"z_{level}" for level in vae.levels} | {"both": all_levels, "fade": "cross-fade"}
    if oracle is None or len(styles) < 2:
        names = [f"interpolation_{measure}_{method}" for measure in MEASURES for method in methods]
        return AnalysisResult(dict.fromkeys([*names, "interpolation_pairs"]))
    source_P, target_P = style_pairs(held, styles, NUM_PAIRS)
    target_style_P = held.styles_N[target_P]
    paths = {
        method: scored(oracle, grids_PKTV, target_style_P)
        for method, grids_PKTV in interpolated(vae, held, source_P, target_P).items()
    }
    facts = {method: path.measures() for method, path in paths.items()}
    metrics = {
        f"interpolation_{measure}_{method}": facts[method][measure] and facts[method][measure]["value"]
        for measure in MEASURES
        for method in methods
    }
    metrics["interpolation_pairs"] = float(len(source_P))
    sections = {}
    for row in range(min(NUM_SHOWN, len(source_P))):
        source, target = (held.style_names[held.styles_N[index_P[row]]] for index_P in (source_P, target_P))
        sections[f"From a bar of {source} to one of {target}, captions: predicted styles"] = [
            Row(name, paths[method].grids_PKTV[row], [held.style_names[style] for style in paths[method].style_PK[row]])
            for method, name in methods.items()
        ]
    artifacts = {
        "interpolation": Picture(strips(sections, held.voices)),
        "interpolation_bars": sound(paths["both"].grids_PKTV[:NUM_SHOWN].flatten(0, 1), vae.spec.kit),
    }
    return AnalysisResult(metrics, artifacts, {"interpolation": facts | {"num_pairs": len(source_P)}})


def interpolated(vae: VAE, held: EncodedSplit, source_P: Tensor, target_P: Tensor) -> dict[str, Tensor]:
    """Bars uint8 [P, K, T, V] as one level moves, as all do (`both`), and of the cross-fade (`fade`)."""
    moment_K = torch.linspace(0, 1, NUM_STEPS, device=source_P.device)
    moving, fixed = {}, {}
    for level, codes_NL in mean_codes(vae, held.grids_NTV).items():
        source_P1L, target_P1L = codes_NL[source_P].unsqueeze(1), codes_NL[target_P].unsqueeze(1)
        moving[level] = torch.lerp(source_P1L, target_P1L, moment_K[:, None])
        fixed[level] = source_P1L.expand_as(moving[level])
    return {
        **{level: decode_mode(vae, fixed | {level: codes_PKL}) for level, codes_PKL in moving.items()},
        "both": decode_mode(vae, moving),
        "fade": cross_fade(held.grids_NTV[source_P], held.grids_NTV[target_P], moment_K),
    }


def cross_fade(source_PTV: Tensor, target_PTV: Tensor, moment_K: Tensor) -> Tensor:
    """Each cell is the source's before its random moment and the target's from then on [P, K, T, V]."""
    own_PTV = torch.rand(source_PTV.shape, generator=torch.Generator().manual_seed(SEED)).to(source_PTV.device)
    over_PKTV = moment_K[:, None, None] > own_PTV.unsqueeze(1)
    return torch.where(over_PKTV, target_PTV.unsqueeze(1), source_PTV.unsqueeze(1))


@torch.no_grad()
def scored(oracle: Oracle, grids_PKTV: Tensor, target_style_P: Tensor) -> Interpolations:
    """The oracle's predictions along the paths to the target styles."""
    logits_NK, _ = oracle(grids_PKTV.flatten(0, 1).unsqueeze(1).float() / oracle.levels)
    probability_PKC = logits_NK.softmax(1).unflatten(0, grids_PKTV.shape[:2])
    target_PK = probability_PKC.gather(2, target_style_P[:, None, None].expand(*probability_PKC.shape[:2], 1))[..., 0]
    style_PK = probability_PKC[..., : oracle.num_classes].argmax(2)
    return Interpolations(grids_PKTV, target_PK, probability_PKC[..., oracle.num_classes], style_PK)


def distance(one: Tensor, other: Tensor) -> Tensor:
    """Cells that differ between bars [..., T, V]."""
    return (one != other).sum((-2, -1))
