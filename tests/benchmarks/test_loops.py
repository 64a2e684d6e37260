"""The benchmark as a command, too short to say anything about speed."""

import json
from contextlib import nullcontext
from pathlib import Path

import pytest

from benchmarks import figures, penalties, scaling
from benchmarks import run as command
from src.core.errors import UserExit
from src.data.drums import datasets
from tests.conftest import shorten_oracle_training

SMALL = ("evaluator.num_samples=50", "evaluator.num_held_out=20", "evaluator.interpret=false", "vae.decoder.width=16")


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(penalties, "ROUNDS", 1)
    for sizes, fewer in (("SAMPLES", (50, 100)), ("BARS", (20, 40)), ("IMAGES", (64, 128)), ("MODES", (26, 676))):
        monkeypatch.setattr(scaling, sizes, fewer)


@pytest.fixture
def few_bars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(datasets, "NUM_DRAWN", {"train": 2000, "val": 200, "test": 200})
    shorten_oracle_training(monkeypatch, 20)


def test_a_recipe_is_timed_and_written_down(few_bars, tmp_path: Path):
    command.main(["vae_drums", "batch_size=16", *SMALL, "out=found.json"], "cpu", few=True)
    (recipe,) = json.loads(Path("found.json").read_text())["recipes"]
    assert set(recipe["samples_per_second"]) == {"this framework", "plain loop"}
    assert recipe["ratio_to"]["plain loop"]["median"] > 0
    assert sum(recipe["step_shares"].values()) == pytest.approx(1)
    assert all(0 < share < 1 for share in recipe["step_shares"].values())
    assert recipe["evaluation"]["times"] == 20
    along = 20 * recipe["evaluation"]["along_training"]
    training = 512_000 / recipe["samples_per_second"]["this framework"]["median"]
    assert recipe["evaluation"]["share_along_training"] == pytest.approx(along / (along + training))
    assert 0.1 < recipe["peak_memory_gib"] < 100
    rows = {row.figure: row for row in figures.read(Path("found.csv"))}
    assert rows[figures.SPEED].value == pytest.approx(
        recipe["samples_per_second"]["this framework"]["median"], rel=1e-3
    )
    assert {(row.what, row.batch_size) for row in rows.values()} == {("vae_drums", 16)}
    assert {path.name for path in tmp_path.iterdir()} == {"found.json", "found.csv", ".cache"}, "runs leave nothing"


@pytest.mark.ci
def test_what_gpus_are_timed_by_fails_where_a_stored_ratio_is_missed(
    few_bars, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(command, "GPU_BATCHES", {"vae_parallel": (16, 32)})
    stored = tmp_path / "stored.csv"
    monkeypatch.setattr(figures, "STORED", stored)
    for ratio, fails in ((1e-6, False), (1e6, True)):
        device = command.description()["processor"]
        row = figures.Row(device, "vae_parallel", 32, figures.TO_PLAIN, ratio, None, None, "abc1234")
        stored.write_text(figures.as_csv([row]))
        with pytest.raises(UserExit) if fails else nullcontext():
            command.main(["gpu", "vae_parallel", *SMALL, "out=found.json"], "cpu", few=True)
        timed = {(row.what, row.batch_size) for row in figures.read(Path("found.csv"))}
        assert timed == {("vae_parallel", 16), ("vae_parallel", 32)}, "written down in both cases"


@pytest.mark.ci
def test_penalties_are_timed_and_their_gradients_compared(short, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(penalties, "COMPILED", ())  # which takes a minute
    small = ("batch_size=16", "gan.generator.width=4", "gan.discriminator.width=4")
    command.main(["penalties", *small, "out=found.json"], "cpu", few=True)
    found = json.loads(Path("found.json").read_text())[command.PENALTIES]
    assert list(found["steps_per_second"]) == [f"[{tricks}]" for tricks in penalties.TRICKS]
    assert all(rate["median"] > 0 for rate in found["steps_per_second"].values())
    one, many = found["cosine_to_r1"].values()
    assert one < many < 1
    assert many > 0.8


def test_exponents():
    assert scaling.exponent({10: 3.0, 100: 300.0, 1000: 30_000.0}) == pytest.approx(2)
    assert scaling.exponent({1: 5.0, 10: 5.0}) == pytest.approx(0)


def test_curves_are_timed(short, tmp_path: Path):
    found = scaling.measure()
    assert {size for curve in found["curves"].values() for size in curve["seconds"]} == {
        20,
        40,
        50,
        64,
        100,
        128,
        26,
        676,
    }
    assert all(seconds > 0 for curve in found["curves"].values() for seconds in curve["seconds"].values())
