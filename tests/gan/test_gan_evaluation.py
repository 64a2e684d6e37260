"""The evaluator with an oracle that sees at a glance: bright is B, dark is A, and noise is neither."""

import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from src.data.module import Loaded, ResidentData
from src.data.spec import Split
from src.gan import evaluation
from src.gan.evaluation import GANEvaluator
from src.oracle import Opinion

CONTRACT = {"modes", "missing", "recognisable", "kl", "kl_floor", "effective_modes", "top_share", "fid"}
CONTRACT |= {"precision", "recall", "density", "coverage", "vendi"}


class Glance:
    accuracy = torch.tensor(0.75)

    def opinion(self, images_NCHW):
        levels = images_NCHW.float()
        mean = levels.mean((2, 3))
        plain = (levels - mean[..., None, None]).abs().amax((1, 2, 3)) < 40
        flat = (levels - mean[..., None, None]).abs().amax((1, 2, 3)) == 0
        return Opinion((plain & ~flat).float(), (mean > 127).long(), torch.cat([mean, levels[..., 0, 0]], 1))


def characters(labels: torch.Tensor, seed: int) -> torch.Tensor:
    """Uint8 [N, 6, 6], bright or dark, each a little different."""
    wobble = torch.randint(-15, 16, (len(labels), 6, 6), generator=torch.Generator().manual_seed(seed))
    return (60 + 130 * labels.view(-1, 1, 1) + wobble).to(torch.uint8)


class Toy(ResidentData):
    name = "toy"

    def load(self):
        parts = []
        for seed, count in enumerate((80, 60, 40)):
            labels = torch.arange(count) % 2
            parts.append(Split(characters(labels, seed), labels))
        return Loaded(*parts, ("A", "B"), "toy")


@pytest.fixture
def evaluator_for(monkeypatch, tmp_path):
    monkeypatch.setattr(evaluation, "trained_oracle", lambda *_: Glance())

    def make(stack: int) -> GANEvaluator:
        data = Toy(root="", budget=8, batch_size=8, seed=0, stack=stack)
        data.setup()
        evaluator = GANEvaluator(200, str(tmp_path))
        evaluator.prepare(data, torch.device("cpu"))
        return evaluator

    return make


def drawing(labels) -> SimpleNamespace:
    """A generator that draws these characters, one a channel."""
    labels = torch.tensor(labels).repeat(200 // len(labels), 1)
    channels = [characters(channel, 9 + number) for number, channel in enumerate(labels.T)]
    return SimpleNamespace(sample=lambda num, seed: torch.stack(channels, 1)[:num])


def test_metrics_of_the_contract(evaluator_for):
    metrics, drawn = evaluator_for(1).evaluate(drawing([[0], [1]]), "test")
    assert set(metrics) >= CONTRACT
    assert metrics["modes"] == 2
    assert metrics["missing"] == []
    assert metrics["shares"] == pytest.approx([0.5, 0.5])
    assert metrics["kl"] == pytest.approx(0, abs=1e-9)
    assert set(drawn) == {"random", "sorted"}
    assert all(isinstance(value, int | float | list) for value in metrics.values())


def test_missing_modes_are_named(evaluator_for):
    metrics, _ = evaluator_for(1).evaluate(drawing([[1]]), "val")
    assert metrics["missing"] == ["A"]
    assert metrics["modes"] == 1


@pytest.mark.parametrize(
    ("labels", "missing", "shares"),
    [
        ([[0, 1]], ["AA", "BA", "BB"], [0.5, 0.5]),
        ([[0, 1], [0, 0]], ["BA", "BB"], [0.75, 0.25]),
        ([[0, 0], [0, 1], [1, 0], [1, 1]], [], [0.5, 0.5]),
    ],
)
def test_stacked_modes_have_the_names_of_their_characters(evaluator_for, labels, missing, shares):
    metrics, _ = evaluator_for(2).evaluate(drawing(labels), "test")
    assert metrics["missing"] == missing
    assert metrics["modes"] == 4 - len(missing)
    assert metrics["shares"] == pytest.approx(shares)


@pytest.mark.parametrize("stack", [1, 2])
def test_controls(evaluator_for, stack):
    controls = evaluator_for(stack).controls()
    assert set(controls) >= {"real", "noise", "single"}
    assert controls["real"]["modes"] == 2**stack
    assert controls["real"]["missing"] == []
    assert controls["real"]["fid"] < 0.05 * controls["single"]["fid"]
    assert controls["single"]["modes"] == 1
    assert controls["single"]["top_share"] == 1
    assert controls["single"]["vendi"] == pytest.approx(1)
    assert controls["noise"]["modes"] == 0
    assert controls["noise"]["recognisable"] == 0
    assert math.isnan(controls["noise"]["kl"])
    assert all(set(metrics) >= CONTRACT for metrics in controls.values())


def test_the_same_weights_give_the_same_figures(evaluator_for, make_gan, spec):
    gan, evaluator = make_gan(spec=replace(spec, shape=(1, 6, 6))), evaluator_for(1)
    torch.manual_seed(1)
    first, _ = evaluator.evaluate(gan, "test")
    torch.manual_seed(2)
    again, _ = evaluator.evaluate(gan, "test")
    assert str(first) == str(again)  # NaN is NaN
    assert evaluator.facts() == {"oracle_accuracy": 0.75}


def test_onset_counts_modes_of_all_channels(evaluator_for):
    history = [{"images_seen": 10, "modes": 2}, {"images_seen": 20, "modes": 2}]
    assert evaluator_for(1).onset(history) is None
    assert evaluator_for(3).onset(history) == 0  # of 8 modes, never half


def test_timeline_of_the_first_evaluation(evaluator_for):
    drawn = evaluator_for(1).timeline([{"images_seen": 10, "shares": [0.5, 0.5]}])
    assert drawn["shares"].pixels_HW3.ndim == 3
