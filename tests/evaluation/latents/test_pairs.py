"""Pairs of bars: every ordered pair of styles as often as can be, no pair twice."""

from collections import Counter
from dataclasses import replace

import torch
from torch import Tensor

from src.evaluation.latents.encode import Coded
from src.evaluation.latents.pairs import ENOUGH, paired_styles, style_pairs


def styles_of(held: Coded, source_P: Tensor, target_P: Tensor) -> Counter:
    """How often each ordered pair of styles came."""
    return Counter(zip(held.styles_N[source_P].tolist(), held.styles_N[target_P].tolist(), strict=True))


def num_distinct(source_P: Tensor, target_P: Tensor) -> int:
    return len(set(zip(source_P.tolist(), target_P.tolist(), strict=True)))


def test_every_ordered_pair_of_styles_comes_as_often(world):
    held = world(0)
    source_P, target_P = style_pairs(held, [0, 1, 2], 200)
    ordered = styles_of(held, source_P, target_P)
    assert set(ordered) == {(a, b) for a in range(3) for b in range(3) if a != b}
    assert sorted(ordered.values()) == [33] * 4 + [34] * 2
    assert num_distinct(source_P, target_P) == len(source_P) == 200
    assert set(styles_of(held, source_P[:6], target_P[:6]).values()) == {1}, "each beginning is fair"


def test_few_bars_make_few_pairs(world):
    held = world(0, times=2, styles=2)  # 8 bars of each style
    source_P, target_P = style_pairs(held, [0, 1], 1000)
    assert num_distinct(source_P, target_P) == len(source_P) == 2 * 64


def test_what_a_rare_style_lacks_the_others_make_up_for(world):
    """5 bars of a style with 5 of another make 25 pairs, each way; there are 600 more."""
    held = world(0)
    some = [(held.styles_N == style).nonzero().flatten()[:num] for style, num in enumerate((30, 5, 5))]
    few = replace(held, grids_NTV=held.grids_NTV[torch.cat(some)], styles_N=held.styles_N[torch.cat(some)])
    source_P, target_P = style_pairs(few, [0, 1, 2], 400)
    ordered = styles_of(few, source_P, target_P)
    assert num_distinct(source_P, target_P) == len(source_P) == 400
    assert ordered[1, 2] == ordered[2, 1] == 25
    assert {ordered[pair] for pair in ((0, 1), (1, 0), (0, 2), (2, 0))} <= {87, 88}
    assert set(styles_of(few, source_P[:60], target_P[:60]).values()) == {10}


def test_of_many_styles_every_ordered_pair_comes(world):
    held = world(0)
    many = replace(held, styles_N=torch.arange(len(held.styles_N)) % 10, style_names=tuple("abcdefghij"))
    ordered = styles_of(many, *style_pairs(many, list(range(10)), 60))
    assert len(ordered) == 90
    assert set(ordered.values()) == {1}


def test_a_style_needs_enough_bars_of_both_splits(world):
    fit, held = world(0), world(1)
    assert paired_styles(fit, held) == [0, 1, 2]
    rare = held.styles_N.clone()
    rare[(rare == 1).nonzero()[ENOUGH - 1 :]] = 0
    assert paired_styles(fit, replace(held, styles_N=rare)) == [0, 2]
    assert paired_styles(replace(held, styles_N=rare), fit) == [0, 2]
    assert paired_styles(fit, replace(held, styles_N=torch.zeros_like(rare))) == [0]


def test_they_are_always_the_same(world):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first, _ = style_pairs(world(0), [0, 1, 2], 60)
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(first, style_pairs(world(0), [0, 1, 2], 60)[0])
