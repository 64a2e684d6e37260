"""Mode coverage with an oracle that sees at a glance: bright is B, dark is A, and noise is neither."""

import math
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from src.data import module
from src.data.gaussians import GaussianGrid, GaussianRing
from src.data.module import Loaded, ResidentData
from src.data.spec import Split
from src.data.streaming import Rows
from src.evaluation import coverage
from src.evaluation.coverage import Coverage, rejected_share
from src.evaluation.oracles.base import Predictions

DATA = Path(os.environ.get("DATA_DIR", "data"))
CONTRACT = {"modes", "missing", "recognisable", "kl", "kl_floor", "effective_modes", "top_share", "fid"}
CONTRACT |= {"precision", "recall", "density", "coverage", "vendi", "kid", "modes_any", "kl_any"}
CLIPPED = {"clipped_density", "clipped_coverage"}
FINAL = CLIPPED | {"fid_infinity", "memorised", "authenticity", "c_t"}


class Glance:
    identity = "glance-v1-000000000000"
    accuracy, accuracy_k = torch.tensor(0.75), torch.tensor(0.875)

    def predict(self, images_NCHW):
        levels = images_NCHW.float()
        mean = levels.mean((2, 3))
        plain = (levels - mean[..., None, None]).abs().amax((1, 2, 3)) < 40
        flat = (levels - mean[..., None, None]).abs().amax((1, 2, 3)) == 0
        return Predictions(
            (plain & ~flat).float(), (mean > 127).long(), torch.stack([mean, levels[..., 0, 0]], 2).flatten(1)
        )


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
    monkeypatch.setattr(coverage, "oracle_of", lambda *_: Glance())

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
    assert metrics["kl"] == pytest.approx(-math.log(0.95)), "all are clear, but of held-out ones 95 % count as such"
    assert metrics["kl_any"] == pytest.approx(0, abs=1e-9)
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
    names = ["blurred", "noisy", "thick", "noise", "grey", "cut_up", "superposed", "single"]
    assert list(controls) == ["real", *(["train"] if stack == 1 else []), *names]
    assert controls["real"]["modes"] == 2**stack
    assert controls["real"]["missing"] == []
    assert controls["real"]["fid"] < 0.05 * controls["single"]["fid"]
    assert controls["single"]["modes"] == 1
    assert controls["single"]["top_share"] == 1
    assert controls["single"]["vendi"] == pytest.approx(1)
    assert controls["noise"]["modes"] == 0
    assert controls["noise"]["recognisable"] == 0
    assert controls["noise"]["kl"] == pytest.approx(math.log(20))
    assert all(set(metrics) >= CONTRACT for metrics in controls.values())
    numbers = [value for metrics in controls.values() for value in metrics.values() if not isinstance(value, list)]
    assert all(map(math.isfinite, numbers))


def test_copies_of_training_images(coverage_of):
    """Measured at the end, for single images; the control `train` shows what copying all of them would score."""
    judge = coverage_of(1)
    metrics, _ = judge.evaluate(drawn([[0], [1]]), "test")
    assert set(metrics) >= FINAL
    assert not set(judge.evaluate(drawn([[0], [1]]), "val")[0]) & FINAL - CLIPPED
    controls = judge.controls()
    assert controls["train"]["memorised"] > 0.9, "but for images that share their two features with another"
    assert controls["train"]["authenticity"] == 0
    assert controls["real"]["memorised"] < 0.5
    assert "memorised" not in coverage_of(2).evaluate(drawn([[0, 1]]), "test")[0]


def test_equal_training_images_count_once(coverage_of):
    judge = coverage_of(1)
    different = len(judge.training.confidence_N)
    judge = coverage_of(1)
    judge.train_images = judge.train_images.repeat(3, 1, 1)
    assert len(judge.training.confidence_N) == different == 80


def test_facts(coverage_of):
    facts = coverage_of(1).facts()
    assert (facts["oracle_accuracy"], facts["oracle_accuracy_k"]) == (0.75, 0.875)
    assert facts["oracle_threshold"] == 1
    assert facts["oracle"] == "glance-v1-000000000000"
    assert "oracle_weak" not in facts
    dark, bright = facts["class_properties"]["ink"]
    assert (dark, bright) == pytest.approx((60 / 255, 190 / 255), abs=0.01)
    assert all(len(values) == 2 for values in facts["class_properties"].values())


def test_outcomes_count_modes_of_all_channels(coverage_of):
    history = [{"images_seen": seen, "modes": 2, "kl": 0.5, "kl_any": 0.25} for seen in (10, 20, 30)]
    late = {"modes_late": 2, "kl_late": 0.5, "kl_any_late": 0.25, "worst_modes": 2}
    covering = {"outcome": "covering", "onset": None, "onset_reason": None, "metrics": late}
    assert coverage_of(1).over_training(history) == covering
    learning = {"outcome": "learning", "onset_reason": "never covered half the modes"}
    assert coverage_of(3).over_training(history) == covering | learning, "of 8 modes"


@pytest.mark.parametrize("channels", [1, 2])
def test_the_rejected_share_of_points_is_that_beyond_three_sigma(tmp_path, channels):
    data = GaussianRing(root="", budget=8, batch_size=8, seed=0, stack=channels)
    data.setup()
    coverage = Coverage(data, 2000, tmp_path, torch.device("cpu"))
    real = coverage.score(coverage.real["test"], "test")
    assert 1 - rejected_share(data.spec) == pytest.approx(real["recognisable"], abs=0.01)
    assert rejected_share(data.spec) == pytest.approx(0.0111 * channels, rel=0.02)
    assert real["kl"] < 3 * real["kl_floor"]


