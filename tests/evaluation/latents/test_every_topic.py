"""Every topic on all kinds of models and data that it must cope with: finite numbers or None, and always the same."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from src.data.spec import Split
from src.evaluation.drum_metrics import DrumMetrics
from src.evaluation.latents.control import control, temperature
from src.evaluation.latents.hierarchy import hierarchy
from src.evaluation.latents.interpolation import interpolation
from src.evaluation.latents.transfer import transfer
from src.evaluation.oracles.base import Oracle
from tests.evaluation.latents.conftest import MODELS

FEWER = {
    hierarchy: {"NUM_GROUPS": 5},
    transfer: {"NUM_PAIRS": 40},
    interpolation: {"NUM_PAIRS": 8},
    control: {"NUM_BARS": 15},
    temperature: {"NUM_SAMPLES": 50, "TEMPERATURES": (0.5, 1.0)},
}


@pytest.fixture(autouse=True)
def fewer(monkeypatch):
    """Samples, for the sake of time."""
    for topic, numbers in FEWER.items():
        for name, number in numbers.items():
            monkeypatch.setitem(topic.__globals__, name, number)


@pytest.fixture
def undrawn(monkeypatch):
    """Pictures are made of nothing: most of the time goes into their drawing."""
    for module in ("figures", "control"):
        monkeypatch.setattr(f"src.evaluation.latents.{module}.rendered", lambda canvas: np.zeros((1, 1, 3), np.uint8))


class Guess(Oracle):
    """Any answer will do here."""

    def __init__(self):
        torch.manual_seed(1)
        super().__init__(nn.Flatten(), 144, 5, levels=1)
        self.eval().requires_grad_(False)

    def augment(self, images_B1HW):
        return images_B1HW

    def outliers(self, images_B1HW):
        return images_B1HW


def findings(vae, fit, held, oracle):
    """Those of all topics together."""
    drum_metrics = DrumMetrics(Split(fit.grids_NTV, fit.styles_N), held.grids_NTV, 20)
    topics = [topic(vae, fit, held, oracle) for topic in (hierarchy, transfer, interpolation)]
    return topics[0] | topics[1] | topics[2] | control(vae, fit, held, drum_metrics)


def numbers(tree) -> list[float]:
    """All of those in nested facts."""
    if isinstance(tree, dict):
        return [number for value in tree.values() for number in numbers(value)]
    if isinstance(tree, list):
        return [number for value in tree for number in numbers(value)]
    return [tree] if isinstance(tree, int | float) else []


@pytest.mark.parametrize("model", MODELS)
def test_every_model_can_be_asked_about_twenty_bars(small_vae, grammar_bars, model):
    vae = small_vae(**MODELS[model])
    result = findings(vae, grammar_bars(20, 0), grammar_bars(20, 1), Guess())
    assert all(value is None or math.isfinite(value) for value in result.metrics.values())
    assert all(math.isfinite(number) for number in numbers(result.facts))
    assert all(type(value) in (float, type(None)) for value in result.metrics.values())
    assert {"hierarchy", "latent_map", "temperature"} <= set(result.artifacts)


def test_bars_of_one_style_and_of_styles_that_a_split_lacks(small_vae, grammar_bars, undrawn):
    vae, fit, held = small_vae(), grammar_bars(60, 0), grammar_bars(60, 1)
    one = [replace(bars, styles_N=torch.zeros_like(bars.styles_N), style_names=("all",)) for bars in (fit, held)]
    assert findings(vae, *one, None).metrics["style_probe_high"] is None
    lacking = replace(held, styles_N=held.styles_N.clamp(max=1))
    result = findings(vae, fit, lacking, Guess())
    assert result.facts["transfer"]["styles"] == list(held.style_names[:2])
    assert result.metrics["style_probe_high"] is not None


def test_the_same_weights_give_the_same_findings_whatever_chance_is_about(small_vae, grammar_bars, undrawn):
    vae, fit, held = small_vae(), grammar_bars(60, 0), grammar_bars(60, 1)
    oracle = Guess()
    torch.manual_seed(8)
    before = torch.get_rng_state()
    first = findings(vae, fit, held, oracle)
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(9)
    assert findings(vae, fit, held, oracle).metrics == first.metrics
    assert not vae.training
