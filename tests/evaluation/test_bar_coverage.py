"""Coverage of the styles of drum bars."""

import math
import os
from pathlib import Path

import pytest
import torch

from src.data.drums.datasets import Groove
from src.data.module import Loaded, ResidentData
from src.data.spec import Split
from src.evaluation import coverage
from src.evaluation.coverage import Coverage
from src.evaluation.oracles.base import Predictions
from tests.conftest import shorten_oracle_training

DATA = Path(os.environ.get("DATA_DIR", "data"))


class Sparse(ResidentData):
    """Bars of three styles, told apart by the voice on the first beat; the third is not among the held-out ones."""

    name = "toy"

    def load(self):
        parts = []
        for count, styles in ((90, 3), (60, 2), (40, 2)):
            labels = torch.arange(count) % styles
            bars = torch.zeros(count, 16, 9, dtype=torch.uint8)
            bars[torch.arange(count), 0, labels] = 1
            bars[torch.arange(count), 1 + torch.arange(count) % 15, 8] = 1
            parts.append(Split(bars, labels))
        return Loaded(*parts, ("rock", "jazz", "polka"), "toy", levels=1)


class FirstBeat:
    """An oracle that looks at the first beat: exactly one of three voices, or it is no bar."""

    identity = "first_beat-v1-000000000000"
    accuracy = accuracy_k = torch.tensor(1.0)

    def predict(self, images_NCTV):
        beats = images_NCTV[:, :, 0, :3].float()
        sure = (beats.sum(2) == 1).all(1) & (images_NCTV.sum((2, 3)) < 4).all(1)
        return Predictions(sure.float(), beats.argmax(2), images_NCTV.flatten(1).float())


@pytest.fixture
def bars_of(monkeypatch, tmp_path):
    monkeypatch.setattr(coverage, "oracle_of", lambda *_: FirstBeat())

    def make(stack: int) -> tuple[Coverage, torch.Tensor]:
        """And as many bars as there are styles, one of each, in every channel."""
        data = Sparse(root="", budget=8, batch_size=8, seed=0, stack=stack)
        data.setup()
        return Coverage(data, 50, tmp_path, torch.device("cpu")), data.splits["train"].images[:3, None].repeat(
            20, stack, 1, 1
        )

    return make


def test_a_style_too_rare_to_judge_is_named_and_neither_covered_nor_missing(bars_of):
    judge, bars = bars_of(1)
    metrics, shown = judge.evaluate(bars, "test")
    assert metrics["unjudged"] == ["polka"]
    assert (metrics["modes"], metrics["missing"]) == (2, [])
    assert metrics["recognisable"] == pytest.approx(2 / 3)
    assert metrics["shares"] == pytest.approx([0.5, 0.5, 0])
    assert judge.names(bars[:4], "test") == ["rock", "jazz", "?", "rock"]
    assert shown["sorted"].made.pixels_HW3.shape[0] < 2.5 * 170, "two rows of bars"
    judged = judge.over_training([{"images_seen": 10, "modes": 1, "kl": 1.0, "kl_any": 1.0}])
    assert judged["onset_reason"] is None, "half of the two that can be judged"
    assert torch.equal(shown["sorted_bars"].grids_NTV, bars[:2, 0]), "one of each style is heard"
    assert "sorted_bars" not in judge.evaluate(bars, "val")[1], "sound at the end only"
    assert "sorted_bars" not in judge.evaluate(1 - bars, "test")[1], "nothing is recognised"


def test_stacked_styles_are_named_one_by_one(bars_of):
    judge, bars = bars_of(2)
    metrics, shown = judge.evaluate(bars, "test")
    assert metrics["unjudged"] == ["polka"]
    assert metrics["missing"] == ["rock+jazz", "jazz+rock"]
    assert set(shown) == {"sorted"}


def test_bars_have_noise_as_dense_as_they_are_and_no_grey(bars_of):
    judge, _ = bars_of(1)
    controls = judge.controls()
    assert set(controls) == {"real", "train", "noisy", "noise", "cut_up", "superposed", "single"}
    assert controls["real"]["modes"] == 2
    assert controls["noise"]["recognisable"] < 0.2
    assert controls["single"]["modes"] == 1


@pytest.mark.ci
@pytest.mark.real_data
@pytest.mark.skipif(not (DATA / "groove" / "info.csv").exists(), reason="DATA_DIR holds no Groove MIDI Dataset")
def test_real_drumming_has_styles_that_nobody_can_judge(monkeypatch, tmp_path):
    shorten_oracle_training(monkeypatch, 200)
    data = Groove(cache=str(tmp_path), root=str(DATA), budget=8, batch_size=8, seed=0, stack=1)
    data.setup()
    controls = Coverage(data, 500, tmp_path, torch.device("cpu")).controls()
    real = controls["real"]
    assert "blues" in real["unjudged"], "no held-out bar is one"
    assert real["modes"] + len(real["missing"]) + len(real["unjudged"]) == 18
    assert math.isfinite(real["kl"])
    assert controls["noise"]["modes"] <= real["modes"] / 2