def test_controls_are_the_same_in_every_run_and_leave_the_random_stream_alone(coverage_of):
    judge, fids = coverage_of(1), []
    for seed in (1, 2):
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        fids.append({name: metrics["fid"] for name, metrics in judge.controls().items()})
        assert torch.equal(torch.get_rng_state(), before)
    assert fids[0] == fids[1]


def test_an_oracle_of_low_accuracy_or_threshold_is_called_weak(coverage_of, monkeypatch, caplog):
    monkeypatch.setattr(Glance, "accuracy_k", torch.tensor(0.45))
    assert "0.45" in coverage_of(1).facts()["oracle_weak"]
    monkeypatch.setattr(Glance, "accuracy_k", torch.tensor(0.9))
    sure = Glance.predict

    def unsure(self, images_NCHW):
        return replace(sure(self, images_NCHW), confidence_N=sure(self, images_NCHW).confidence_N * unsure.confidence)

    monkeypatch.setattr(Glance, "predict", unsure)
    for unsure.confidence, weak, warnings in ((0.6, False, 0), (0.4, False, 1), (0.1, True, 1)):
        caplog.clear()
        assert ("oracle_weak" in coverage_of(1).facts()) == weak
        assert len(caplog.records) == warnings, "one line each"


def test_timeline_of_the_first_evaluation(coverage_of):
    shown = coverage_of(1).timeline([{"images_seen": 10, "shares": [0.5, 0.5]}])
    assert shown["shares"].pixels_HW3.ndim == 3


def test_points_are_put_on_a_map(tmp_path):
    data = GaussianRing(root="", budget=8, batch_size=8, seed=0, stack=1)
    data.setup()
    coverage = Coverage(data, 200, tmp_path, torch.device("cpu"))
    three = data.held_out("test").images[data.held_out("test").labels[:, 0] < 3]
    metrics, shown = coverage.evaluate(three, "val")
    assert set(shown) == {"scatter"}
    assert metrics["modes"] == metrics["modes_any"] == 3
    assert metrics["missing"] == ["135°", "180°", "225°", "270°", "315°"]
    assert metrics["recognisable"] == pytest.approx(0.989, abs=0.015)
    assert set(coverage.timeline([metrics | {"images_seen": 8}])) == {"shares", "frames"}
    final, _ = coverage.evaluate(three, "test")
    assert set(metrics) - set(final) == {"points"}, "frames are those along training"


@pytest.mark.parametrize(("stack", "along"), [(1, 30), (2, 40), (3, 80)])
def test_fewer_samples_suffice_along_training(coverage_of, monkeypatch, stack: int, along: int):
    monkeypatch.setattr(coverage, "NUM_IN_TRAINING", 30)
    monkeypatch.setattr(coverage, "PER_MODE", 10)
    asked = coverage_of(stack)
    assert (asked.num_samples_of("val"), asked.num_samples_of("test")) == (along, 200)
    monkeypatch.setattr(coverage, "PER_MODE", 1000)
    assert coverage_of(stack).num_samples_of("val") == 200


def test_controls_of_points(tmp_path):
    data = GaussianGrid(root="", budget=8, batch_size=8, seed=0, stack=1)
    data.setup()
    controls = Coverage(data, 2000, tmp_path, torch.device("cpu")).controls()
    assert controls["real"]["modes"] == 25
    assert controls["real"]["precision"] > 0.9
    share = 25 * math.pi * 0.15**2 / 12**2
    assert controls["noise"]["recognisable"] == pytest.approx(share, rel=0.4), "the share of the map"
    assert controls["single"]["modes_any"] == 1


class Recorded(Toy):
    """Held-out images that record how many of them are read together."""

    def load(self):
        loaded = super().load()
        self.read: list[int] = []

        class Images(Rows):
            def __getitem__(own, index):
                images = super().__getitem__(index)
                self.read.append(len(images))
                return images

        val, test = (
            Split(Images(split.images, torch.arange(len(split))), split.labels) for split in (loaded.val, loaded.test)
        )
        return replace(loaded, val=val, test=test)


@pytest.mark.parametrize("stack", [1, 2])
def test_held_out_images_are_read_in_parts(coverage_of, monkeypatch, tmp_path, stack):
    whole = coverage_of(stack)
    monkeypatch.setattr(coverage, "READ", 7)
    data = Recorded(root="", budget=64, batch_size=8, seed=0, stack=stack)
    data.setup()
    data.read.clear()
    parts = Coverage(data, 60, tmp_path, torch.device("cpu"))
    assert sum(data.read) == 60 + 40, "each once"
    assert max(data.read) == 7
    for name in ("val", "test"):
        for field in ("confidence_N", "classes_NS", "features_NF"):
            assert torch.equal(getattr(parts.real[name], field), getattr(whole.real[name], field))


def test_of_a_large_held_out_split_a_sample_is_evaluated(coverage_of, monkeypatch):
    whole = coverage_of(1)
    monkeypatch.setattr(module, "MOST_HELD_OUT", 20)
    some = coverage_of(1)
    assert torch.equal(some.real["test"].features_NF, whole.real["test"].features_NF[:20])
    assert torch.equal(some.real_images["val"][:], whole.real_images["val"][:20])
    assert torch.equal(some.real_labels, whole.real_labels[:20])
