"""Held-out bars as examinations get them."""

from types import SimpleNamespace

import torch

from src.data.drums import grammar
from src.data.drums.datasets import Drums
from src.data.spec import BAR
from src.data.voices import VOICES
from src.evaluation.latents.encode import coded


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
    bars = coded(vae, data, "test", 5)
    assert bars.grids_NTV.shape == (5, *BAR)
    assert bars.styles_N.tolist() == [0, 1, 2, 3, 4]
    assert bars.factors["tempo"].tolist() == [10, 11, 12, 13, 14]
    assert bars.ordered == ("tempo",)
    assert bars.voices == VOICES
    assert {level: rates_L.shape for level, rates_L in bars.rates.items()} == {"high": (2,), "low": (3,)}


def test_the_grammars_factors_with_an_order_go_from_less_to_more():
    assert {name: tuple(grammar.FACTORS[name]) for name in Drums.ordered_factors} == {
        "ghosts": ("none", "few", "many"),
        "hats": ("quarters", "eighths", "sixteenths"),
        "push": ("off", "on"),
        "density": ("light", "full"),
    }
