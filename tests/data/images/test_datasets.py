"""Images as a data set: splits, classes, sizes, colour, ink, clusters and the cache."""

import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from src.data.images import store
from src.data.spec import Split
from tests.data.images.conftest import drawn

REAL = Path(os.environ.get("DATA_DIR", "data")) / "emoji"


def numbers(split: Split) -> list[int]:
    return (split.images[:, 14, 14].int() - 60).tolist()


def test_a_folder_of_classes(folder, images):
    data = images(folder)
    assert data.spec.classes == ("cats", "dogs", "eels")
    assert (data.spec.name, data.spec.source) == ("pictures", "pictures")
    assert (data.spec.shape, data.spec.dark_ink) == ((1, 28, 28), False)
    assert data.spec.sizes == {"train": 25, "val": 2, "test": 3}
    for split in data.splits.values():
        assert [number % 3 for number in numbers(split)] == split.labels.tolist()
        assert split.images.dtype == torch.uint8
    assert sorted(number for split in data.splits.values() for number in numbers(split)) == list(range(30))
    assert set(data.splits["test"].labels.tolist()) == {0, 1, 2}, "classes are held out alike"


def test_the_folder_one_is_in_has_its_name(folder, images, monkeypatch):
    monkeypatch.chdir(folder)
    assert images(".").spec.name == "pictures"


def test_a_folder_here_goes_before_the_root_s_and_that_is_said(folder, images, monkeypatch, caplog):
    here = folder.parent / "here"
    shutil.copytree(folder, here / "pictures")
    monkeypatch.chdir(here)
    images("pictures")
    assert f"data.path=pictures: {here / 'pictures'} is read, not {folder};" in caplog.text


@pytest.mark.parametrize("val", ["val", None])
def test_given_splits(folder, images, val):
    root = folder.parent / "split"
    for part in filter(None, ("train", val, "test")):
        (root / part).mkdir(parents=True)
        for name in ("cats", "dogs", "eels"):
            for path in sorted((folder / name).glob(f"*[{dict(train='0-5', val='6-7', test='89')[part]}].png")):
                (root / part / name).mkdir(exist_ok=True)
                path.rename(root / part / name / path.name)
    sizes = images(root).spec.sizes
    assert sizes == ({"train": 18, "val": 6, "test": 6} if val else {"train": 17, "val": 1, "test": 6})


def test_the_homework_s_files(tmp_path, images):
    place = tmp_path / "fonts"
    place.mkdir()
    (place / "metadata.json").write_text("{}")
    for number in range(40):
        name = f"{'AB'[number % 2]}_{['bold', 'thin', 'serif'][number % 3]}_{number:04}.png"
        Image.fromarray(255 - drawn(number)).save(place / name)
    data = images("fonts", label="{label}_{style}_*")
    assert data.spec.classes == ("A", "B")
    assert data.spec.dark_ink
    order = data.held_out("test").images[:, 0, 14, 14].tolist()
    wanted = [(0, 2, 1)[(255 - value - 60) % 3] for value in order]  # of bold, thin, serif in the alphabet
    assert data.known_factors("test")["style"].tolist() == wanted
    assert images("fonts", label="{label}_*").spec.classes == ("A", "B")


def test_labels_beside_the_images(folder, images):
    (folder / "labels.csv").write_text("file,label\n" + "".join(f"{n:02}.png,{n % 2}\n" for n in range(30)))
    data = images(folder, labels="labels.csv")
    assert data.spec.classes == ("0", "1")
    assert [number % 2 for number in numbers(data.splits["train"])] == data.splits["train"].labels.tolist()


def zipped(folder: Path, path: Path, around: str = "") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*.png")):
            archive.write(file, f"{around}{file.relative_to(folder)}")
        archive.writestr("__MACOSX/pictures/cats/._00.png", b"resource fork")
        archive.writestr(f"{around}README.txt", "no image")
    return path


@pytest.mark.parametrize("around", ["", "pictures/"])
def test_an_archive_is_the_same_data(folder, images, around):
    assert images(zipped(folder, folder.parent / "a.zip", around)).spec.digest == images(folder).spec.digest


