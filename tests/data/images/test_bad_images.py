"""What cannot be read ends in one line that names it and says what is wrong."""

import io
import json
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from PIL import Image

from src.core.errors import USER_ERRORS, message
from tests.data.images.conftest import drawn
from tests.foreign import foreign, fuzzed

Make = Callable[[Path], Any]
GREY = np.stack([drawn(number) for number in range(30)])
LABELS = np.arange(30) % 3


def png(number: int = 0) -> bytes:
    file = io.BytesIO()
    Image.fromarray(drawn(number)).save(file, "PNG")
    return file.getvalue()


def files(place: Path, names: dict[str, bytes]) -> None:
    for name, content in names.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(content)


def classes(num: int, *names: str) -> dict[str, bytes]:
    return {f"x/{name}/{number}.png": png(number) for name in names for number in range(num)}


def flat(num: int = 30) -> dict[str, bytes]:
    return {f"x/{number}.png": png(number) for number in range(num)}


def link(place: Path) -> None:
    files(place, classes(10, "a", "b"))
    (place / "secret.png").write_bytes(png())
    (place / "x" / "a" / "link.png").symlink_to(place / "secret.png")


def linked_folder(place: Path) -> None:
    files(place, classes(10, "a", "b") | {"elsewhere/1.png": png()})
    (place / "x" / "c").symlink_to(place / "elsewhere")


def archive(place: Path, **members: bytes) -> zipfile.ZipFile:
    with zipfile.ZipFile(place / "x.zip", "w") as file:
        for name, content in (classes(10, "a", "b") | members).items():
            file.writestr(name, content)


def link_in_archive(place: Path) -> None:
    member = zipfile.ZipInfo("a/link.png")
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(place / "x.zip", "w") as file:
        file.writestr(member, "/etc/passwd")


def encrypted(place: Path) -> None:
    archive(place)
    content = bytearray((place / "x.zip").read_bytes())
    for sign, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        start = -1
        while (start := content.find(sign, start + 1)) >= 0:
            content[start + offset] |= 1
    (place / "x.zip").write_bytes(content)


def truncated(place: Path) -> None:
    npz(images=GREY)(place)
    (place / "x.npz").write_bytes((place / "x.npz").read_bytes()[:-99])


def put(names: dict[str, bytes]) -> Make:
    return lambda place: files(place, names)


def npz(**arrays: np.ndarray) -> Make:
    return lambda place: np.savez(place / "x.npz", **arrays)


def packed(**members: bytes) -> Make:
    return lambda place: archive(place, **members)


