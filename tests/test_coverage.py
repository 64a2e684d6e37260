"""Mode coverage with an oracle that sees at a glance: bright is B, dark is A, and noise is neither."""

import math

import pytest
import torch

from src import coverage
from src.coverage import Coverage
from src.data.module import Loaded, ResidentData
from src.data.spec import Split
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
def coverage_of(monkeypatch, tmp_path):
    monkeypatch.setattr(coverage, "trained_oracle", lambda *_: Glance())

    def make(stack: int) -> Coverage:
        data = Toy(root="", budget=8, batch_size=8, seed=0, stack=stack)
        data.setup()
        return Coverage(data, 200, tmp_path, torch.device("cpu"))

    return make


def drawn(labels) -> torch.Tensor:
    """200 images of these characters, one a channel."""
    labels = torch.tensor(labels).repeat(200 // len(labels), 1)
    return torch.stack([characters(channel, 9 + number) for number, channel in enumerate(labels.T)], 1)


def test_metrics_of_the_contract(coverage_of):
    metrics, shown = coverage_of(1).evaluate(drawn([[0], [1]]), "test")
    assert set(metrics) >= CONTRACT
    assert metrics["modes"] == 2
    assert metrics["missing"] == []
    assert metrics["shares"] == pytest.approx([0.5, 0.5])
    assert metrics["kl"] == pytest.approx(0, abs=1e-9)
    assert set(shown) == {"sorted"}
    assert all(isinstance(value, int | float | list) for value in metrics.values())


def test_missing_modes_are_named(coverage_of):
    metrics, _ = coverage_of(1).evaluate(drawn([[1]]), "val")
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
def test_stacked_modes_have_the_names_of_their_characters(coverage_of, labels, missing, shares):
    metrics, _ = coverage_of(2).evaluate(drawn(labels), "test")
    assert metrics["missing"] == missing
    assert metrics["modes"] == 4 - len(missing)
    assert metrics["shares"] == pytest.approx(shares)


@pytest.mark.parametrize("stack", [1, 2])
def test_controls(coverage_of, stack):
    controls = coverage_of(stack).controls()
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


def test_facts(coverage_of):
    assert coverage_of(1).facts() == {"oracle_accuracy": 0.75}


def test_onset_counts_modes_of_all_channels(coverage_of):
    history = [{"images_seen": 10, "modes": 2}, {"images_seen": 20, "modes": 2}]
    assert coverage_of(1).onset(history) is None
    assert coverage_of(3).onset(history) == 0  # of 8 modes, never half


def test_timeline_of_the_first_evaluation(coverage_of):
    shown = coverage_of(1).timeline([{"images_seen": 10, "shares": [0.5, 0.5]}])
    assert shown["shares"].pixels_HW3.ndim == 3
