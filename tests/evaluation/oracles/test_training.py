"""How an oracle is trained, and its cache."""

import os
from functools import partial
from pathlib import Path

import pytest
import torch
from torch.nn.functional import one_hot

from src.data.letters.datasets import Fonts, Strokes
from src.data.letters.idx import class_indices, class_names, read_pair
from src.data.spec import Split
from src.evaluation.metrics.modes import ModeCoverage
from src.evaluation.oracles import base as oracle_file
from src.evaluation.oracles.augmentation import gaussian_blur, warped
from src.evaluation.oracles.base import Oracle, load_or_train, train_oracle
from src.evaluation.oracles.characters import CharacterOracle
from src.evaluation.oracles.controls import image_controls
from src.evaluation.oracles.outliers import blended
from tests.conftest import shorten_oracle_training
from tests.evaluation.oracles.conftest import drawn

REAL = Path(os.environ.get("DATA_DIR", "data")) / "letters"
CPU = torch.device("cpu")


@pytest.fixture
def two_steps(monkeypatch):
    shorten_oracle_training(monkeypatch, 2)


@pytest.fixture(scope="module")
def few() -> Split:
    return drawn("AB", 10, seed=0)


def cached(folder: Path, few: Split, digest: str = "1" * 64) -> Oracle:
    return load_or_train(CharacterOracle(2), few, few, digest, folder, CPU)


def test_training_leaves_the_random_stream_alone(two_steps, few):
    oracle = CharacterOracle(2)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    train_oracle(oracle, few, few)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_cache_makes_no_difference_to_the_random_stream(two_steps, few, tmp_path):
    after = []
    for _ in range(2):
        torch.manual_seed(5)
        cached(tmp_path, few)
        after.append(torch.get_rng_state())
    assert torch.equal(*after)


def test_every_run_trains_the_same_oracle(two_steps, few, tmp_path):
    weights = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        weights.append(cached(tmp_path / str(seed), few).state_dict())
    for name, tensor in weights[0].items():
        torch.testing.assert_close(weights[1][name], tensor, msg=name)


def test_second_call_loads(two_steps, few, tmp_path, monkeypatch):
    first = cached(tmp_path, few)
    trainings = []
    monkeypatch.setattr(oracle_file, "train_oracle", lambda *_: trainings.append(1))
    again = cached(tmp_path, few)
    assert not trainings
    for field in ("confidence_N", "classes_NS", "features_NF"):
        before = getattr(first.predict(few.images[:, None]), field)
        torch.testing.assert_close(getattr(again.predict(few.images[:, None]), field), before, rtol=1e-5, atol=1e-6)
    assert again.accuracy == first.accuracy
    for oracle in (first, again):
        assert not oracle.training
        assert not any(weight.requires_grad for weight in oracle.parameters())
    cached(tmp_path, few, digest="2" * 64)
    assert len(trainings) == 1


def test_nothing_unfinished_is_left(two_steps, few, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(oracle_file, "train_oracle", interrupted)
        with pytest.raises(KeyboardInterrupt):
            cached(tmp_path, few)
    assert not list(tmp_path.glob("*.pt"))
    cached(tmp_path, few)
    assert len(list(tmp_path.glob("*.pt"))) == 1
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize(("needed", "cycles"), [(False, [2]), (True, [2, 2 * oracle_file.EXTENSION])])
def test_a_second_cycle_follows_where_it_is_needed(two_steps, few, monkeypatch, needed, cycles):
    seen, fit = [], oracle_file._fit
    monkeypatch.setattr(oracle_file, "needs_second_cycle", lambda *_: needed)
    monkeypatch.setattr(oracle_file, "_fit", lambda *arguments: seen.append(arguments[3]) or fit(*arguments))
    train_oracle(CharacterOracle(2), few, few)
    assert seen == cycles


class Blank(CharacterOracle):
    """Calls blank images "none" and all others the first of 3 classes; its nonsense is blank."""

    def outliers(self, images_B1HW, labels_B):
        return torch.zeros_like(images_B1HW)

    def forward(self, images_B1HW):
        features_BF = images_B1HW.flatten(1)
        return one_hot(torch.where(features_BF.any(1), 0, 3), 4).float(), features_BF


def test_what_needs_a_second_cycle(held_out, monkeypatch):
    oracle = Blank(3)
    right, wrong = (Split(held_out.images, torch.full_like(held_out.labels, label)) for label in (0, 1))
    assert not oracle_file.needs_second_cycle(oracle, right)
    assert oracle_file.needs_second_cycle(oracle, wrong)
    monkeypatch.setattr(oracle, "outliers", lambda images_B1HW, labels_B: images_B1HW)
    assert oracle_file.needs_second_cycle(oracle, right)


@pytest.mark.slow
@pytest.mark.parametrize("make", [partial(Strokes, "letters"), Fonts])
def test_full_strength_on_embedded_letters(make, tmp_path):
    """The goals for them, on images that neither training nor threshold have seen."""
    data = make(str(tmp_path), root="", budget=1, batch_size=1, seed=0, stack=1)
    data.setup()
    val, test = data.splits["val"], data.splits["test"]
    oracle = CharacterOracle(26, dark_ink=data.spec.dark_ink)
    train_oracle(oracle, data.splits["train"], test)
    assert oracle.accuracy_k >= 0.99
    assert oracle.accuracy >= 0.985
    coverage = ModeCoverage(oracle.predict(test.images[:, None]), 26)
    assert coverage.threshold >= 0.7
    torch.manual_seed(0)
    order = torch.randperm(len(val))
    real, labels = data.spec.ink(val.images[order, None]), val.labels[order]

    def measured(images: torch.Tensor) -> dict[str, float]:
        coverage.reset()
        coverage.update(oracle.predict(data.spec.from_ink(images)))
        return {name: value.item() for name, value in coverage.compute().items() if value.ndim == 0}

    made = dict(image_controls(real, labels)) | {"blended": blended(real, labels)}
    assert measured(real)["recognisable"] >= 0.93
    for name in ("blurred", "noisy"):
        assert measured(made[name])["modes"] >= 25, name
    most = dict.fromkeys(("noise", "grey", "cut_up"), 0.01) | dict.fromkeys(("superposed", "blended"), 0.06)
    for name, share in most.items():
        for change in (lambda images: images, warped, lambda images: gaussian_blur(images, 0.9)):
            assert measured(change(made[name]))["recognisable"] <= share, name


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.skipif(not (REAL / "letters-train-images-idx3-ubyte.gz").exists(), reason="DATA_DIR holds no real letters")
def test_full_strength_on_real_letters():
    splits, values = [], None
    for part in ("train", "test"):
        paths = [REAL / f"letters-{part}-{kind}-ubyte.gz" for kind in ("images-idx3", "labels-idx1")]
        images, labels = read_pair(*paths, transposed=True)
        values = class_names(labels)[0] if values is None else values
        splits.append(Split(torch.from_numpy(images), torch.from_numpy(class_indices(labels, values, paths[1]))))
    oracle = CharacterOracle(26)
    train_oracle(oracle, *splits)
    assert oracle.accuracy_k >= 0.92
    assert oracle.accuracy >= 0.91
    assert ModeCoverage(oracle.predict(splits[1].images[:, None]), 26).threshold >= 0.4
