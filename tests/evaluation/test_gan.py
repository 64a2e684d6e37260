import numpy as np
import pytest
import torch

from src.data.drums import grammar
from src.data.module import Loaded, ResidentData
from src.data.spec import Split
from src.evaluation import coverage
from src.evaluation.artifacts import Picture, Sound
from src.evaluation.gan import GANEvaluator
from src.evaluation.oracles.base import Predictions
from src.evaluation.rejection import DiscriminatorRejection
from tests.conftest import shorten_oracle_training

MUSIC = {"validity", "diversity", "feature_distance"}
FLAT = np.zeros((1, 1, 3), np.uint8)
WARNINGS = {"logit_gap", "discriminator_accuracy", "feature_variance", "generator_gradient", "discriminator_gradient"}


class Brightness:
    """An oracle that tells bright images from dark ones and is always sure."""

    identity = "brightness-v1-000000000000"
    accuracy = accuracy_k = torch.tensor(1.0)

    def predict(self, images_NCHW):
        mean = images_NCHW.float().mean((2, 3))
        return Predictions(torch.ones(len(mean)), (mean > 127).long(), torch.cat([mean, mean.square()], 1))


class Toy(ResidentData):
    name = "toy"

    def load(self):
        labels = torch.arange(60) % 2
        images = (
            torch.randint(0, 100, (60, 8, 8), generator=torch.Generator().manual_seed(0)) + 150 * labels[:, None, None]
        )
        split = Split(images.to(torch.uint8), labels)
        return Loaded(split, split, split, ("dark", "bright"), "toy")


@pytest.fixture
def evaluator(monkeypatch, tmp_path):
    monkeypatch.setattr(coverage, "oracle_of", lambda *_: Brightness())
    data = Toy(root="", budget=8, batch_size=8, seed=0, stack=1)
    data.setup()
    evaluator = GANEvaluator(200, str(tmp_path))
    evaluator.prepare(data, torch.device("cpu"))
    return evaluator


def test_metrics_and_pictures(evaluator, make_gan, fit):
    gan = make_gan()
    fit(gan)
    metrics, shown = evaluator.evaluate(gan, "test")
    assert set(metrics) > WARNINGS | {"modes", "fid", "discriminator_passes"}
    assert set(shown) == {"random", "sorted"}
    assert metrics["discriminator_passes"] == 3


def test_accepted_samples_are_evaluated_beside_all(evaluator, make_gan, fit):
    gan = make_gan()
    fit(gan)
    plain, _ = evaluator.evaluate(gan, "test")
    evaluator.rejection = DiscriminatorRejection()
    metrics, shown = evaluator.evaluate(gan, "test")
    assert {name: metrics[name] for name in plain if plain[name] == plain[name]} == {
        name: value for name, value in plain.items() if value == value
    }
    assert 0 < metrics["accepted_share"] < 1
    assert {f"accepted_{name}" for name in ("modes", "kl", "fid", "recall", "num_samples")} < set(metrics)
    assert "accepted" in shown
    assert "accepted_share" not in evaluator.evaluate(gan, "val")[0]


def test_samples_are_sorted_by_what_they_were_asked_to_be(evaluator, monkeypatch):
    rows = {}
    monkeypatch.setattr(coverage.image_grids, "sorted_grid", lambda found, *_: rows.update(found) or FLAT)
    images = torch.cat([torch.full((10, 1, 8, 8), 200), torch.full((30, 1, 8, 8), 20)]).to(torch.uint8)
    requested = (torch.arange(40) < 5).long()[:, None]  # five of the ten bright ones were to be bright
    metrics, shown = evaluator.coverage.evaluate(images, "test", requested)
    assert shown["sorted"].made
    assert metrics["class_accuracies"] == [pytest.approx(30 / 35), 1.0]
    assert rows["bright"].float().mean() == 200
    assert rows["dark"][:5].float().mean() == 200, "asked to be dark"
    assert "class_accuracy" not in evaluator.coverage.evaluate(images, "test")[0]


def test_the_same_weights_give_the_same_figures(evaluator, make_gan):
    gan = make_gan()
    torch.manual_seed(1)
    first, _ = evaluator.evaluate(gan, "test")
    torch.manual_seed(2)
    again, _ = evaluator.evaluate(gan, "test")
    assert str(first) == str(again)  # NaN is NaN


class Bars(ResidentData):
    name = "toy"

    def load(self):
        drawn = [grammar.draw(num, seed) for seed, num in enumerate((200, 60, 60))]
        return Loaded(*(Split.of(bars.grids_NTV, bars.styles_N) for bars in drawn), grammar.STYLES, "toy", levels=1)


@pytest.mark.parametrize("stack", [1, 2])
@pytest.mark.ci
def test_bars_are_heard_too(monkeypatch, tmp_path, make_gan, stack):
    shorten_oracle_training(monkeypatch, 20)
    data = Bars(root="", budget=8, batch_size=8, seed=0, stack=stack)
    data.setup()
    evaluator = GANEvaluator(40, str(tmp_path))
    evaluator.prepare(data, torch.device("cpu"))
    gan = make_gan(spec=data.spec)
    metrics, shown = evaluator.evaluate(gan, "test")
    assert set(metrics) > WARNINGS | {"modes", "fid"}
    assert set(metrics) >= MUSIC if stack == 1 else not set(metrics) & MUSIC
    kinds = {"sorted": Picture, "random": Picture} | ({"random_bars": Sound} if stack == 1 else {})
    shown.pop("sorted_bars", None)  # where a style was recognised at all
    assert {name: type(getattr(artifact, "made", artifact)) for name, artifact in shown.items()} == kinds
    assert set(evaluator.evaluate(gan, "val")[1]) == {"sorted", "random"}, "sound at the end only"
    controls = evaluator.controls()
    names = {"real", "noisy", "noise", "cut_up", "superposed", "single"} | ({"train"} if stack == 1 else set())
    assert set(controls) == names
    assert all(set(control) >= (MUSIC if stack == 1 else set()) | {"modes"} for control in controls.values())
