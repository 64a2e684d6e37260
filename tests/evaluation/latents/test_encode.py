"""Held-out bars and their codes: z_low relative to its prior, and a collapsed level without information."""

from types import SimpleNamespace

import pytest
import torch

from src.data.drums import grammar
from src.data.drums.datasets import Drums
from src.data.spec import BAR
from src.data.voices import VOICES
from src.evaluation.latents.encode import decode_mode, encode_split, mean_codes, sampled_codes
from src.vae.networks import BottomUp, Conditional, Standard, TopDown


def test_what_is_known_of_the_bars_comes_along(small_vae):
    vae = small_vae()
    held_out = SimpleNamespace(
        images=torch.ones(7, 1, *BAR, dtype=torch.uint8), labels=torch.arange(7)[:, None], to=lambda device: held_out
    )
    data = SimpleNamespace(
        held_out=lambda split: held_out,
        known_factors=lambda split: {"drummer": torch.arange(7), "tempo": 10 + torch.arange(7)},
        ordered_factors=("tempo",),
        spec=SimpleNamespace(classes=tuple("abcdefg"), kit=VOICES),
    )
    bars = encode_split(vae, data, "test", 5)
    assert bars.grids_NTV.shape == (5, *BAR)
    assert bars.styles_N.tolist() == [0, 1, 2, 3, 4]
    assert bars.factors["tempo"].tolist() == [10, 11, 12, 13, 14]
    assert bars.ordered == ("tempo",)
    assert bars.voices == VOICES
    assert {level: kl_L.shape for level, kl_L in bars.kl.items()} == {"high": (2,), "low": (3,)}


def test_the_grammars_factors_with_an_order_go_from_less_to_more():
    assert {name: tuple(grammar.FACTORS[name]) for name in Drums.ordered_factors} == {
        "ghosts": ("none", "few", "many"),
        "hats": ("quarters", "eighths", "sixteenths"),
        "push": ("off", "on"),
        "density": ("light", "full"),
    }


@pytest.mark.parametrize("prior", ["standard", "announcing"])
def test_a_code_of_z_low_is_told_from_its_prior(world, world_vae, announcing, prior):
    bars = world(0)
    vae = world_vae(prior=Standard if prior == "standard" else announcing)
    codes = mean_codes(vae, bars.grids_NTV)
    assert torch.equal(codes["high"].argmax(1), bars.styles_N)
    hats_N2 = bars.grids_NTV[:, [4, 2], 2].float()
    torch.testing.assert_close(codes["low"], 2 * hats_N2 - 1, atol=1e-3, rtol=0)
    drawn = sampled_codes(vae, bars.grids_NTV)
    torch.testing.assert_close(drawn["low"], codes["low"], atol=0.25, rtol=0)
    assert 0.04 < (drawn["low"] - codes["low"]).std() < 0.06, "the posterior's own width"


def test_codes_become_the_bars_that_they_came_from(world, world_vae):
    bars, vae = world(0), world_vae()
    codes = mean_codes(vae, bars.grids_NTV)
    assert torch.equal(decode_mode(vae, codes), bars.grids_NTV)


def test_what_the_prior_announces_is_added_when_a_code_is_decoded(world_vae, announcing):
    """With a first coordinate of z_high above 0 this prior lifts z_low so far that all hats sound."""
    vae = world_vae(prior=announcing)
    codes = {"high": torch.tensor([[1.0, 0, 0], [-1.0, 0, 0]]), "low": -torch.ones(2, 2)}
    assert decode_mode(vae, codes)[..., 2].sum(1).tolist() == [6, 0]


def test_a_collapsed_level_has_samples_of_the_prior_and_means_of_zero(world, world_vae, announcing):
    bars, vae = world(0, times=100), world_vae(collapsed=("low",), prior=announcing)
    assert mean_codes(vae, bars.grids_NTV)["low"].abs().max() < 1e-3
    low_NL = sampled_codes(vae, bars.grids_NTV)["low"]
    torch.testing.assert_close(low_NL.mean(0), torch.zeros(2), atol=0.15, rtol=0)
    torch.testing.assert_close(low_NL.std(0), torch.ones(2), atol=0.1, rtol=0)


@pytest.mark.parametrize("inference", [TopDown, BottomUp])
@pytest.mark.parametrize("prior", [Standard, Conditional])
def test_mean_codes_decode_to_what_the_model_rebuilds(grammar_bars, small_vae, inference, prior):
    vae, bars = small_vae(inference=inference, prior=prior), grammar_bars(600, 0).grids_NTV
    codes = mean_codes(vae, bars)
    with torch.no_grad():
        means = vae.inference.means(vae.encoder(vae.to_cells(bars.unsqueeze(1))), vae.prior).z
    for drawn_NL, mean_NL in zip(vae.prior.draw([*codes.values()]), means, strict=True):
        torch.testing.assert_close(drawn_NL, mean_NL, atol=1e-4, rtol=1e-4)


def test_nobody_elses_chance_is_used(world, world_vae):
    bars, vae = world(0), world_vae()
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = sampled_codes(vae, bars.grids_NTV)
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(6)
    assert torch.equal(first["high"], sampled_codes(vae, bars.grids_NTV)["high"])
