"""Style transfer where one level holds the style and the other the rhythm; pairs of bars; onset similarity.

P pairs, N bars.
"""

from collections import Counter
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from src.evaluation.latents.encode import EncodedSplit
from src.evaluation.latents.intervals import share
from src.evaluation.latents.transfer import (
    BASELINES,
    MIN_BARS,
    onset_similarity,
    paired_styles,
    style_pairs,
    transfer,
    typical_bars,
    usual_similarity,
)


@pytest.mark.parametrize(("high", "moves", "stays"), [("style", "high", "low"), ("hats", "low", "high")])
def test_the_level_that_holds_the_style_transfers_it(world, world_vae, ear, high, moves, stays):
    result = transfer(world_vae(high=high), world(0), world(1), ear)
    metrics = result.metrics
    assert metrics[f"transfer_{moves}"] == metrics[f"transfer_style_{moves}"] == 1
    assert metrics[f"transfer_similarity_{moves}"] == 1
    assert metrics[f"transfer_{stays}"] == metrics[f"transfer_style_{stays}"] == 0
    assert metrics[f"transfer_similarity_{stays}"] < 0.8
    facts = result.facts["transfer"]
    assert facts["num_pairs"] == metrics["transfer_pairs"] == 400
    assert facts[moves]["success"]["interval"] == share(torch.ones(facts["num_pairs"]))["interval"]
    assert facts["styles"] == ["kicks", "snares", "toms"]


def test_the_baselines_are_what_they_are_called(world, world_vae, ear):
    result = transfer(world_vae(), world(0), world(1), ear)
    metrics, facts = result.metrics, result.facts["transfer"]
    assert (metrics["transfer_copy"], metrics["transfer_style_copy"], metrics["transfer_similarity_copy"]) == (0, 0, 1)
    assert metrics["transfer_style_target"] == metrics["transfer_style_mean"] == 1
    # Hats of source and target are independent: {0, 8} with {4, 12} or not, with {2, 6, 10, 14} or not.
    lines = [{0, 8} | ({4, 12} if a else set()) | ({2, 6, 10, 14} if b else set()) for a in (0, 1) for b in (0, 1)]
    expected = sum(len(a & b) / len(a | b) for a in lines for b in lines) / 16
    assert metrics["transfer_similarity_target"] == pytest.approx(expected, abs=0.06)
    # Half of a style's bars have each kind of hats, which is not more than half: its typical bar has none.
    bare = sum(2 / len(line) for line in lines) / 4
    assert metrics["transfer_similarity_mean"] == pytest.approx(bare, abs=0.04)
    assert facts["target"]["success"]["share"] == facts["target"]["rhythm"]["share"]
    assert 0.25 < facts["rhythm_threshold"] < 0.8


def test_success_asks_for_both(world, world_vae, ear):
    """With z_high collapsed only what the prior's mean stands for comes out, and the hats are kept."""
    result = transfer(world_vae(collapsed=("high",)), world(0), world(1), ear)
    assert result.metrics["transfer_similarity_high"] == 1
    assert result.metrics["transfer_style_high"] == pytest.approx(1 / 3, abs=0.01), "always the first style"
    assert result.metrics["transfer_high"] == result.metrics["transfer_style_high"]
    assert result.facts["transfer"]["high"]["rhythm"]["share"] == 1


def test_typical_bars_hold_what_most_bars_hit(world):
    fit = world(0, styles=2)
    beats_N = fit.grids_NTV[:, 4, 2].bool()
    chosen_N = (fit.styles_N == 1) | beats_N
    bars = typical_bars(replace(fit, grids_NTV=fit.grids_NTV[chosen_N], styles_N=fit.styles_N[chosen_N]))
    assert bars[0].nonzero().tolist() == [[0, 0], [4, 2], [8, 0], [12, 2]]
    assert bars[1].nonzero().tolist() == [[0, 1], [8, 1]]
    assert not bars[2].any(), "a style without bars"


@pytest.mark.parametrize("lacking", ["oracle", "styles", "bars"])
def test_where_nothing_can_be_transferred_nothing_is_claimed(world, world_vae, ear, lacking):
    fit, held = world(0, times=1 if lacking == "bars" else 5, styles=1 if lacking == "styles" else 3), world(1)
    result = transfer(world_vae(), fit, held, None if lacking == "oracle" else ear)
    names = [f"transfer{part}_{way}" for part in ("", "_style", "_similarity") for way in ("high", "low", *BASELINES)]
    assert result.metrics == dict.fromkeys([*names, "transfer_pairs"])
    assert not result.artifacts


def test_it_is_the_same_every_time_and_draws_on_nobodys_chance(world, world_vae, ear):
    torch.manual_seed(3)
    before = torch.get_rng_state()
    first = transfer(world_vae(), world(0), world(1), ear)
    torch.manual_seed(3)
    assert torch.equal(before, torch.get_rng_state())
    again = transfer(world_vae(), world(0), world(1), ear)
    assert first.metrics == again.metrics
    assert torch.equal(first.artifacts["transfer_bars"].grids_NTV, again.artifacts["transfer_bars"].grids_NTV)


def styles_of(held: EncodedSplit, source_P: Tensor, target_P: Tensor) -> Counter:
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
    rare[(rare == 1).nonzero()[MIN_BARS - 1 :]] = 0
    assert paired_styles(fit, replace(held, styles_N=rare)) == [0, 2]
    assert paired_styles(replace(held, styles_N=rare), fit) == [0, 2]
    assert paired_styles(fit, replace(held, styles_N=torch.zeros_like(rare))) == [0]


def test_they_are_always_the_same(world):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first, _ = style_pairs(world(0), [0, 1, 2], 60)
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(first, style_pairs(world(0), [0, 1, 2], 60)[0])


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
    result = []
    for style in range(5):
        of_style = bars.grids_NTV[bars.styles_N == style]
        first, second = torch.triu_indices(len(of_style), len(of_style), 1)
        result.append(onset_similarity(of_style[first], of_style[second]))
    expected = torch.cat(result)[::7].quantile(0.5).item()
    assert abs(usual_similarity(bars.grids_NTV, bars.styles_N) - expected) < 0.05