@pytest.mark.parametrize(
    "change",
    [
        lambda array: array,
        lambda array: array[:, None],
        lambda array: array[..., None],
        lambda array: array / 255,
        lambda array: array.astype(np.uint16) * 257,
        lambda array: array.astype(np.int64),
        lambda array: array[..., None].repeat(3, -1),
    ],
)
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays(tmp_path, images, change, save):
    array = np.stack([drawn(number) for number in range(30)])
    save(tmp_path / "a.npz", images=change(array), labels=np.arange(30) % 3)
    data = images("a.npz")
    assert data.spec.shape == (1, 28, 28)
    assert data.spec.classes == ("0", "1", "2")
    for split in data.splits.values():
        assert [number % 3 for number in numbers(split)] == split.labels.tolist()


def test_arrays_with_splits(tmp_path, images):
    array = np.stack([drawn(number) for number in range(30)])
    parts = {"train": slice(0, 20), "val": slice(20, 24), "test": slice(24, 30)}
    arrays = {f"{part}_images": array[rows] for part, rows in parts.items()}
    arrays |= {f"{part}_labels": np.arange(30)[rows, None] % 2 for part, rows in parts.items()}
    np.savez(tmp_path / "a.npz", **arrays)
    data = images("a.npz")
    assert {part: numbers(split) for part, split in data.splits.items()} == {
        "train": list(range(20)),
        "val": [20, 21, 22, 23],
        "test": list(range(24, 30)),
    }


def test_a_bare_array_with_labels_in_another(tmp_path, images):
    np.save(tmp_path / "a.npy", np.stack([drawn(number) for number in range(30)]))
    np.save(tmp_path / "b.npy", np.array(["x", "y"])[np.arange(30) % 2])
    assert images("a.npy", labels="b.npy").spec.classes == ("x", "y")


def test_classes_that_are_numbers_are_in_their_order(tmp_path, images):
    np.savez(tmp_path / "a.npz", images=np.stack([drawn(number) for number in range(48)]), labels=np.arange(48) % 12)
    assert images("a.npz").spec.classes == tuple(map(str, range(12)))


def test_colour(folder, images):
    assert images(folder, colour=True).spec.shape == (3, 28, 28)
    Image.new("RGB", (28, 28), (90, 91, 90)).save(folder / "cats" / "50.png")
    data = images(folder)
    assert (data.spec.shape, data.spec.colour) == ((3, 28, 28), True)
    assert data.splits["train"].images.shape == (26, 3, 28, 28)
    assert images(folder, colour=False).spec.shape == (1, 28, 28)
    with pytest.raises(ValueError, match=r"data\.stack=2"):
        images(folder, stack=2)
    assert images(folder, stack=2, colour=False).spec.shape == (2, 28, 28)


@pytest.mark.parametrize(("side", "chosen"), [(16, 28), (31, 28), (32, 32), (63, 32), (64, 64), (200, 64)])
def test_the_size_suits_the_images(tmp_path, images, side, chosen):
    np.savez(tmp_path / "a.npz", images=np.stack([drawn(n, side) for n in range(30)]), labels=np.arange(30) % 2)
    assert images("a.npz").spec.shape == (1, chosen, chosen)
    assert images("a.npz", size=28).spec.shape == (1, 28, 28)


def test_mixed_sizes(folder, images, caplog):
    Image.new("L", (100, 50), 200).save(folder / "cats" / "wide.png")
    caplog.set_level("INFO")
    images(folder)
    assert "1 were resized, 1 of them padded" in caplog.text


def test_dark_ink(folder, images):
    for path in folder.rglob("*.png"):
        Image.fromarray(255 - np.asarray(Image.open(path))).save(path)
    assert images(folder).spec.dark_ink
    assert not images(folder, dark_ink=False).spec.dark_ink
    assert not images(folder, colour=True).spec.dark_ink


