import csv
import math
import random
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar.layout_pb2 import Layout

from src.evaluation.callback import Evaluation, apart_from_training, as_csv
from src.report.collect import read_history
from src.training.callbacks import stopwatch
from src.training.callbacks.randomness import restore, snapshot
from tests.evaluation.callback_fixtures import Nosy


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
    assert list(rows[0]) == ["images_seen", "seconds", "generator_steps", "modes", "kl", "missing", "shares"]
    assert [row["images_seen"] for row in rows] == ["40", "80"]
    assert [row["generator_steps"] for row in rows] == ["5", "10"]
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
    gan = make_gan()
    watcher = evaluated_fit(gan, 2)
    board = EventAccumulator(str(tmp_path)).Reload()
    (event,) = board.Tensors("custom_scalars__config__")
    chapters = Layout.FromString(event.tensor_proto.string_val[0]).category
    shown = {(chapter.title, chart.title): list(chart.multiline.tag) for chapter in chapters for chart in chapter.chart}
    assert shown == {("Toy", "Modes"): ["val/modes$"], ("Toy", "Rates"): ["val/(a|b)$"], ("Other", "KL"): ["val/kl$"]}
    assert [(event.step, event.value) for event in board.Scalars("val/modes")] == [(40, 1), (80, 2)]
    assert [(event.step, event.value) for event in board.Scalars("test/modes")] == [(80, 3)]
    assert "test/kl" not in board.Tags()["scalars"], "what is not finite leaves a blank"
    assert list(watcher.expected(gan)) == ["test/modes", "test/kl"]
    assert all(math.isnan(value) for value in watcher.expected(gan).values())


@pytest.mark.parametrize(
    ("modes", "best"),
    [([3, 9, 5, 9], 2), ([1, 2, 3, 4], 4), ([4, 3, 2, 1], 1), ([math.nan, 3, math.inf, 2], 2)],
)
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
    assert np.array_equal([row["modes"] for row in other.history], modes, equal_nan=True)
    assert other.stopwatch.seconds == pytest.approx(watcher.history[-1]["seconds"], abs=1e-3)


@pytest.mark.parametrize("monitor", ["usage_high", "missing", "beauty"])
def test_a_monitor_that_is_no_number_is_refused(make_gan, evaluated_fit, monitor):
    class Unused(Nosy):
        def evaluate(self, gan, split):
            metrics, shown = super().evaluate(gan, split)
            return metrics | {"usage_high": None}, shown

    with pytest.raises(ValueError, match=rf"monitor={monitor}: not a number; choose one of modes$"):
        evaluated_fit(make_gan(), 1, evaluator=Unused(), monitor=monitor)


def test_results(make_gan, evaluated_fit):
    watcher = evaluated_fit(make_gan(), 2)
    results = watcher.results()
    assert results["metrics"]["modes"] == 3  # the third evaluation, on the test split
    assert results["controls"] == {"noise": {"modes": 0}}
    assert results["oracle_accuracy"] == 0.9
    assert results["onset"] == results["images_seen"] == 80
    assert results["onset_reason"] is None
    assert results["outcome"] == "covering"
    assert results["metrics"]["modes_late"] == 1.5, "beside those of the last samples"
    assert results["images_per_second"] == pytest.approx(80 / results["train_seconds"])


def test_results_of_a_run_that_never_got_there():
    results = Evaluation(Nosy(), 2, "modes", "").results()
    expected = {"metrics": {}, "controls": {}, "outcome": None, "onset": None, "onset_reason": None}
    expected |= {"images_seen": 0, "generator_steps": 0, "train_seconds": 0.0, "images_per_second": None}
    assert results == expected


def test_a_run_that_was_cut_short_has_no_outcome_and_no_late_metrics(make_gan, evaluated_fit):
    watcher = evaluated_fit(make_gan(), 2)
    watcher.final = {"metrics": {}, "controls": {}}  # as before the end of training
    results = watcher.results()
    assert results["outcome"] is None
    assert results["metrics"] == {}


def test_a_picture_that_cannot_be_written_ends_the_run(make_gan, evaluated_fit, tmp_path):
    class Astray(Nosy):
        def evaluate(self, gan, split):
            metrics, shown = super().evaluate(gan, split)
            return metrics, {f"no_folder/{name}": picture for name, picture in shown.items()}

    with pytest.raises(FileNotFoundError):
        evaluated_fit(make_gan(), 2, evaluator=Astray())


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


def test_evaluations_are_in_full_precision_where_training_is_not():
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")  # TF32 on a GPU
    try:
        with apart_from_training(torch.device("cpu")):
            assert torch.get_float32_matmul_precision() == "highest"
        assert torch.get_float32_matmul_precision() == "high"
    finally:
        torch.set_float32_matmul_precision(before)


def test_as_csv():
    rows = [{"a": 1, "b": [0.1234567, 2], "c": math.inf}, {"a": 2.5, "b": [], "c": None}]
    assert as_csv(rows) == "a,b,c\n1,0.123457 2,\n2.5,,\n"


def test_names_with_spaces_come_back(tmp_path: Path):
    names = ["cluster 3", "50% off", "People & Body"]
    path = tmp_path / "history.csv"
    path.write_text(as_csv([{"images_seen": 1, "missing": names}, {"images_seen": 2, "missing": []}]))
    assert read_history(path).absences == [{*names}, set()]


def test_as_csv_of_a_run_that_an_earlier_version_began():
    assert as_csv([{"a": 1, "old": 3}, {"a": 2, "new": 4}]) == "a,old,new\n1,3,\n2,,4\n"


def test_snapshot_and_restore():
    def draws():
        return torch.rand(2).tolist(), np.random.rand(2).tolist(), random.random()  # noqa: NPY002

    state = snapshot()
    first = draws()
    assert draws() != first
    restore(state)
    assert draws() == first
