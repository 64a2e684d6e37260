"""Style transfer: one level of codes from a bar of the target style, all others from the source bar.

P pairs of held-out bars, N bars, T steps, V voices.
"""

from itertools import count, permutations, zip_longest

import torch
from torch import Tensor

from src.data.drums import drawing
from src.evaluation import SEED
from src.evaluation.artifacts import Picture
from src.evaluation.latents.encode import AnalysisResult, EncodedSplit, decode_mode, mean_codes, sound
from src.evaluation.latents.intervals import share
from src.evaluation.oracles.base import Oracle
from src.vae.module import VAE

NUM_PAIRS = 400  # or one per ordered pair of styles if that is more
NUM_SHOWN = 5  # pairs
BASELINES = ("copy", "target", "mean")
MIN_BARS = 5  # of a style, in each split
MAX_BARS = 100  # of a style that are paired


def transfer(vae: VAE, fit: EncodedSplit, held: EncodedSplit, oracle: Oracle | None) -> AnalysisResult:
    """How often a bar takes on another bar's style and keeps its own rhythm.

    Success: the oracle's best class is the target style, *and* the onset similarity to the source is at least the
    median of two real bars of one style in `fit`. Bars are decoded from the codes of posterior means.

    Methods, on the same pairs: one level of the target with all others of the source, named after that level (`high`,
    `low`), and three baselines without a model: the source (`copy`), the target (`target`, the upper
    bound of a level that holds everything), and the cells that most bars of the target style in `fit` hit (`mean`).
    Intervals are Wilson's and take pairs for independent, though bars recur among them.

    `transfer_METHOD` is the share of successes, `transfer_style_METHOD` that of style hits alone,
    `transfer_similarity_METHOD` the mean onset similarity, `transfer_pairs` the number of pairs. All are None where
    fewer than two styles have enough bars.
    """
    styles = paired_styles(fit, held)
    threshold = usual_similarity(fit.grids_NTV, fit.styles_N)
    methods = (*vae.levels, *BASELINES)
    if oracle is None or len(styles) < 2 or threshold is None:
        names = [f"transfer{part}_{method}" for part in ("", "_style", "_similarity") for method in methods]
        return AnalysisResult(dict.fromkeys([*names, "transfer_pairs"]))
    source_P, target_P = style_pairs(held, styles, NUM_PAIRS)
    results = transferred(vae, fit, held, source_P, target_P)
    metrics: dict[str, float | None] = {"transfer_pairs": float(len(source_P))}
    facts, predicted, similarity = {}, {}, {}
    for method, grids_PTV in results.items():
        predicted[method] = oracle.predict(grids_PTV.unsqueeze(1)).classes_NS[:, 0]
        similarity[method] = onset_similarity(grids_PTV, held.grids_NTV[source_P])
        hit_P, kept_P = predicted[method] == held.styles_N[target_P], similarity[method] >= threshold
        facts[method] = {"success": share(hit_P & kept_P), "style": share(hit_P), "rhythm": share(kept_P)}
        metrics[f"transfer_{method}"] = facts[method]["success"]["share"]
        metrics[f"transfer_style_{method}"] = facts[method]["style"]["share"]
        metrics[f"transfer_similarity_{method}"] = similarity[method].double().mean().item()
    facts |= {"num_pairs": len(source_P), "rhythm_threshold": threshold, "oracle_accuracy": oracle.accuracy_k.item()}
    facts["styles"] = [held.style_names[style] for style in styles]
    columns = ("copy", "target", *vae.levels)
    rows_PTV = torch.stack([results[method][:NUM_SHOWN] for method in columns], 1).flatten(0, 1)
    names, titles = held.style_names, []
    for row in range(NUM_SHOWN):
        source, target = (names[held.styles_N[bars_P[row]]] for bars_P in (source_P, target_P))
        titles += [f"source: {source}", f"target: {target}"]
        for level in vae.levels:
            style, rhythm = names[predicted[level][row]], similarity[level][row]
            titles.append(f"z_{level}: {style}, rhythm {rhythm:.2f}")
    picture = drawing.bars(rows_PTV, titles, columns=len(columns), voices=vae.spec.kit)
    artifacts = {"transfer": Picture(picture), "transfer_bars": sound(rows_PTV, vae.spec.kit)}
    return AnalysisResult(metrics, artifacts, {"transfer": facts})


