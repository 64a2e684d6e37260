"""One run: what it leaves behind, and that it is the same every time."""

import csv
import math
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from src.sample import __main__ as sample
from tests.conftest import shorten_oracle_training
from tests.end_to_end.conftest import SMALL, Command, charts, check_bounds, columns, only, results

CONTRACT = {
    "status", "error", "name", "model", "seed", "dataset", "oracle", "oracle_accuracy",
    "oracle_accuracy_k", "oracle_threshold", "metrics", "controls", "onset", "onset_reason", "outcome",
    "images_seen", "train_seconds", "images_per_second", "device", "precision", "versions", "git",
}  # fmt: skip
METRICS = {
    "modes", "missing", "recognisable", "kl", "kl_floor", "effective_modes", "top_share", "fid", "precision", "recall",
    "density", "coverage", "vendi", "kid", "modes_any", "kl_any",
}  # fmt: skip


def test_a_run_leaves_everything_the_contract_names(command: Command):
    assert command("experiment=gan_fm", "seed=3", *SMALL).status == 0
    folder = only("multirun/single/*")
    found = results(folder)
    assert set(found) >= CONTRACT
    assert set(found["metrics"]) >= METRICS | {"modes_late", "kl_late", "worst_modes"}
    assert found["outcome"] in ("learning", "covering", "collapsed")
    assert all(found["metrics"][key] is not None for key in ("kl", "kl_any", "effective_modes", "kl_late"))
    controls = {"real", "train", "blurred", "noisy", "thick", "noise", "grey", "cut_up", "superposed", "single"}
    assert set(found["controls"]) >= controls
    check_bounds(found["metrics"], num_modes=26)
    for control in found["controls"].values():
        check_bounds(control, num_modes=26)
    assert found["status"] == "completed"
    assert found["error"] is None
    assert found["seed"] == 3
    assert found["images_seen"] == 256
    assert found["dataset"]["source"] == "strokes"
    assert found["dataset"]["sizes"] == {"train": 3900, "val": 520, "test": 780}
    assert found["metrics"]["kl_floor"] == pytest.approx(25 / 400 + 25 / 1560)
    for stem in ("random", "sorted", "shares"):
        assert (folder / "samples" / f"{stem}.png").stat().st_size > 1000
    assert (folder / "checkpoints" / "last.ckpt").exists()
    assert (folder / "checkpoints" / "best.ckpt").exists()
    rows = list(csv.DictReader((folder / "history.csv").read_text().splitlines()))
    assert [int(row["images_seen"]) for row in rows] == [128, 256]
    assert set(rows[0]) >= METRICS | {"images_seen", "seconds"}


@pytest.mark.ci
def test_tensorboard_holds_curves_pictures_and_final_metrics(command: Command):
    command("experiment=gan_r1", "callbacks.curves.every=2", *SMALL)
    board = EventAccumulator(str(only("multirun/single/*")))
    board.Reload()
    tags = board.Tags()
    assert {"train/generator_loss", "train/logits_real", "val/modes", "val/fid", "test/modes"} <= set(tags["scalars"])
    assert {"val/random", "val/sorted", "val/shares"} <= set(tags["images"])
    assert [event.step for event in board.Scalars("val/modes")] == [128, 256], "the axis is images seen"
    (final,) = board.Scalars("test/modes")
    assert math.isfinite(final.value)
    assert final.value == results(only("multirun/single/*"))["metrics"]["modes"]
    unmatched = {title for title, found in charts(board).items() if not found}
    assert unmatched <= set()
    assert all(len(found) <= 1 for found in charts(board).values()), "a line a run"
    assert columns(board)[5:9] == ["test/modes", "test/recognisable", "test/kl", "test/fid"]
    assert {*columns(board)[:5], "final/kl_late"} <= {*tags["scalars"]}
    assert board.Scalars("final/primary")[0].value == board.Scalars("final/kl_late")[0].value


@pytest.mark.ci
def test_two_runs_with_one_seed_agree_and_another_seed_differs(command: Command):
    found = []
    for seed in (0, 0, 1):
        command("experiment=gan_standard", f"seed={seed}", *SMALL, f"hydra.run.dir=run{len(found)}")
        found.append(results(Path(f"run{len(found)}"))["metrics"])
    assert found[0] == found[1]
    assert found[0] != found[2]


@pytest.mark.ci
def test_an_oracle_trained_in_the_run_changes_nothing(command: Command, monkeypatch: pytest.MonkeyPatch, cache: Path):
    command("experiment=gan_standard", *SMALL, "hydra.run.dir=with")
    kept = next(cache.glob("oracle-*.pt"))
    aside = kept.rename(kept.with_suffix(".aside"))
    shorten_oracle_training(monkeypatch, 60)
    command("experiment=gan_standard", *SMALL, "hydra.run.dir=without")
    aside.replace(kept)
    assert results(Path("with"))["metrics"] == results(Path("without"))["metrics"]


@pytest.mark.ci
def test_letters_stack_on_the_channels(command: Command):
    command("experiment=gan_fm", "data.stack=2", *SMALL)
    found = results(only("multirun/single/*"))
    assert found["metrics"]["modes"] + len(found["metrics"]["missing"]) == 676
    assert found["controls"]["single"]["modes"] == 1
    board = EventAccumulator(str(only("multirun/single/*")))
    board.Reload()
    assert charts(board)["Regard for the least regarded channel"] == ["val/channel_balance"]


@pytest.mark.usefixtures("few_bars")
def test_a_gan_on_drums_is_seen_heard_and_drawn_from(command: Command):
    assert command("experiment=drums_gan", *(option for option in SMALL if option != "data=strokes")).status == 0
    folder = only("multirun/single/*")
    found = results(folder)
    assert set(found["metrics"]) >= METRICS | {"validity", "diversity", "feature_distance"}
    assert found["metrics"]["modes"] + len(found["metrics"]["missing"]) + len(found["metrics"].get("unjudged", ())) == 5
    assert set(found["controls"]) == {"real", "train", "noisy", "noise", "cut_up", "superposed", "single"}
    assert {"modes", "validity"} <= set(found["controls"]["noise"])
    for name in ("random.png", "sorted.png", "shares.png", "random_bars.mid", "random_bars.wav"):
        assert (folder / "samples" / name).stat().st_size > 60, name
    assert sample.main([str(folder), "num=2"]) == 0
    for kind in ("png", "mid", "wav"):
        assert (folder / "samples" / f"drawn_0.{kind}").exists()


def test_a_run_that_leaves_the_finite_numbers_has_diverged(command: Command):
    outcome = command("experiment=gan_standard", *SMALL, "gan.generator_optimizer.lr=1e30", "callbacks.curves.every=1")
    assert outcome.status == 0, "divergence is a finding, not a failure"
    found = results(only("multirun/single/*"))
    assert found["status"] == "diverged"
    assert "images" in found["error"]
