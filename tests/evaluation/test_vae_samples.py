"""What the judges say of a VAE's samples: modes of images, and whether z_high holds the style of bars.

N bars, T steps, V voices.
"""

from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from src.data.spec import Split
from src.evaluation.artifacts import Picture
from src.evaluation.vae import style_accuracy

CPU = torch.device("cpu")
MODES = {"modes", "missing", "recognisable", "kl", "kl_floor", "effective_modes", "top_share", "fid", "precision"}
MODES |= {"recall", "density", "coverage", "vendi", "shares"}


@pytest.mark.parametrize("stack", [1, 2])
def test_images_are_measured_as_those_of_a_gan(evaluation_of, vae_for, stack):
    evaluation, data = evaluation_of("smudges", stack)
    metrics, shown = evaluation.measure(vae_for(data), "val")
    assert set(metrics) >= MODES
    assert metrics["num_samples"] == 60
    assert metrics["modes"] + len(metrics["missing"]) <= 2**stack
    assert isinstance(shown["sorted"].made, Picture)
    controls = evaluation.controls(CPU)
    assert set(controls) >= {"real", "blurred", "noisy", "noise", "grey", "cut_up", "superposed", "single"}
    assert all(set(control) >= MODES for control in controls.values())
    assert controls["single"]["modes"] == 1
    assert 0 <= evaluation.evaluator.facts()["oracle_accuracy"] <= 1


def test_modes_of_images_have_an_onset_and_a_timeline_beside_those_of_the_levels(evaluation_of):
    evaluator = evaluation_of("smudges", 3)[0].evaluator
    rows = [
        {"images_seen": seen, "kl_high": 0.0, "kl_low": 1.0, "modes": modes, "kl": 1.0, "kl_any": 1.0}
        for seen, modes in ((100, 8), (200, 5), (300, 4))
    ]
    summary = evaluator.over_training(rows, {"collapsed": ["high"], "without_effect": []})
    assert summary["onset"] == {"high": 100, "low": None, "modes": 200}
    assert summary["onset_reason"] is None
    assert summary["metrics"]["worst_modes"] == 4
    assert summary["outcome"] == "collapsed", "by its levels"
    dims = {"kl_high_dims": [0.1, 1.0], "kl_low_dims": [0.1], "shares": [0.5, 0.5]}
    assert set(evaluator.timeline([row | dims for row in rows])) == {"kl_dimensions", "shares"}


def test_bars_have_a_style_and_no_modes(evaluation_of, vae_for):
    evaluation, data = evaluation_of(num_samples=120)
    metrics, _ = evaluation.measure(vae_for(data), "val")
    assert "style_accuracy" in metrics
    assert not set(metrics) & MODES
    controls = evaluation.controls(CPU)
    assert set(controls) == {"real", "train", "noisy", "noise", "cut_up", "superposed", "single"}
    assert set(controls["real"]) == {"validity", "diversity", "feature_distance", "style_accuracy"}
    assert controls["real"]["style_accuracy"] > 0.5
    assert evaluation.evaluator.facts() == {}


def test_without_styles_no_style_is_found(evaluation_of, vae_for):
    evaluation, data = evaluation_of("nameless")
    assert "style_accuracy" not in evaluation.measure(vae_for(data), "val")[0]
    assert "style_accuracy" not in evaluation.controls(CPU)["real"]
    assert "validity" in evaluation.controls(CPU)["real"]


class Memory:
    """Stands for a VAE whose z_high is the whole bar, or nothing of it."""

    levels = {"high": 144, "low": 1}  # noqa: RUF012

    def __init__(self, keeps: bool):
        self.keeps, self.prior = keeps, SimpleNamespace(below=lambda top, noise: (top, *noise))

    def to_cells(self, images_NCTV: Tensor) -> Tensor:
        return images_NCTV[:, 0].float()

    def infer(self, cells_NTV: Tensor) -> SimpleNamespace:
        return SimpleNamespace(z=(self.keeps * cells_NTV,))

    def decode(self, z: tuple[Tensor, Tensor], uniform_NTV: Tensor) -> Tensor:
        return z[0].unsqueeze(1).to(torch.uint8)


def test_a_z_high_that_holds_the_bar_holds_its_style(evaluation_of):
    evaluation, data = evaluation_of()
    oracle = evaluation.evaluator.styles
    held_out = data.held_out("test")
    whole, nothing = (style_accuracy(Memory(keeps), oracle, held_out) for keeps in (True, False))
    assert whole == pytest.approx(oracle.accuracy_k.item()), "that of the oracle on the very bars"
    silent = oracle.predict(torch.zeros(1, 1, 16, 9, dtype=torch.uint8)).classes_NS
    assert nothing == pytest.approx((held_out.labels == silent).double().mean().item())
    assert whole > nothing + 0.2
    none = Split(held_out.images, (held_out.labels + 1) % 5)
    assert style_accuracy(Memory(True), oracle, none) < 0.3
