"""Runs on the user's own images, in grey with clusters and in colour from a folder."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import shorten_oracle_training
from tests.end_to_end.conftest import SMALL, VAE_SMALL, Command, results
from tests.end_to_end.test_colour import without_data

pytestmark = pytest.mark.ci


@pytest.fixture(autouse=True)
def short_oracle(monkeypatch: pytest.MonkeyPatch) -> None:
    shorten_oracle_training(monkeypatch, 80)


def shapes(num: int) -> np.ndarray:
    """Squares of three sizes on a light ground, [N, 28, 28]."""
    images = np.random.default_rng(0).integers(200, 256, (num, 28, 28)).astype(np.uint8)
    for number in range(num):
        side = 4 + 4 * (number % 3)
        images[number, 14 - side : 14 + side, 14 - side : 14 + side] = number % 30
    return images


def test_images_without_labels(command: Command):
    np.save("squares.npy", shapes(600))
    chosen = ("data=images", "data.path=squares.npy", "data.classes=3", "hydra.run.dir=run")
    outcome = command(*without_data(SMALL), *chosen)
    assert outcome.status == 0, outcome.errors
    found = results(Path("run"))
    assert found["dataset"]["name"] == "squares"
    assert found["dataset"]["classes"] == ["cluster 0", "cluster 1", "cluster 2"]
    assert found["dataset"]["dark_ink"] is True
    assert "real.png" in {path.name for path in Path("run/samples").iterdir()}
    assert command("resume=run", "budget=320").status == 0


def test_a_folder_of_names_with_classes_and_styles(command: Command):
    Path("fonts").mkdir()
    for number, image in enumerate(shapes(600)):
        Image.fromarray(image).save(f"fonts/{'AÄ&'[number % 3]}_{number % 2}_{number:04}.png")
    chosen = ("data=images", "data.path=fonts", "data.label={label}_{style}_*", "data.size=32", "data.colour=true")
    outcome = command(*without_data(SMALL), *chosen, "gan.network=residual", "hydra.run.dir=run")
    assert outcome.status == 0, outcome.errors
    assert results(Path("run"))["dataset"]["classes"] == ["&", "A", "Ä"]


@pytest.mark.parametrize("likelihood", ["bernoulli", "logistic_mixture"])
@pytest.mark.parametrize(("size", "colour"), [(28, False), (32, True)])
def test_a_vae(command: Command, likelihood: str, size: int, colour: bool):
    np.savez("squares.npz", images=shapes(600), labels=np.arange(600) % 3)
    small = [each for each in without_data(VAE_SMALL) if "coder.width" not in each]
    chosen = ("data=images", "data.path=squares.npz", f"data.size={size}", f"data.colour={str(colour).lower()}")
    networks = ("vae.encoder.width=4", "vae.decoder.width=4", f"vae.likelihood={likelihood}", "hydra.run.dir=run")
    outcome = command("experiment=images_vae", *small, *chosen, *networks)
    assert outcome.status == 0, outcome.errors
    found = results(Path("run"))
    assert found["dataset"]["shape"] == [3 if colour else 1, size, size]
    assert ("bits_per_dim" in found["metrics"]) == (likelihood == "logistic_mixture")
    assert command("resume=run", "budget=320").status == 0
