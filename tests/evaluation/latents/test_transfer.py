"""Style transfer in a world where one level is the style and the other the rhythm.

P pairs, N bars.
"""

from dataclasses import replace

import pytest
import torch

from src.evaluation.latents.intervals import wilson
from src.evaluation.latents.transfer import WAYS, transfer, typical_bars


@pytest.mark.parametrize(("high", "moves", "stays"), [("style", "high", "low"), ("hats", "low", "high")])
def test_the_level_that_holds_the_style_transfers_it(world, world_vae, ear, high, moves, stays):
    found = transfer(world_vae(high=high), world(0), world(1), ear)
    metrics = found.metrics
    assert metrics[f"transfer_{moves}"] == metrics[f"transfer_style_{moves}"] == 1
    assert metrics[f"transfer_similarity_{moves}"] == 1
    assert metrics[f"transfer_{stays}"] == metrics[f"transfer_style_{stays}"] == 0
    assert metrics[f"transfer_similarity_{stays}"] < 0.8
    facts = found.facts["transfer"]
    assert facts["num_pairs"] == metrics["transfer_pairs"] == 400
    assert facts[moves]["success"]["interval"] == list(wilson(facts["num_pairs"], facts["num_pairs"]))
    assert facts["styles"] == ["kicks", "snares", "toms"]


def test_the_baselines_are_what_they_are_called(world, world_vae, ear):
    found = transfer(world_vae(), world(0), world(1), ear)
    metrics, facts = found.metrics, found.facts["transfer"]
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
    found = transfer(world_vae(collapsed=("high",)), world(0), world(1), ear)
    assert found.metrics["transfer_similarity_high"] == 1
    assert found.metrics["transfer_style_high"] == pytest.approx(1 / 3, abs=0.01), "always the first style"
    assert found.metrics["transfer_high"] == found.metrics["transfer_style_high"]
    assert found.facts["transfer"]["high"]["rhythm"]["share"] == 1


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
    found = transfer(world_vae(), fit, held, None if lacking == "oracle" else ear)
    names = [f"transfer{part}_{way}" for part in ("", "_style", "_similarity") for way in WAYS]
    assert found.metrics == dict.fromkeys([*names, "transfer_pairs"])
    assert not found.shown


def test_it_is_the_same_every_time_and_draws_on_nobodys_chance(world, world_vae, ear):
    torch.manual_seed(3)
    before = torch.get_rng_state()
    first = transfer(world_vae(), world(0), world(1), ear)
    torch.manual_seed(3)
    assert torch.equal(before, torch.get_rng_state())
    again = transfer(world_vae(), world(0), world(1), ear)
    assert first.metrics == again.metrics
    assert torch.equal(first.shown["transfer_bars"].grids_NTV, again.shown["transfer_bars"].grids_NTV)
