"""Runs on drum grids of other sizes than 16 × 9."""

import wave
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from src.report.__main__ import main as report
from src.sample import __main__ as sample
from tests.end_to_end.conftest import SMALL, VAE_SMALL, Command, check_bounds, results
from tests.end_to_end.test_colour import without_data

pytestmark = pytest.mark.ci

VOICES = np.array(["kick", "clap", "closed hat", "cowbell", "gong"])


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def write(steps: int, voices: int, num: int = 500) -> None:
    """Bars of two styles, one with twice as many hits."""
    random, styles = np.random.default_rng(0), np.arange(num) % 2
    bars = random.random((num, steps, voices)) < 0.2 * (1 + styles)[:, None, None]
    named = {"voices": VOICES} if voices == len(VOICES) else {}
    np.savez("bars.npz", patterns=bars, styles=np.array(["few", "many"])[styles], **named)


GRIDS = ("data=grids", "data.path=bars.npz", "hydra.run.dir=run")


@pytest.mark.parametrize(("steps", "voices"), [(12, 5), (64, 2)])
def test_a_gan(command: Command, steps: int, voices: int):
    write(steps, voices)
    outcome = command(*without_data(SMALL), *GRIDS, "gan.conditional=concat")
    assert outcome.status == 0, outcome.errors
    found = results(Path("run"))
    assert found["dataset"]["shape"] == [1, steps, voices]
    assert {"validity", "feature_distance", "class_accuracy"} <= found["metrics"].keys()
    check_bounds(found["metrics"], 2)
    assert report(["run"]) == 0
    assert sample.main(["run", "class=few", "num=3"]) == 0
    assert sample.main(["run", "style=many", "bars=3", "bpm=120", "data.root=."]) == 0
    per_beat = found["dataset"]["steps_per_beat"]
    with wave.open("run/samples/track_many_0.wav") as file:
        assert file.getnframes() / file.getframerate() == pytest.approx(3 * steps / per_beat / 2 + 2.4, abs=0.01)
    with Image.open("run/samples/drawn_few_0.png") as picture:
        assert picture.width > 3 * 14 * steps


@pytest.mark.parametrize("decoder", ["autoregressive", "parallel"])
def test_a_vae_and_its_latents(command: Command, decoder: str):
    write(12, 5, num=1200)
    interpreted = (*without_data(VAE_SMALL), "evaluator.num_held_out=60", "evaluator.interpret=true")
    outcome = command(*interpreted, *GRIDS, f"vae.decoder={decoder}", "vae.decoder.width=16")
    assert outcome.status == 0, outcome.errors
    found = results(Path("run"))
    check_bounds(found["metrics"])
    assert {"told_apart", "control_density_slope", "validity"} <= found["metrics"].keys()
    table = Path("run/samples/associations.csv").read_text()
    assert "cowbell density" in table
    assert "hat regularity" in table
    assert "backbeat" not in table, "there is no snare"
    assert report(["run"]) == 0
    assert sample.main(["run", "bars=2"]) == 0
