"""torchvision's data sets, from small files in their formats."""

import bz2
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
from PIL import Image
from torchvision import datasets

from src.data.images.datasets import Torchvision
from src.data.images.published import SETS
from tests.data.conftest import idx_bytes
from tests.data.images.conftest import OPTIONS, drawn

SIZES = {"train": 60, "test": 20}


def grey(part: str, side: int = 28) -> np.ndarray:
    return np.stack([drawn(number, side) for number in range(SIZES[part])])


def coloured(part: str, side: int = 32) -> np.ndarray:
    """[N, 3, H, W], red only."""
    images_N3HW = np.zeros((SIZES[part], 3, side, side), np.uint8)
    images_N3HW[:, 0] = grey(part, side)
    return images_N3HW


def labels(part: str) -> np.ndarray:
    return np.arange(SIZES[part]) % 10


def mnist(root: Path, name: str) -> None:
    raw = root / name / "raw"
    raw.mkdir(parents=True)
    for part, stem in (("train", "train"), ("test", "t10k")):
        (raw / f"{stem}-images-idx3-ubyte").write_bytes(idx_bytes(grey(part)))
        (raw / f"{stem}-labels-idx1-ubyte").write_bytes(idx_bytes(labels(part)))


def qmnist(root: Path, name: str) -> None:
    raw = root / name / "raw"
    raw.mkdir(parents=True)
    for part in SIZES:
        (raw / f"qmnist-{part}-images-idx3-ubyte").write_bytes(idx_bytes(grey(part)))
        rows = np.stack([labels(part), *np.full((7, SIZES[part]), 99)], 1)
        header = struct.pack(">4B2I", 0, 0, 12, 2, *rows.shape)
        (raw / f"qmnist-{part}-labels-idx2-int").write_bytes(header + rows.astype(">i4").tobytes())


def usps(root: Path, name: str) -> None:
    root.mkdir()
    for part, file in (("train", "usps.bz2"), ("test", "usps.t.bz2")):
        lines = []
        for image, label in zip(grey(part, 16), labels(part), strict=True):
            values = image.flatten() / 127.5 - 1
            lines.append(" ".join([str(label + 1), *(f"{i}:{value:.4f}" for i, value in enumerate(values, 1))]))
        (root / file).write_bytes(bz2.compress("\n".join([*lines, ""]).encode()))


def cifar(root: Path, name: str) -> None:
    made = getattr(datasets, name)
    place = root / made.base_folder
    place.mkdir(parents=True)
    key = "labels" if name == "CIFAR10" else "fine_labels"
    for part, file in (("train", made.train_list[0][0]), ("test", made.test_list[0][0])):
        rows = coloured(part).reshape(SIZES[part], -1)
        (place / file).write_bytes(pickle.dumps({"data": rows, key: labels(part).tolist()}))
    (place / made.meta["filename"]).write_bytes(pickle.dumps({made.meta["key"]: [f"kind {n}" for n in range(10)]}))


def svhn(root: Path, name: str) -> None:
    root.mkdir()
    for part in SIZES:
        digits = np.where(labels(part) == 0, 10, labels(part))
        content = {"X": coloured(part).transpose(2, 3, 1, 0), "y": digits[:, None].astype(np.uint8)}
        scipy.io.savemat(root / f"{part}_32x32.mat", content)


def stl10(root: Path, name: str) -> None:
    place = root / "stl10_binary"
    place.mkdir(parents=True)
    for part in SIZES:
        (place / f"{part}_X.bin").write_bytes(coloured(part, 96).transpose(0, 1, 3, 2).tobytes())
        (place / f"{part}_y.bin").write_bytes((labels(part) + 1).astype(np.uint8).tobytes())
    (place / "unlabeled_X.bin").touch()
    (place / "class_names.txt").write_text("\n".join(f"kind {n}" for n in range(10)))


def celeba(root: Path, name: str) -> None:
    place = root / "celeba"
    (place / "img_align_celeba").mkdir(parents=True)
    files = [f"{number:06}.jpg" for number in range(90)]
    parts = [0] * 60 + [1] * 10 + [2] * 20
    for number, file in enumerate(files):
        image = np.zeros((218, 178, 3), np.uint8)
        image[:, :, 0] = 60 + 2 * number
        Image.fromarray(image).save(place / "img_align_celeba" / file, quality=95)
    rows = {
        "list_eval_partition": [f"{file} {part}" for file, part in zip(files, parts, strict=True)],
        "identity_CelebA": [f"{file} 1" for file in files],
        "list_bbox_celeba": ["90", "image_id x_1 y_1 width height", *(f"{file} 1 2 3 4" for file in files)],
        "list_landmarks_align_celeba": ["90", "a b", *(f"{file} 1 2" for file in files)],
        "list_attr_celeba": [
            "90",
            "Bald Male Smiling",
            *(f"{file} -1 {1 - 2 * (n % 2)} {1 - 2 * (n // 2 % 2)}" for n, file in enumerate(files)),
        ],
    }
    for stem, lines in rows.items():
        (place / f"{stem}.txt").write_text("\n".join([*lines, ""]))


