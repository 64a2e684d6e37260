"""Runs on coloured shapes of 32×32: a GAN and a VAE, what they leave behind, and their report."""

import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from src.report.__main__ import main as report
from tests.coloured import CLASSES
from tests.end_to_end.conftest import SMALL, VAE_SMALL, Command, check_bounds, results

pytestmark = pytest.mark.ci

SHAPES = ("data=gaussian_ring", "data._target_=tests.coloured.Shapes")


def without_data(options: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(option for option in options if not option.startswith("data="))


def colourfulness(picture: Path) -> int:
    with Image.open(picture) as image:
        levels = np.asarray(image.convert("RGB")).astype(int)
    return int((levels.max(2) - levels.min(2)).max())


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def test_a_gan(command: Command):
    outcome = command(*without_data(SMALL), *SHAPES, "gan.network=residual", "hydra.run.dir=run")
    assert outcome.status == 0, outcome.errors
    found = results(Path("run"))
    assert found["dataset"]["shape"] == [3, 32, 32]
    assert found["dataset"]["colour"] is True
    named = [*found["metrics"]["missing"], *found["metrics"].get("unjudged", [])]
    assert found["metrics"]["modes"] + len(named) == len(CLASSES)
    assert "channel_balance" not in found["metrics"]
    assert "thick" not in found["controls"]
    check_bounds(found["metrics"], len(CLASSES))
    assert {path.name for path in Path("run/samples").iterdir()} == {
        "random.png",
        "real.png",
        "sorted.png",
        "shares.png",
    }
    assert colourfulness(Path("run/samples/random.png")) > 10
    assert report(["run"]) == 0
    assert "modes" in Path("run/report/report.md").read_text()


def test_a_vae(command: Command):
    chosen = ("vae.decoder=parallel", "vae.likelihood=logistic_mixture", "vae.likelihood.components=2")
    outcome = command(*without_data(VAE_SMALL), *SHAPES, *chosen, "hydra.run.dir=run")
    assert outcome.status == 0, outcome.errors
    metrics = results(Path("run"))["metrics"]
    assert metrics["bits_per_dim"] == pytest.approx(metrics["iwae_nll"] / (3 * 32 * 32 * math.log(2)))
    assert 2 < metrics["bits_per_dim"] < 9
    check_bounds(metrics, len(CLASSES))
    assert "bits/dim" in outcome.said
    assert colourfulness(Path("run/samples/reconstructions.png")) > 100
    assert report(["run"]) == 0
    assert "bits/dim" in Path("run/report/report.md").read_text()