# What there is, the options, and what the message holds.
NPZ, ZIP, CSV, JSON = {"path": "x.npz"}, {"path": "x.zip"}, {"labels": "y.csv"}, {"labels": "y.json"}
BAD: dict[str, tuple[Make, dict[str, Any], tuple[str, ...]]] = {
    "nothing there": (lambda place: None, {}, ("data.path=x", "data.root")),
    "an empty folder": (lambda place: (place / "x").mkdir(), {}, ("x holds no images", "PNG")),
    "a folder without images": (put({"x/a/1.txt": b"", "x/b/1.tiff": b""}), {}, ("x holds no images",)),
    "no classes": (put(flat()), {}, ("no classes", "data.label", "data.labels", "data.classes=50")),
    "one class": (
        put({f"x/train/a/{n}.png": png(n) for n in range(30)} | {"x/test/a/1.png": png()}),
        {},
        ("all images are of one class, a", "data.classes"),
    ),
    "images beside the classes": (put(classes(5, "a", "b") | {"x/lone.png": png()}), {}, ("lone.png",)),
    "too few images": (put(classes(2, "a", "b")), {}, ("4 images of 2 classes are too few", "test")),
    "all alike": (put({f"x/{c}/{n}.png": png() for c in "ab" for n in range(9)}), {}, ("all 18", "alike")),
    "all damaged": (
        put({f"x/{c}/{n}.png": png()[:60] for c in "ab" for n in range(9)}),
        {},
        ("none of 18 images", "a/0.png"),
    ),
    "no image at all": (
        put({f"x/{c}/{n}.jpg": b"text" for c in "ab" for n in range(9)}),
        {},
        ("a/0.jpg", "no PNG, JPEG"),
    ),
    "a class in test alone": (
        put({f"x/train/{c}/{n}.png": png(n) for c in "ab" for n in range(9)} | {"x/test/c/1.png": png(1)}),
        {},
        ("no training image", "class c"),
    ),
    "a single image": (put({"x.png": png()}), {"path": "x.png"}, ("x.png", "single image", "folder")),
    "an archive of another kind": (put({"x.tar.gz": b"\x1f\x8b"}), {"path": "x.tar.gz"}, ("x.tar.gz", "zip")),
    "an IDX file": (put({"x": b"\0\0\x08\x03"}), {}, ("data.path=x", "data=idx")),
    "a link out": (link, {}, ("a/link.png", "leads out of")),
    "a linked folder": (linked_folder, {}, ("x/c", "leads out of")),
    "a zip archive that is none": (put({"x.zip": b"PK\3\4 no archive"}), ZIP, ("x.zip",)),
    "a path out of a zip archive": (packed(**{"../out.png": png()}), ZIP, ("../out.png",)),
    "a Windows path out": (packed(**{"a\\..\\..\\out.png": png()}), ZIP, ("x.zip", "leads out")),
    "an absolute path": (packed(**{"/etc/out.png": png()}), ZIP, ("/etc/out.png",)),
    "a link in a zip archive": (link_in_archive, ZIP, ("a/link.png", "link")),
    "an encrypted archive": (encrypted, ZIP, ("x.zip", "encrypted")),
    "a zip archive without images": (lambda place: zipfile.ZipFile(place / "x.zip", "w").close(), ZIP, ("no images",)),
    "an npz file with objects": (npz(images=np.array([object()] * 9)), NPZ, ("images in", "x.npz", "Python objects")),
    "an npz file of texts": (npz(images=GREY.astype(str)), NPZ, ("images in", "type <U")),
    "an npz file that is none": (put({"x.npz": b"no archive"}), NPZ, ("x.npz",)),
    "a truncated npz file": (truncated, NPZ, ("x.npz",)),
    "unnamed arrays": (npz(a=GREY, b=GREY), NPZ, ("a [30, 28, 28], b", "expected images")),
    "two dimensions": (npz(images=GREY[:, 0], labels=LABELS), NPZ, ("[30, 28]", "[N, H, W]")),
    "five channels": (npz(images=GREY[..., None].repeat(5, -1)), NPZ, ("[30, 28, 28, 5]",)),
    "no rows": (npz(images=GREY[:0], labels=LABELS[:0]), NPZ, ("is empty", "[0, 28, 28]")),
    "values below 0": (npz(images=GREY / 127.5 - 1, labels=LABELS), NPZ, ("from -1", "0 to 1")),
    "no numbers": (npz(images=np.full(GREY.shape, np.nan), labels=LABELS), NPZ, ("NaN",)),
    "large values": (npz(images=GREY.astype(int) * 9, labels=LABELS), NPZ, ("0 to 801",)),
    "fewer labels": (npz(images=GREY, labels=LABELS[:7]), NPZ, ("labels in", "[7]", "[30]")),
    "labels of parts": (npz(images=GREY, labels=LABELS / 2), NPZ, ("labels in", "float64")),
    "labels of one split": (
        npz(train_images=GREY, test_images=GREY, train_labels=LABELS),
        NPZ,
        ("train_labels but not test_labels",),
    ),
    "a pattern for an npz file": (npz(images=GREY), NPZ | {"label": "{label}"}, ("data.label={label}", "npz")),
    "an npy file that is none": (put({"x.npy": b"\x93NUMPY"}), {"path": "x.npy"}, ("x.npy", "plain array")),
    "a table that is not there": (put(flat()), CSV, ("data.labels=y.csv",)),
    "a folder for a table": (put(flat()), {"labels": "x"}, ("data.labels=x", "folder")),
    "a table without labels": (
        put(flat() | {"y.csv": b"file,weight\n1.png,3\n"}),
        CSV,
        ("y.csv", "no column label", "file, weight"),
    ),
    "a table without files": (put(flat() | {"y.csv": b"label,weight\nx,3\n"}), CSV, ("y.csv", "no column file")),
    "an empty table": (put(flat() | {"y.csv": b""}), CSV, ("y.csv",)),
    "a table of other files": (
        put(flat() | {"y.csv": b"file,label\nz.png,a\n"}),
        CSV,
        ("30 of 30 images", "0.png", "z.png"),
    ),
    "no JSON": (put(flat() | {"y.json": b"{"}), JSON, ("y.json", "no JSON")),
    "JSON of another kind": (put(flat() | {"y.json": b"[1, 2]"}), JSON, ("y.json", "label")),
    "a table of many bytes": (
        put(flat() | {"y.json": json.dumps("x" * 10_000_000).encode()}),
        JSON,
        ("y.json", "larger"),
    ),
    "a pattern without the class": (put(flat()), {"label": "{style}_*"}, ("data.label={style}_*", "{label}")),
    "a field without a name": (put(flat()), {"label": "{label}_{}"}, ("data.label={label}_{}", "name")),
    "a pattern that does not match": (put(flat()), {"label": "{label}_*"}, ("data.label", "0.png")),
    "a pattern and a table": (put(flat()), {"label": "{label}", "labels": "y"}, ("data.label={label}",)),
    "another size": (put(flat()), {"size": 48}, ("data.size=48", "28, 32, 64")),
    "no colour": (put(flat()), {"background": "checked"}, ("data.background=checked", "white")),
    "a single cluster": (put(flat()), {"classes": 1}, ("data.classes=1", "at least 2")),
    "more clusters than images": (put(flat()), {"classes": 500}, ("data.classes=500", "fewer")),
}


@pytest.mark.parametrize("name", BAD)
def test_one_line(tmp_path, images, name):
    make, options, expected = BAD[name]
    make(tmp_path)
    with pytest.raises(USER_ERRORS) as raised:
        images(**({"path": "x"} | options))
    said = message(raised.value)
    assert all(text in said for text in expected), said
    assert len(said) < 600
    assert not [path for path in tmp_path.glob("cache/*") if path.is_dir()], "nothing half-written"


def reading(images: Callable, path: Path, **options: Any) -> None:
    """Reads a stranger's file, or ends in an error that names it."""
    try:
        data = images(path, **options)
    except USER_ERRORS as error:
        if path.name not in str(error) and "data." not in str(error):
            raise
    else:
        assert data.spec.shape[1:] == (28, 28)


@pytest.mark.usefixtures("modest_memory")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["zip", "npz", "png"])
def test_foreign_files(tmp_path, images, kind):
    archive(tmp_path)
    npz(images=GREY, labels=LABELS)(tmp_path)
    good = {"zip": tmp_path / "x.zip", "npz": tmp_path / "x.npz"}
    whole = good[kind].read_bytes() if kind in good else png(3)
    files(tmp_path, classes(10, "a", "b"))
    path = good.get(kind, tmp_path / "x" / "a" / "0.png")

    @fuzzed
    @given(foreign(whole))
    def check(content: bytes) -> None:
        path.write_bytes(content)
        reading(images, tmp_path / "x" if kind == "png" else path, size=28)

    check()