MADE: dict[str, Callable[[Path, str], None]] = {
    **dict.fromkeys(("MNIST", "FashionMNIST", "KMNIST"), mnist),
    **{"QMNIST": qmnist, "USPS": usps, "CIFAR10": cifar, "CIFAR100": cifar, "SVHN": svhn, "STL10": stl10},
    "CelebA": celeba,
}


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small files instead of those whose checksums torchvision knows."""
    for module in ("cifar", "svhn", "stl10", "celeba"):
        monkeypatch.setattr(
            f"torchvision.datasets.{module}.check_integrity", lambda path, md5=None: Path(path).is_file()
        )
    for name in ("CIFAR10", "CIFAR100"):
        monkeypatch.setattr(getattr(datasets, name), "train_list", getattr(datasets, name).train_list[:1])


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Torchvision]:
    def make(name: str, **changes: Any) -> Torchvision:
        options = {
            key: value for key, value in OPTIONS.items() if key not in ("label", "labels", "classes", "background")
        }
        options |= {"set": name, "attributes": ["Male", "Smiling"], "fit": "crop"}
        options |= {"root": str(tmp_path / "root"), "cache": str(tmp_path / "cache")}
        data = Torchvision(**(options | changes))
        data.setup()
        return data

    return make


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("name", SETS)
def test_set(tmp_path, read, name):
    MADE[name](tmp_path / "root", name)
    data = read(name)
    colour = name in ("CIFAR10", "CIFAR100", "SVHN", "STL10", "CelebA")
    side = {"STL10": 64, "CelebA": 64}.get(name, 32 if colour else 28)
    assert data.spec.shape == ((3 if colour else 1), side, side)
    assert (data.spec.name, data.spec.source) == (name, name)
    assert sum(data.spec.sizes.values()) == (90 if name == "CelebA" else 80)
    assert data.spec.sizes["test"] == 20
    middle = data.splits["test"].images[..., side // 2, side // 2].int()
    numbers = (middle[:, 0] if colour else middle) - 60
    if name == "CelebA":
        assert data.spec.classes == (
            "Male & Smiling",
            "Male & not Smiling",
            "not Male & Smiling",
            "not Male & not Smiling",
        )
        assert data.spec.sizes == {"train": 60, "val": 10, "test": 20}
        wanted = (numbers / 2).round().int()  # as JPEG changes colours a little
        assert wanted.tolist() == list(range(70, 90))
        assert data.splits["test"].labels.tolist() == (wanted % 2 * 2 + wanted // 2 % 2).tolist()
        return
    assert numbers.tolist() == pytest.approx(list(range(20)), abs=1)
    assert len(data.spec.classes) == 10
    labels_of_test = [data.spec.classes[label] for label in data.splits["test"].labels.tolist()]
    if name in ("MNIST", "QMNIST", "USPS", "SVHN"):
        assert labels_of_test == [str(number % 10) for number in range(20)]
    elif name in ("FashionMNIST", "KMNIST"):
        assert labels_of_test == [getattr(datasets, name).classes[number % 10] for number in range(20)]
    else:
        assert labels_of_test == [f"kind {number % 10}" for number in range(20)]


def test_stacked(tmp_path, read):
    mnist(tmp_path / "root", "MNIST")
    assert read("MNIST", stack=3).spec.shape == (3, 28, 28)


@pytest.mark.parametrize("name", ["MNIST", "CIFAR10", "USPS"])
def test_without_files_or_network(read, name, monkeypatch):
    def refused(*arguments: Any, **options: Any) -> None:
        raise OSError("Name or service not known")

    monkeypatch.setattr("urllib.request.urlopen", refused)
    with pytest.raises(ValueError, match=rf"{name} is not available: data\.root=.*Name or service not known"):
        read(name)


def test_unknown(tmp_path, read):
    with pytest.raises(ValueError, match=r"data\.set=Mnist is unknown: choose from MNIST, FashionMNIST"):
        read("Mnist")


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("attributes", [["Beard"], []])
def test_unknown_attributes(tmp_path, read, attributes):
    celeba(tmp_path / "root", "CelebA")
    with pytest.raises(ValueError, match=r"data\.attributes=.*choose some of Bald, Male, Smiling"):
        read("CelebA", attributes=attributes)
