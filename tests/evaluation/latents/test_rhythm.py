"""Onset similarity of bars that can be counted by hand.

N bars.
"""

import torch

from src.evaluation.latents.rhythm import onset_similarity, usual_similarity


def bar(*steps: int, voice: int = 0) -> torch.Tensor:
    grid_1TV = torch.zeros(1, 16, 9, dtype=torch.uint8)
    grid_1TV[0, list(steps), voice] = 1
    return grid_1TV


def test_it_counts_steps_whoever_plays():
    assert onset_similarity(bar(0, 4, 8), bar(0, 4, 8, voice=5)).item() == 1
    assert onset_similarity(bar(0, 4, 8), bar(0, 2)).item() == 0.25
    assert onset_similarity(bar(0, 4) | bar(0, voice=3), bar(0, 4)).item() == 1, "two voices on a step are one onset"
    assert onset_similarity(bar(1), bar(2)).item() == 0
    assert onset_similarity(bar(), bar(2)).item() == 0
    assert onset_similarity(bar(), bar()).item() == 1


def test_the_usual_similarity_is_that_of_bars_of_one_style():
    grids_NTV = torch.cat([bar(0, 4), bar(0, 8), bar(1), bar(1), bar(2)])  # pairs: 1/3 twice or once, 1 alone
    assert usual_similarity(grids_NTV[:2], torch.tensor([0, 0])) == torch.tensor(1 / 3).item()
    assert usual_similarity(grids_NTV[2:4], torch.tensor([3, 3])) == 1
    assert usual_similarity(grids_NTV[:4:2], torch.tensor([0, 1])) is None
    both = usual_similarity(grids_NTV[:4], torch.tensor([0, 0, 1, 1]))
    assert abs(both - 2 / 3) < 1e-6, "the middle between the two pairs"


def test_it_is_the_median_of_all_pairs_give_or_take(grammar_bars):
    bars = grammar_bars(1500, 0)
    found = []
    for style in range(5):
        of_style = bars.grids_NTV[bars.styles_N == style]
        first, second = torch.triu_indices(len(of_style), len(of_style), 1)
        found.append(onset_similarity(of_style[first], of_style[second]))
    expected = torch.cat(found)[::7].quantile(0.5).item()
    assert abs(usual_similarity(bars.grids_NTV, bars.styles_N) - expected) < 0.05
