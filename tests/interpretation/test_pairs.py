"""Pairs of bars: every ordered pair of styles as often, no pair twice."""

from collections import Counter
from dataclasses import replace

import torch

from src.interpretation.pairs import ENOUGH, paired_styles, style_pairs


def test_every_ordered_pair_of_styles_comes_as_often(world):
    held = world(0)
    source_P, target_P = style_pairs(held, [0, 1, 2], 200)
    ordered = Counter(zip(held.styles_N[source_P].tolist(), held.styles_N[target_P].tolist(), strict=True))
    assert set(ordered) == {(a, b) for a in range(3) for b in range(3) if a != b}
    assert set(ordered.values()) == {34}, "the least that makes 200"
    assert len(set(zip(source_P.tolist(), target_P.tolist(), strict=True))) == len(source_P) == 204
    first = Counter(zip(held.styles_N[source_P[:6]].tolist(), held.styles_N[target_P[:6]].tolist(), strict=True))
    assert set(first.values()) == {1}, "each beginning is fair"


def test_few_bars_make_few_pairs(world):
    held = world(0, times=2, styles=2)  # 8 bars of each style
    source_P, target_P = style_pairs(held, [0, 1], 1000)
    assert len(set(zip(source_P.tolist(), target_P.tolist(), strict=True))) == len(source_P) == 2 * 64


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
