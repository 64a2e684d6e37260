import csv
import math
import random
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from lightning import Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar.layout_pb2 import Layout

from src.callbacks import stopwatch
from src.callbacks.curves import DivergedError, TrainingCurves
from src.callbacks.evaluation import Evaluation, apart_from_training, as_csv
from src.callbacks.randomness import restore, snapshot
from src.counted import Counted
from src.data.resident import ResidentLoader
from src.exhibits import Picture


class Nosy:
    """An evaluator that does all it can to disturb: draws random numbers, samples, asks for gradients."""

    headline = ("modes", "kl")
    charts = {"Toy": {"Modes": "val/modes", "Rates": "val/(a|b)"}, "Other": {"KL": "val/kl"}}  # noqa: RUF012

    def __init__(self, modes=()):
        self.modes = list(modes)
        self.splits = []

    def prepare(self, data, device):
        self.device = device
        torch.randn(100)

    def evaluate(self, gan, split):
        assert not torch.is_grad_enabled()
        self.splits.append(split)
        torch.randn(100)
        torch.manual_seed(3)
        images = gan.sample(4, seed=0)
        modes = self.modes.pop(0) if self.modes else len(self.splits)
        metrics = {"modes": modes, "kl": math.nan, "missing": ["A", "B"], "shares": [0.25, 0.75]}
        return metrics, {"random": Picture(images[0].permute(1, 2, 0).repeat(1, 1, 3).numpy())}

    def controls(self):
        torch.randn(5)
        return {"noise": {"modes": 0}}

    def facts(self):
        return {"oracle_accuracy": 0.9}

    def onset(self, history):
        return history[-1]["images_seen"]

    def timeline(self, history):
        return {"shares": Picture(np.zeros((4, 4, 3), np.uint8))}


@pytest.fixture
def evaluated_fit(toy_images, tmp_path):
    """Trains with evaluations and no reseeding: whatever they draw from the common stream would show."""

    def train(gan, num_evaluations, num_batches=10, evaluator=None, others=(), folder=tmp_path):
        watcher = Evaluation(evaluator or Nosy(), num_evaluations, "modes", str(folder)) if num_evaluations else None
        trainer = Trainer(
            accelerator="cpu",
            max_epochs=1,
            logger=TensorBoardLogger(folder, name="", version=""),
            log_every_n_steps=1,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[*others, *([watcher] if watcher else [])],
        )
        torch.manual_seed(11)
        trainer.fit(gan, ResidentLoader(toy_images, 8, num_batches, seed=0))
        return watcher

    return train


def test_evaluating_changes_nothing_in_training(make_gan, evaluated_fit, tmp_path):
    gans = [make_gan() for _ in range(3)]
    streams = []
    for gan, num_evaluations in zip(gans, (0, 1, 5), strict=True):
        evaluated_fit(gan, num_evaluations, folder=tmp_path / str(num_evaluations))
        streams.append(torch.get_rng_state())
    for name, tensor in gans[0].state_dict().items():
        assert torch.equal(gans[1].state_dict()[name], tensor), name
        assert torch.equal(gans[2].state_dict()[name], tensor), name
    assert torch.equal(streams[0], streams[1])
    assert torch.equal(streams[0], streams[2])
    assert all(gan.generator.training and gan.discriminator.training for gan in gans)


@pytest.mark.parametrize(
    ("num_evaluations", "steps"),
    [(1, [10]), (2, [5, 10]), (4, [3, 5, 8, 10]), (10, list(range(1, 11))), (25, list(range(1, 11)))],
)
def test_evaluations_are_evenly_spaced_and_the_last_is_at_the_end(make_gan, evaluated_fit, num_evaluations, steps):
    watcher = evaluated_fit(make_gan(), num_evaluations)
    assert [row["images_seen"] for row in watcher.history] == [8 * step for step in steps]
    assert watcher.evaluator.splits == ["val"] * len(steps) + ["test"]


