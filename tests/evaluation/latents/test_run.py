"""The whole examination on all kinds of models and data that it must cope with."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from src.data.drums import grammar
from src.evaluation.artifacts import Picture, Sound, Table
from src.evaluation.latents import figures, traversals
from src.evaluation.latents.run import dimensions
from tests.evaluation.latents.conftest import MODELS

RATES = {"high": 0.5, "low": 0.3}


@pytest.fixture
def undrawn(monkeypatch):
    """Maps are made of nothing: most of the time goes into their drawing."""
    monkeypatch.setattr(figures, "rendered", lambda canvas: np.zeros((1, 1, 3), np.uint8))


@pytest.fixture
def known(grammar_bars):
    """Bars of the grammar with their factors and with these rates."""

    def make(vae, num: int, seed: int, rates=RATES):
        factors_NF = torch.from_numpy(grammar.draw(num, seed).factors_NF)
        kl = {level: torch.full((vae.levels[level],), nats) for level, nats in rates.items()}
        factors = dict(zip(grammar.FACTORS, factors_NF.unbind(1), strict=True))
        return replace(grammar_bars(num, seed), kl=kl, factors=factors)

    return make


@pytest.mark.parametrize("model", MODELS)
def test_every_model_can_be_asked_about_twenty_bars(small_vae, known, undrawn, model):
    vae = small_vae(**MODELS[model])
    result = dimensions(vae, known(vae, 20, 0), known(vae, 20, 1))
    assert all(value is not None and math.isfinite(value) for value in result.metrics.values())
    pictures = ("associations_high", "traversal_high", "associations_low", "traversal_low")
    sounds = ("traversal_high_bars", "traversal_low_bars")
    expected = dict.fromkeys(pictures, Picture) | dict.fromkeys(sounds, Sound) | {"associations": Table}
    assert {name: type(shown) for name, shown in result.artifacts.items()} == expected
    for name, num in zip(sounds, vae.levels.values(), strict=True):
        assert result.artifacts[name].grids_NTV.shape == (3 * num, 16, 9)
        assert result.artifacts[name].sample_rate == 22_050
    assert len(result.facts["latents"]) == sum(vae.levels.values())
    json.dumps(result.facts, allow_nan=False)


def test_pictures_are_drawn(small_vae, known):
    vae = small_vae()
    shown = dimensions(vae, known(vae, 20, 0), known(vae, 20, 1)).artifacts
    drawn = [each for each in shown.values() if isinstance(each, Picture)]
    assert len(drawn) == 4
    assert all(picture.pixels_HW3.ndim == 3 and picture.pixels_HW3.std() > 10 for picture in drawn)


def test_a_level_of_many_dimensions_fills_several_pictures(small_vae, known, monkeypatch):
    monkeypatch.setattr(traversals, "MAX_ROWS", 2)
    vae = small_vae()
    shown = dimensions(vae, known(vae, 20, 0), known(vae, 20, 1)).artifacts
    heights = [shown[name].pixels_HW3.shape[0] for name in ("traversal_high", "traversal_low", "traversal_low_2")]
    assert heights[0] == heights[1] > heights[2]
    assert len(shown["traversal_low_bars"].grids_NTV) == 2 * len(shown["traversal_low_2_bars"].grids_NTV) == 6
    assert "traversal_low_3" not in shown


def test_a_collapsed_level_has_no_names_and_all_its_dimensions_are_shown(small_vae, known, undrawn):
    vae = small_vae()
    fit, held = (known(vae, 60, seed, {"high": 0.5, "low": 0.01}) for seed in (0, 1))
    result = dimensions(vae, fit, held)
    traversals_shown = {f"traversal_{level}{kind}" for level in ("high", "low") for kind in ("", "_bars")}
    assert set(result.artifacts) == {"associations", "associations_high", *traversals_shown}
    assert len(result.artifacts["traversal_low_bars"].grids_NTV) == 3, "one stands for all"
    assert result.metrics["named_low"] == result.metrics["mig_low"] == 0
    texts = [row["text"] for row in result.facts["latents"] if row["level"] == "low"]
    assert texts == [f"z_low[{index}]: inactive" for index in range(3)]


def test_without_factors_and_with_one_style(small_vae, known, undrawn):
    vae = small_vae()
    bare = [replace(known(vae, 60, seed), factors={}) for seed in (0, 1)]
    result = dimensions(vae, *bare)
    assert result.metrics["mig"] is None
    one = [replace(bars, styles_N=torch.zeros_like(bars.styles_N), style_names=("all",)) for bars in bare]
    assert dimensions(vae, *one).metrics["named_high"] is not None


def test_the_worlds_dimensions_get_their_names(world_vae, world, undrawn):
    """z_low says with two bits which hats are played: their density is the best that features have for it."""
    vae = world_vae()
    kl = {"high": torch.ones(3), "low": torch.ones(2)}
    fit, held = (replace(world(seed), kl=kl) for seed in (0, 1))
    result = dimensions(vae, fit, held)
    latents = {f"{row['level']}{row['dimension']}": row for row in result.facts["latents"]}
    assert latents["high0"]["feature"] == "kick density"
    assert latents["high1"]["feature"] == "snare density"
    assert latents["high2"]["feature"] == "low tom density"
    assert latents["low1"]["feature"] in ("closed hat density", "off-beat share", "high energy", "hat regularity")
    assert latents["low1"]["rho"] > 0.8
    assert result.metrics["named_high"] == 3


def test_the_same_weights_give_the_same_findings_whatever_chance_is_about(small_vae, known, undrawn):
    vae = small_vae()
    fit, held = known(vae, 60, 0), known(vae, 60, 1)
    torch.manual_seed(8)
    before = torch.get_rng_state()
    first = dimensions(vae, fit, held)
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(9)
    again = dimensions(vae, fit, held)
    assert (again.metrics, again.facts) == (first.metrics, first.facts)
    assert not vae.training
