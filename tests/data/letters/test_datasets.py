"""Letters as data sets: IDX files, EMNIST and its fallback, and drawn strokes."""

import os
import string
import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from src.data.letters import datasets
from src.data.letters.datasets import EMNIST, IDX, Strokes
from src.data.letters.emnist import EMNISTArrays, EMNISTUnavailableError
from src.data.spec import Split

REAL = Path(os.environ.get("DATA_DIR", "data")) / "letters"
COMMON = {"budget": 64, "batch_size": 8, "seed": 0, "stack": 1}


def write_pair(folder: Path, part: str, images: np.ndarray, labels: np.ndarray) -> None:
    for kind, array in (("images", images), ("labels", labels)):
        header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
        (folder / f"{part}-{kind}").write_bytes(header + array.astype(np.uint8).tobytes())


def numbered(count: int, first: int = 0) -> np.ndarray:
    """Images that say which they are, in a corner whose mirror image is dark."""
    images = np.zeros((count, 28, 28), np.uint8)
    images[:, 0, 27] = np.arange(first, first + count)
    return images


@pytest.fixture
def files(tmp_path):
    """200 training and 40 test images of four classes with the raw labels 2, 4, 6, 8."""
    write_pair(tmp_path, "train", numbered(200), np.arange(200) % 4 * 2 + 2)
    write_pair(tmp_path, "test", numbered(40, first=200), np.arange(40) % 4 * 2 + 2)
    return tmp_path


def idx(root: Path, test: bool = True, **changes) -> IDX:
    pairs = {"images": "train-images", "labels": "train-labels"}
    pairs |= {"test_images": "test-images" if test else None, "test_labels": "test-labels" if test else None}
    data = IDX(root=str(root), **(COMMON | pairs | {"transposed": False} | changes))
    data.setup()
    return data


def numbers(split: Split) -> list[int]:
    return split.images[:, 0, 27].tolist()


@pytest.fixture
def few_strokes(monkeypatch):
    """Three drawings a class for training, two for the other splits."""
    monkeypatch.setattr(datasets, "STROKES_PER_CLASS", {"train": 3, "val": 2, "test": 2})


def strokes(folder: Path, split: str = "letters", **changes) -> Strokes:
    data = Strokes(split=split, cache=str(folder), root="unused", **(COMMON | changes))
    data.setup()
    return data


# IDX


def test_idx_with_a_test_pair(files):
    data = idx(files)
    assert data.spec.name == data.spec.source == "idx"
    assert data.spec.classes == ("2", "4", "6", "8")
    assert data.spec.shape == (1, 28, 28)
    assert data.spec.levels == 255
    assert data.spec.sizes == {"train": 180, "val": 20, "test": 40}
    assert numbers(data.splits["test"]) == list(range(200, 240))
    train, val = numbers(data.splits["train"]), numbers(data.splits["val"])
    assert sorted(train + val) == list(range(200))
    assert sorted(val) != list(range(20)) != val  # a random tenth
    for split in data.splits.values():
        assert split.images.dtype == torch.uint8
        assert split.labels.dtype == torch.int64
        assert split.labels.tolist() == [number % 4 for number in numbers(split)]


def test_idx_without_a_test_pair_sets_a_tenth_aside(files):
    data = idx(files, test=False)
    assert data.spec.sizes == {"train": 162, "val": 18, "test": 20}
    train, val, test = (numbers(split) for split in data.splits.values())
    assert sorted(train + val + test) == list(range(200))


@pytest.mark.parametrize("shape", [(32, 32), (64, 64), (20, 16)])
def test_idx_of_other_sizes(files, shape):
    for name in ("train", "test"):
        write_pair(files, name, np.zeros((40, *shape)), np.arange(40) % 4)
    assert idx(files).spec.shape == (1, *shape)


def test_idx_pairs_of_different_sizes_raise(files):
    write_pair(files, "test", np.zeros((8, 32, 32)), np.full(8, 2))
    with pytest.raises(ValueError, match=r"data\.test_images=.* holds images of 32×32, data\.images ones of 28×28"):
        idx(files)


def test_half_a_test_pair_raises(files):
    with pytest.raises(ValueError, match=r"data\.test_images and data\.test_labels: give both or neither"):
        idx(files, test_labels=None)


def test_idx_transposed(files):
    assert set(numbers(idx(files, transposed=True).splits["test"])) == {0}
    turned = idx(files, transposed=True).splits["test"].images[:, 27, 0]
    assert turned.tolist() == list(range(200, 240))


def test_idx_paths_here_go_before_those_below_root(files, tmp_path_factory, monkeypatch):
    here = tmp_path_factory.mktemp("here")
    monkeypatch.chdir(here)
    assert idx(files).spec.sizes["test"] == 40  # nothing here, but below root
    write_pair(here, "test", numbered(8), np.full(8, 2))
    assert idx(files).spec.sizes["test"] == 8
    absolute = {"test_images": str(files / "test-images"), "test_labels": str(files / "test-labels")}
    assert idx(Path("nowhere"), **absolute, images=str(files / "train-images"), labels=str(files / "train-labels"))


def test_missing_file_is_named(files):
    with pytest.raises(FileNotFoundError, match=r"data\.images=lost: no such file"):
        idx(files, images="lost")


def test_label_that_only_the_test_pair_has_raises(files):
    write_pair(files, "test", numbered(2), np.array([2, 9]))
    with pytest.raises(ValueError, match="test-labels holds the unknown label 9"):
        idx(files)


