"""Held-out bars of two styles, a source and a target.

P pairs.
"""

from itertools import count, permutations, zip_longest

import torch
from torch import Tensor

from src.evaluation.latents.codec import SEED
from src.evaluation.latents.encode import Coded

ENOUGH = 5  # bars of a style, to fit on and to test on
MOST = 100  # bars of a style that are paired


def paired_styles(fit: Coded, held: Coded) -> list[int]:
    """The styles that have enough bars of both splits."""
    counts = [coded.styles_N.bincount(minlength=len(coded.style_names)) for coded in (fit, held)]
    return ((counts[0] >= ENOUGH) & (counts[1] >= ENOUGH)).nonzero().flatten().tolist()


def style_pairs(held: Coded, styles: list[int], num: int) -> tuple[Tensor, Tensor]:
    """Indices of source and target bars [P]: `num` pairs, or one for each ordered pair of styles if that is more.

    No pair comes twice. Ordered pairs of styles come equally often, to within one, until the bars of rare ones are used
    up: then the others come more often. There are fewer than `num` only where all are used up. Any beginning of the
    list is as fair a sample of the styles.
    """
    random = torch.Generator().manual_seed(SEED)
    styles_N = held.styles_N.cpu()
    bars = {}
    for style in styles:
        of_style = (styles_N == style).nonzero().flatten()
        bars[style] = of_style[torch.randperm(len(of_style), generator=random)[:MOST]]
    ordered = list(permutations(styles, 2))
    available = [len(bars[source]) * len(bars[target]) for source, target in ordered]
    each = next(n for n in count(1) if n >= max(available) or sum(min(n, most) for most in available) >= num)
    found = []
    for source, target in (ordered[index] for index in torch.randperm(len(ordered), generator=random).tolist()):
        drawn = torch.randperm(len(bars[source]) * len(bars[target]), generator=random)[:each]
        row, column = drawn // len(bars[target]), drawn % len(bars[target])
        found.append(torch.stack([bars[source][row], bars[target][column]], 1))
    rounds = [pair for one_of_each in zip_longest(*found) for pair in one_of_each if pair is not None]
    source_P, target_P = torch.stack(rounds[: max(num, len(ordered))], 1).to(held.styles_N.device)
    return source_P, target_P
