"""Reading many images takes no more memory than a few bytes for each, whatever their size."""

import shutil
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.decomposition import PCA
from sklearn.metrics import pairwise_distances_argmin

from src.data.images import clusters, store
from src.data.images.clusters import assigned, coarse
from tests.data.images.conftest import drawn


def varied(num: int) -> np.ndarray:
    """Images [N, 28, 28] of three brightnesses with noise."""
    images = np.random.default_rng(0).integers(0, 60, (num, 28, 28)).astype(np.uint8)
    return images + (np.arange(num, dtype=np.uint8) % 3 * 90)[:, None, None]


def bare(path: Path, num: int) -> Path:
    np.save(path / "a.npy", varied(num))
    return path / "a.npy"


def labelled(path: Path, num: int) -> Path:
    np.savez(path / "a.npz", images=varied(num), labels=np.arange(num) % 40 + 1000)
    return path / "a.npz"


def files(path: Path, num: int) -> Path:
    for number, image in enumerate(varied(num)):
        place = path / "a" / f"class {number % 3}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / f"{number:05}.png", compress_level=0)
    return path / "a"


@pytest.mark.parametrize(
    ("write", "options", "few", "many", "most"),
    [
        (bare, {"classes": 3}, 1500, 4000, 100),
        (labelled, {}, 500, 3000, 100),
        (files, {}, 600, 1800, 400),  # with a name for each
    ],
)
def test_memory_does_not_grow_with_the_pixels(
    tmp_path, images, monkeypatch, write: Callable[[Path, int], Path], options, few, many, most
):
    monkeypatch.setattr(clusters, "MOST_FITTED", 500)

    def peak(num: int) -> int:
        folder = tmp_path / "given"
        folder.mkdir()
        path = write(folder, num)
        tracemalloc.start()
        images(path, **options)
        largest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        for used in (folder, tmp_path / "cache"):
            shutil.rmtree(used)
        return largest

    peak(few)  # imports
    assert (peak(many) - peak(few)) / (many - few) < most, "bytes for each image, which has 784 pixels"


def test_clusters_chunk_by_chunk_are_those_of_all_at_once():
    images = varied(250)
    components = PCA(8, random_state=0).fit(coarse(images))
    centres_KF = components.transform(coarse(images[:5]))
    whole_N = pairwise_distances_argmin(components.transform(coarse(images)), centres_KF)
    assert len({*whole_N}) > 2
    for chunk in (1, 99, 250, 1000):
        labels_N = assigned(images, components, centres_KF, chunk)
        assert labels_N.tolist() == whole_N.tolist()
        assert labels_N.dtype == np.uint8


@pytest.mark.parametrize("first", [0, 3, 25])
def test_the_first_colour_image_widens_the_grey_ones_before_it(tmp_path, images, monkeypatch, first):
    monkeypatch.setattr(store, "WIDENED", 2)
    array = np.stack([drawn(number) for number in range(30)])[..., None].repeat(3, -1)
    array[first:, 0, 0] = 1, 2, 3
    np.savez(tmp_path / "a.npz", train_images=array[:24], val_images=array[24:27], test_images=array[27:])
    data = images("a.npz", classes=2)
    whole = np.concatenate([split.images.permute(0, 2, 3, 1).numpy() for split in data.splits.values()])
    assert (whole == array).all()