@pytest.mark.real_data
@pytest.mark.skipif(not (REAL / "letters-train-images-idx3-ubyte.gz").exists(), reason="DATA_DIR holds no real letters")
def test_real_letters_as_a_data_set():
    names = {"images": "images-idx3", "labels": "labels-idx1"}
    train = {kind: f"letters/letters-train-{name}-ubyte.gz" for kind, name in names.items()}
    test = {f"test_{kind}": f"letters/letters-test-{name}-ubyte.gz" for kind, name in names.items()}
    data = IDX(root=str(REAL.parent), transposed=True, **train, **test, **COMMON)
    data.setup()
    assert data.spec.classes == tuple(string.ascii_uppercase)
    assert data.spec.sizes == {"train": 14_389, "val": 1_599, "test": 2_780}
    assert data.spec.sizes["train"] + data.spec.sizes["val"] == 15_988
    for split in data.splits.values():
        assert split.labels.bincount(minlength=26).min() > 0


# EMNIST


def unavailable(root, split, source):
    assert source == "auto"
    raise EMNISTUnavailableError("EMNIST is not available: no files, no network.")


@pytest.mark.parametrize(
    ("split", "drawn"), [("letters", "letters"), ("balanced", "letters"), ("mnist", "digits"), ("digits", "digits")]
)
def test_emnist_falls_back_to_strokes_loudly(monkeypatch, tmp_path, few_strokes, split, drawn):
    monkeypatch.setattr(datasets, "load_emnist", unavailable)
    data = EMNIST(split=split, source="auto", cache=str(tmp_path), root=str(tmp_path), **COMMON)
    with pytest.warns(UserWarning, match=rf"NOT EMNIST: .* no network\. Training on drawn strokes \({drawn}\)"):
        data.setup()
    assert data.spec.source == "strokes"
    assert data.spec.name == "emnist"
    assert len(data.spec.classes) == (26 if drawn == "letters" else 10)
    assert data.spec.digest == strokes(tmp_path, drawn).spec.digest  # the same data, the same oracle


def test_strict_emnist_is_an_error(monkeypatch, tmp_path):
    def strict(root, split, source):
        assert source == "emnist"
        raise ValueError("EMNIST is not available")

    monkeypatch.setattr(datasets, "load_emnist", strict)
    with pytest.raises(ValueError, match="EMNIST is not available"):
        EMNIST(split="letters", source="emnist", cache=str(tmp_path), root="", **COMMON).setup()


def test_emnist_that_is_there(monkeypatch, tmp_path):
    arrays = EMNISTArrays(numbered(200), np.arange(200) % 2, numbered(30), np.arange(30) % 2, ("A", "B"))
    monkeypatch.setattr(datasets, "load_emnist", lambda root, split, source: arrays)
    data = EMNIST(split="letters", source="auto", cache=str(tmp_path), root="", **COMMON)
    data.setup()
    assert (data.spec.name, data.spec.source) == ("emnist", "emnist")
    assert data.spec.sizes == {"train": 180, "val": 20, "test": 30}
    assert numbers(data.splits["test"]) == list(range(30))


# Strokes


def test_strokes(tmp_path, few_strokes):
    data = strokes(tmp_path)
    assert data.spec.classes == tuple(string.ascii_uppercase)
    assert (data.spec.name, data.spec.source) == ("strokes", "strokes")
    assert data.spec.sizes == {"train": 78, "val": 52, "test": 52}
    assert strokes(tmp_path, "digits").spec.classes == tuple(string.digits)
    images = torch.cat([split.images for split in data.splits.values()]).flatten(1)
    assert len(images.unique(dim=0)) == len(images)  # no drawing is in two splits


def test_strokes_are_drawn_once(tmp_path, few_strokes, monkeypatch):
    first = strokes(tmp_path)
    monkeypatch.setattr(datasets.strokes, "draw", lambda *_: pytest.fail("drawn again"))
    again = strokes(tmp_path)
    assert again.spec == first.spec
    assert torch.equal(again.splits["val"].images, first.splits["val"].images)
    assert not list(tmp_path.glob("*.part*"))


def test_a_new_version_is_drawn_anew(tmp_path, few_strokes, monkeypatch):
    drawn = datasets.strokes.draw
    strokes(tmp_path)
    monkeypatch.setattr(datasets.strokes, "VERSION", 999)
    monkeypatch.setattr(
        datasets.strokes, "draw", lambda *arguments: (np.ones_like(drawn(*arguments)[0]), drawn(*arguments)[1])
    )
    assert strokes(tmp_path).splits["train"].images.eq(1).all()


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("val_images", lambda images: images[:, :14]),
        ("val_images", lambda images: images[1:]),
        ("train_images", lambda images: images / 255),
        ("train_images", lambda images: images.astype(np.int64)),
        ("train_labels", lambda labels: labels[::-1]),
        ("train_labels", lambda labels: labels * 0),
        ("test_labels", lambda labels: labels + 26),
        ("test_labels", lambda labels: labels.astype(np.int32)),
        ("test_labels", lambda labels: labels.astype(str)),
    ],
)
@pytest.mark.ci
def test_a_cached_file_that_was_not_drawn_is_drawn_anew(tmp_path, few_strokes, key, change):
    first = strokes(tmp_path)
    (path,) = tmp_path.glob("*.npz")
    whole = path.read_bytes()
    with np.load(path) as arrays:
        np.savez(path, **(dict(arrays) | {key: change(arrays[key])}))
    assert strokes(tmp_path).spec == first.spec
    assert path.read_bytes() == whole


def test_unknown_strokes_raise(tmp_path):
    with pytest.raises(ValueError, match=r"data\.split=balanced is unknown: choose from letters, digits"):
        strokes(tmp_path, "balanced")