def test_history(make_gan, evaluated_fit, tmp_path):
    watcher = evaluated_fit(make_gan(), 2)
    with (tmp_path / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["images_seen", "seconds", "modes", "kl", "missing", "shares"]
    assert [row["images_seen"] for row in rows] == ["40", "80"]
    assert [row["modes"] for row in rows] == ["1", "2"]
    assert rows[0]["kl"] == ""
    assert rows[0]["missing"] == "A B"
    assert rows[0]["shares"] == "0.25 0.75"
    assert 0 <= float(rows[0]["seconds"]) <= float(rows[1]["seconds"])
    assert watcher.latest is watcher.history[-1]


def test_what_lies_in_the_folder(make_gan, evaluated_fit, tmp_path):
    evaluated_fit(make_gan(), 2)
    assert {path.name for path in (tmp_path / "samples").iterdir()} == {"random.png", "shares.png"}
    assert {path.name for path in (tmp_path / "checkpoints").iterdir()} == {"last.ckpt", "previous.ckpt", "best.ckpt"}
    assert list(tmp_path.glob("events.out.tfevents.*"))


def test_what_tensorboard_shows(make_gan, evaluated_fit, tmp_path):
    watcher = evaluated_fit(make_gan(), 2)
    board = EventAccumulator(str(tmp_path)).Reload()
    (event,) = board.Tensors("custom_scalars__config__")
    chapters = Layout.FromString(event.tensor_proto.string_val[0]).category
    shown = {(chapter.title, chart.title): list(chart.multiline.tag) for chapter in chapters for chart in chapter.chart}
    assert shown == {("Toy", "Modes"): ["val/modes$"], ("Toy", "Rates"): ["val/(a|b)$"], ("Other", "KL"): ["val/kl$"]}
    assert [(event.step, event.value) for event in board.Scalars("val/modes")] == [(40, 1), (80, 2)]
    assert [(event.step, event.value) for event in board.Scalars("test/modes")] == [(80, 3)]
    assert "test/kl" not in board.Tags()["scalars"], "what is not finite leaves a blank"
    assert list(watcher.expected()) == ["test/modes", "test/kl"]
    assert all(math.isnan(value) for value in watcher.expected().values())


@pytest.mark.parametrize(("modes", "best"), [([3, 9, 5, 9], 2), ([1, 2, 3, 4], 4), ([4, 3, 2, 1], 1)])
def test_checkpoints(make_gan, evaluated_fit, tmp_path, modes, best):
    """The first of the best and the very last."""
    gan = make_gan()
    watcher = evaluated_fit(gan, 4, num_batches=4, evaluator=Nosy(modes))
    kept = {name: torch.load(tmp_path / "checkpoints" / f"{name}.ckpt", weights_only=True) for name in ("best", "last")}
    assert kept["best"]["progress"]["steps"] == best
    assert kept["last"]["progress"]["steps"] == 4
    for name, tensor in gan.state_dict().items():
        assert torch.equal(kept["last"]["state_dict"][name], tensor)
    state = kept["last"]["callbacks"]["Evaluation"]
    other = Evaluation(Nosy(), 4, "modes", "")
    other.load_state_dict(state)
    assert [row["modes"] for row in other.history] == modes
    assert other.stopwatch.seconds == pytest.approx(watcher.history[-1]["seconds"], abs=1e-3)


def test_results(make_gan, evaluated_fit):
    watcher = evaluated_fit(make_gan(), 2)
    results = watcher.results()
    assert results["metrics"]["modes"] == 3  # the third evaluation, on the test split
    assert results["controls"] == {"noise": {"modes": 0}}
    assert results["oracle_accuracy"] == 0.9
    assert results["onset"] == results["images_seen"] == 80
    assert results["images_per_second"] == pytest.approx(80 / results["train_seconds"])


def test_results_of_a_run_that_never_got_there():
    results = Evaluation(Nosy(), 2, "modes", "").results()
    expected = {"metrics": {}, "controls": {}, "onset": None, "images_seen": 0, "train_seconds": 0.0}
    assert results == expected | {"images_per_second": None}


def test_evaluating_is_not_counted_as_training(make_gan, evaluated_fit, monkeypatch):
    late = [0.0]
    monkeypatch.setattr(stopwatch, "time", SimpleNamespace(perf_counter=lambda: time.perf_counter() + late[0]))

    class Slow(Nosy):
        def evaluate(self, gan, split):
            late[0] += 1000
            return super().evaluate(gan, split)

    watcher = evaluated_fit(make_gan(), 5, evaluator=Slow())
    assert late == [6000]
    assert 0 < watcher.stopwatch.seconds < 500


def test_apart_from_training():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    with torch.autocast("cpu", torch.bfloat16), apart_from_training(torch.device("cpu")):
        assert not torch.is_grad_enabled()
        assert not torch.is_autocast_enabled("cpu")
        torch.rand(3)
    assert torch.is_grad_enabled()
    assert torch.equal(torch.get_rng_state(), before)


def test_as_csv():
    rows = [{"a": 1, "b": [0.1234567, 2], "c": math.inf}, {"a": 2.5, "b": [], "c": None}]
    assert as_csv(rows) == "a,b,c\n1,0.123457 2,\n2.5,,\n"


def test_curves_every_so_many_steps(make_gan, evaluated_fit, monkeypatch):
    logged = []
    monkeypatch.setattr(TensorBoardLogger, "log_metrics", lambda self, values, step: logged.append((step, values)))
    evaluated_fit(make_gan(), 0, others=[TrainingCurves(every=4)])
    assert [step for step, _ in logged] == [32, 64, 80]
    names = {"train/discriminator_loss", "train/generator_loss", "train/logits_real", "train/logits_fake"}
    assert set(logged[0][1]) == names


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_curves_notice_divergence(value):
    callback = TrainingCurves(every=1)
    trainer = SimpleNamespace(logger=SimpleNamespace(log_metrics=lambda *_, **__: None))
    module = Counted(spec=None)
    module.layer = torch.nn.Linear(1, 1)
    module.steps, module.images_seen = 1, 1234
    callback.on_train_batch_end(trainer, module, {"loss": torch.tensor(1.0)}, None, 0)
    with pytest.raises(DivergedError, match=r"loss is (nan|inf|-inf) after 1,234 images"):
        callback.on_train_batch_end(trainer, module, {"loss": torch.tensor([1.0, value])}, None, 0)
    with torch.no_grad():
        module.layer.bias.fill_(value)
    with pytest.raises(DivergedError, match=r"layer.bias is not finite after 1,234 images"):
        callback.on_train_batch_end(trainer, module, {"loss": torch.tensor(1.0)}, None, 0)


def test_divergence_stops_a_cpu_at_once(make_gan, evaluated_fit, monkeypatch):
    """Weights lost in the third step of ten, between two points of the curves, show in the fourth step's loss."""

    def explodes(gan, *rest):
        if gan.steps == 3:
            with torch.no_grad():
                next(gan.generator.parameters()).fill_(math.nan)
        return whole_step(gan, *rest)

    gan = make_gan()
    whole_step = type(gan).training_step
    monkeypatch.setattr(type(gan), "training_step", explodes)
    with pytest.raises(DivergedError, match=r"is nan after 32 images"):
        evaluated_fit(gan, 0, others=[TrainingCurves(every=100)])


def test_nothing_is_saved_of_weights_that_are_not_finite(make_gan, evaluated_fit, monkeypatch, tmp_path):
    def explodes(self, trainer, gan, *rest):
        if gan.steps == 3:
            with torch.no_grad():
                next(gan.generator.parameters()).fill_(math.nan)

    monkeypatch.setattr(TrainingCurves, "on_train_batch_end", explodes)
    with pytest.raises(DivergedError):
        evaluated_fit(make_gan(), 5, others=[TrainingCurves(every=4)])
    weights = torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    assert all(tensor.isfinite().all() for tensor in weights.values())


def test_snapshot_and_restore():
    def draws():
        return torch.rand(2).tolist(), np.random.rand(2).tolist(), random.random()  # noqa: NPY002

    state = snapshot()
    first = draws()
    assert draws() != first
    restore(state)
    assert draws() == first
