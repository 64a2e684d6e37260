import gzip
import os
import struct
from pathlib import Path

import numpy as np
import pytest

from src.data.letters.idx import class_indices, class_names, read_idx, read_pair

REAL = Path(os.environ.get("DATA_DIR", "data")) / "letters"


def idx_bytes(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(np.uint8).tobytes()


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (7, 28, 28), dtype=np.uint8)


@pytest.fixture
def labels() -> np.ndarray:
    return np.arange(1, 8, dtype=np.uint8)


@pytest.fixture
def pair(tmp_path, images, labels) -> tuple[Path, Path]:
    paths = tmp_path / "some-images", tmp_path / "some-labels"
    paths[0].write_bytes(idx_bytes(images))
    paths[1].write_bytes(idx_bytes(labels))
    return paths


@pytest.mark.parametrize("name", ["plain", "plain.gz"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_reads_what_was_written_whatever_the_name(tmp_path, images, name, pack):
    path = tmp_path / name
    path.write_bytes(pack(idx_bytes(images)))
    read = read_idx(path)
    assert read.dtype == np.uint8
    assert read.flags.writeable
    np.testing.assert_array_equal(read, images)


def test_reads_images_of_any_size(tmp_path):
    (tmp_path / "wide").write_bytes(idx_bytes(np.zeros((2, 3, 5))))
    assert read_idx(tmp_path / "wide").shape == (2, 3, 5)


GOOD = idx_bytes(np.arange(200))
DAMAGE = {
    "empty": (b"", "is empty"),
    "empty within gzip": (gzip.compress(b""), "is empty"),
    "truncated": (GOOD[:-1], "is truncated: 199 bytes of data where 200"),
    "too long": (GOOD + b"\0", "is too long: 201 bytes of data where 200"),
    "absurd size": (b"\0\0\x08\x03" + b"\xff" * 12, "is truncated"),
    "only a magic": (GOOD[:4], "truncated within its header"),
    "half a magic": (GOOD[:3], "is truncated"),
    "floats": (b"\0\0\x0d\x03" + GOOD[4:], "magic is 0x0D03"),
    "two dimensions": (b"\0\0\x08\x02" + GOOD[4:], "magic is 0x0802"),
    "png": (b"\x89PNG\r\n\x1a\n" + GOOD, "a PNG picture"),
    "zip": (b"PK\x03\x04" + GOOD, "unpack it first"),
    "text": (b"<!DOCTYPE html>", "is not an IDX file .it begins with b'<!DO'"),
    "gzip twice": (gzip.compress(gzip.compress(GOOD)), "gzip within gzip"),
    "gzip cut short": (gzip.compress(GOOD)[:-20], "its gzip stream ends early"),
    "gzip magic alone": (b"\x1f\x8b", "its gzip stream ends early"),
    "gzip checksum": (gzip.compress(GOOD)[:-8] + b"\0" * 8, "its gzip stream is corrupt"),
    "gzip noise": (gzip.compress(GOOD)[:10] + b"\xff" * 40, "its gzip stream is corrupt"),
    "gzip tail": (gzip.compress(GOOD) + b"more", "its gzip stream is corrupt"),
}


@pytest.mark.parametrize(("content", "message"), DAMAGE.values(), ids=DAMAGE)
def test_damage_is_named(tmp_path, content, message):
    path = tmp_path / "suspect"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        read_idx(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere does not exist"):
        read_idx(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="cannot be read"):
        read_idx(tmp_path)


def test_pair_and_its_orientation(pair, images, labels):
    images[0] = 0
    images[0, 2:26, 5] = images[0, 25, 5:20] = 255  # an upright L
    stored = images.transpose(0, 2, 1)
    pair[0].write_bytes(idx_bytes(stored))

    as_stored, raw = read_pair(*pair, transposed=False)
    np.testing.assert_array_equal(as_stored, stored)
    upright, _ = read_pair(*pair, transposed=True)
    np.testing.assert_array_equal(upright, images)
    assert upright.flags.c_contiguous
    assert raw.dtype == np.int64
    np.testing.assert_array_equal(raw, labels)


def test_swapped_pair_raises(pair):
    with pytest.raises(ValueError, match="some-labels holds labels, not images: are the files swapped"):
        read_pair(pair[1], pair[0], transposed=False)
    with pytest.raises(ValueError, match="some-images holds images, not labels"):
        read_pair(pair[0], pair[0], transposed=False)


def test_images_with_labels_of_another_split_raise(pair, labels):
    pair[1].write_bytes(idx_bytes(labels[:5]))
    with pytest.raises(ValueError, match=r"some-images holds 7 images but .*some-labels 5 labels"):
        read_pair(*pair, transposed=False)


@pytest.mark.parametrize(
    ("shape", "message"),
    [((7, 28, 130), "28×130; sides of 8 to 128"), ((7, 2, 28), "2×28"), ((0, 28, 28), "holds no images")],
)
def test_other_shapes_raise(pair, shape, message):
    pair[0].write_bytes(idx_bytes(np.zeros(shape)))
    pair[1].write_bytes(idx_bytes(np.zeros(shape[0])))
    with pytest.raises(ValueError, match=message):
        read_pair(*pair, transposed=False)


@pytest.mark.parametrize(
    ("raw", "names"),
    [
        (range(1, 27), "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
        (range(26), "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
        (range(10), "0123456789"),
        ([7, 3, 200], ["3", "7", "200"]),
        ([*range(25), 30], [*map(str, range(25)), "30"]),
    ],
)
def test_class_names_and_indices(raw, names):
    labels = np.random.default_rng(0).permutation(np.repeat(np.array(raw), 3))
    values, classes = class_names(labels)
    assert classes == tuple(names)
    indices = class_indices(labels, values, Path("labels"))
    assert indices.dtype == np.int64
    assert set(indices) == set(range(len(names)))
    np.testing.assert_array_equal(values[indices], labels)


def test_test_labels_use_the_classes_of_train():
    values, _ = class_names(np.array([2, 4, 6, 8]))
    np.testing.assert_array_equal(class_indices(np.array([8, 4]), values, Path("test")), [3, 1])
    with pytest.raises(ValueError, match=r"test holds the unknown label 3, 9; the 4 classes lie in 2\.\.8"):
        class_indices(np.array([9, 2, 3]), values, Path("test"))


@pytest.mark.real_data
@pytest.mark.skipif(not (REAL / "letters-train-images-idx3-ubyte.gz").exists(), reason="DATA_DIR holds no real letters")
@pytest.mark.parametrize("part", ["train", "test"])
def test_real_letters(part):
    paths = (REAL / f"letters-{part}-{kind}-ubyte.gz" for kind in ("images-idx3", "labels-idx1"))
    images, labels = read_pair(*paths, transposed=True)
    values, names = class_names(labels)
    assert names[:3] == ("A", "B", "C")
    indices = class_indices(labels, values, REAL)
    mean = images[indices == names.index("L")].mean(0)
    assert mean[18:].sum() > 1.5 * mean[:10].sum()  # an upright L, of either case, is heavier at its foot
    mean = images[indices == names.index("T")].mean(0)
    assert mean[:, 10:18].sum() > mean[:, :10].sum() + mean[:, 18:].sum()  # and a T stands on one leg