def transferred(
    vae: VAE, fit: EncodedSplit, held: EncodedSplit, source_P: Tensor, target_P: Tensor
) -> dict[str, Tensor]:
    """Bars uint8 [P, T, V] by each method."""
    codes = mean_codes(vae, held.grids_NTV)
    source = {level: codes_NL[source_P] for level, codes_NL in codes.items()}
    return {
        **{level: decode_mode(vae, source | {level: codes_NL[target_P]}) for level, codes_NL in codes.items()},
        "copy": held.grids_NTV[source_P],
        "target": held.grids_NTV[target_P],
        "mean": typical_bars(fit)[held.styles_N[target_P]],
    }


def typical_bars(fit: EncodedSplit) -> Tensor:
    """Per style the cells that more than half of its bars hit, uint8 [K, T, V]; silence for a style without bars."""
    bars = [fit.grids_NTV[fit.styles_N == style].float() for style in range(len(fit.style_names))]
    return torch.stack([(of_style.sum(0) > len(of_style) / 2).to(fit.grids_NTV.dtype) for of_style in bars])


def paired_styles(fit: EncodedSplit, held: EncodedSplit) -> list[int]:
    """The styles with at least `MIN_BARS` bars in both splits."""
    counts = [bars.styles_N.bincount(minlength=len(bars.style_names)) for bars in (fit, held)]
    return ((counts[0] >= MIN_BARS) & (counts[1] >= MIN_BARS)).nonzero().flatten().tolist()


def style_pairs(held: EncodedSplit, styles: list[int], num: int) -> tuple[Tensor, Tensor]:
    """Indices of source and target bars [P]: `num` distinct pairs, or one per ordered pair of styles if that is more.

    Ordered pairs of styles occur equally often, to within one, until the bars of rare styles are used up; the others
    then fill up. There are fewer than `num` only where all are used up. Any prefix is balanced in the same way.
    """
    random = torch.Generator().manual_seed(SEED)
    styles_N = held.styles_N.cpu()
    bars = {}
    for style in styles:
        of_style = (styles_N == style).nonzero().flatten()
        bars[style] = of_style[torch.randperm(len(of_style), generator=random)[:MAX_BARS]]
    ordered = list(permutations(styles, 2))
    available = [len(bars[source]) * len(bars[target]) for source, target in ordered]
    each = next(n for n in count(1) if n >= max(available) or sum(min(n, most) for most in available) >= num)
    by_styles = []
    for source, target in (ordered[index] for index in torch.randperm(len(ordered), generator=random).tolist()):
        drawn = torch.randperm(len(bars[source]) * len(bars[target]), generator=random)[:each]
        row, column = drawn // len(bars[target]), drawn % len(bars[target])
        by_styles.append(torch.stack([bars[source][row], bars[target][column]], 1))
    rounds = [pair for one_of_each in zip_longest(*by_styles) for pair in one_of_each if pair is not None]
    source_P, target_P = torch.stack(rounds[: max(num, len(ordered))], 1).to(held.styles_N.device)
    return source_P, target_P


def onset_similarity(one_NTV: Tensor, other_NTV: Tensor) -> Tensor:
    """Jaccard similarity of the steps with an onset of any voice [N]; 1 for two silent bars."""
    one_NT, other_NT = one_NTV.bool().any(-1), other_NTV.bool().any(-1)
    either_N = (one_NT | other_NT).sum(-1)
    return torch.where(either_N > 0, (one_NT & other_NT).sum(-1) / either_N.clamp(min=1), 1.0)


def usual_similarity(grids_NTV: Tensor, styles_N: Tensor) -> float | None:
    """Median onset similarity of two different bars of one style; None where no style has two.

    Each bar is compared with the next one in a random order of its style, so that styles weigh by their bars.
    """
    order_N = torch.randperm(len(styles_N), generator=torch.Generator().manual_seed(SEED)).to(styles_N.device)
    order_N = order_N[styles_N[order_N].argsort(stable=True)]
    first_N, second_N = order_N[:-1], order_N[1:]
    same_N = styles_N[first_N] == styles_N[second_N]
    if not same_N.any():
        return None
    return onset_similarity(grids_NTV[first_N[same_N]], grids_NTV[second_N[same_N]]).double().quantile(0.5).item()