def test_clusters(tmp_path, images, caplog):
    generator = np.random.default_rng(0)
    kinds = generator.integers(0, 3, 90)
    array = generator.integers(0, 30, (90, 28, 28)).astype(np.uint8)
    for kind in range(3):
        array[kinds == kind, 9 * kind : 9 * kind + 9] += 200
    np.save(tmp_path / "a.npy", array)
    data = images("a.npy", classes=3)
    assert data.spec.classes == ("cluster 0", "cluster 1", "cluster 2")
    assert "not known classes" in caplog.text
    whole = torch.cat([split.images for split in data.splits.values()])
    labels = torch.cat([split.labels for split in data.splits.values()])
    truth = torch.stack([whole[:, 9 * kind : 9 * kind + 9].float().mean((1, 2)) for kind in range(3)], 1).argmax(1)
    assert len({*zip(truth.tolist(), labels.tolist(), strict=True)}) == 3, "a cluster per kind"
    counts = data.splits["train"].labels.bincount()
    assert counts.tolist() == sorted(counts.tolist(), reverse=True)
    shutil.rmtree(tmp_path / "cache")
    assert images("a.npy", classes=3).spec.digest == data.spec.digest


def test_clusters_take_the_place_of_classes(folder, images):
    assert images(folder, classes=2).spec.classes == ("cluster 0", "cluster 1")


# Damage


def test_damaged_files_are_left_out_and_named(folder, images, caplog):
    whole = (folder / "cats" / "00.png").read_bytes()
    (folder / "cats" / "00.png").write_bytes(whole[:-30])
    (folder / "dogs" / "empty.png").touch()
    (folder / "eels" / "text.jpg").write_text("no image")
    data = images(folder)
    assert sum(data.spec.sizes.values()) == 29
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert all(name in line for name in ("3 of 32", "cats/00.png", "dogs/empty.png", "eels/text.jpg"))
    caplog.clear()
    images(folder)
    assert "cats/00.png" in caplog.text, "also of those in the cache"


def test_other_files_and_hidden_ones_are_no_images(folder, images):
    (folder / "cats" / "notes.txt").write_text("x")
    (folder / "cats" / "._00.png").write_bytes(b"x")
    (folder / ".git").mkdir()
    (folder / ".git" / "0.png").write_bytes(b"x")
    assert sum(images(folder).spec.sizes.values()) == 30


def test_a_link_within_the_folder_is_followed(folder, images):
    (folder / "cats" / "link.png").symlink_to("00.png")
    assert sum(images(folder).spec.sizes.values()) == 31


# The cache


def test_decoded_once(folder, images, monkeypatch):
    first = images(folder)
    monkeypatch.setattr(store.Format, "pixels", lambda *_: pytest.fail("decoded again"))
    again = images(folder)
    assert again.spec == first.spec
    assert torch.equal(again.splits["val"].images, first.splits["val"].images)


def test_changed_files_are_read_anew(folder, images):
    before = images(folder).spec.digest
    Image.fromarray(drawn(99)).save(folder / "cats" / "00.png")
    assert images(folder).spec.digest != before


@pytest.mark.parametrize("name", ["images", "labels.npz", "notes.json"])
@pytest.mark.parametrize("change", [lambda content: content[:-1], lambda content: b"", lambda content: None])
def test_a_damaged_cache_is_made_anew(folder, images, tmp_path, name, change):
    before = images(folder).spec
    (path,) = (tmp_path / "cache").glob(f"images-*/{name}")
    content = change(path.read_bytes())
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    assert images(folder).spec == before


def test_nothing_unfinished_is_left_behind(folder, images, tmp_path):
    images(folder)
    (folder / "lone.png").write_bytes((folder / "cats" / "00.png").read_bytes())
    with pytest.raises(ValueError, match=r"lone\.png"):
        images(folder)
    assert sorted(path.suffix for path in (tmp_path / "cache").iterdir()) == ["", ".lock", ".lock"]


def test_images_are_mapped_into_memory(folder, images, tmp_path):
    split = images(folder).splits["train"]
    (path,) = (tmp_path / "cache").glob("images-*/images")
    with path.open("r+b") as file:
        file.write(b"\x07")
    assert split.images[0, 0, 0] == 7


@pytest.mark.real_data
@pytest.mark.skipif(not REAL.exists(), reason="DATA_DIR holds no emoji")
def test_emoji(images):
    data = images(REAL, size=32)
    assert data.spec.classes[1] == "Animals & Nature"
    assert sum(data.spec.sizes.values()) == 1870
    assert data.spec.shape == (3, 32, 32)
    white = (data.splits["train"].images[:, :, 0, 0] == 255).all(1)
    assert white.float().mean() > 0.8, "transparent corners"
