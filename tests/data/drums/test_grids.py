import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from src.data.drums.datasets import Grids
from src.data.drums.grids import read_grids, read_voices


def patterns(num: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2, (num, 16, 9), dtype=np.uint8)


@pytest.fixture
def write(tmp_path):
    def save(**arrays):
        np.savez(tmp_path / "bars.npz", **arrays)
        return tmp_path / "bars.npz"

    return save


def test_all_three_splits(write):
    bars = {part: patterns(num, num) for part, num in (("train", 6), ("val", 3), ("test", 2))}
    styles = {"train": np.array([5, 2, 2, 9, 5, 2]), "val": np.array([9, 9, 2]), "test": np.array([5, 10])}
    path = write(
        **{f"{part}_patterns": array for part, array in bars.items()},
        **{f"{part}_styles": array for part, array in styles.items()},
        tempo=np.array(120),
    )
    grids, labels, classes = read_grids(path)
    assert classes == ("2", "5", "9", "10")
    for part, bar in bars.items():
        np.testing.assert_array_equal(grids[part], bar)
        assert [int(classes[label]) for label in labels[part]] == styles[part].tolist()
        assert (grids[part].dtype, labels[part].dtype) == (np.uint8, np.int64)


def test_train_and_val_only(write):
    names = np.array(["rock", "jazz", "rock"])
    path = write(train_patterns=patterns(3), val_patterns=patterns(1), train_styles=names, val_styles=names[:1])
    grids, labels, classes = read_grids(path)
    assert list(grids) == list(labels) == ["train", "val"]
    assert classes == ("jazz", "rock")
    assert labels["train"].tolist() == [1, 0, 1]
    assert labels["val"].tolist() == [1]


@pytest.mark.parametrize("key", ["patterns", "anything"])
@pytest.mark.parametrize("kind", [bool, np.int64, np.float32])
def test_bars_alone(write, key, kind):
    grids, labels, classes = read_grids(write(**{key: patterns(4).astype(kind)}))
    np.testing.assert_array_equal(grids["train"], patterns(4))
    assert grids["train"].dtype == np.uint8
    assert labels["train"].tolist() == [0, 0, 0, 0]
    assert classes == ("all",)


def test_patterns_with_styles(write):
    _, labels, classes = read_grids(write(patterns=patterns(3), styles=np.array([1, 0, 1], np.uint8)))
    assert labels["train"].tolist() == [1, 0, 1]
    assert labels["train"].dtype == np.int64
    assert classes == ("0", "1")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            {"patterns": np.zeros((5, 16, 33))},
            r"patterns in \S+ has shape \[5, 16, 33\]: expected \[N, T, V\] with 4 to 128 steps and 2 to 32 voices",
        ),
        ({"patterns": np.zeros((5, 144))}, r"has shape \[5, 144\]: expected \[N, T"),
        ({"bars": np.zeros((0, 16, 9))}, "bars in .* is empty"),
        ({"patterns": patterns(2) * 100}, r"holds 100: expected only 0 and 1 .* patterns > 0"),
        ({"patterns": patterns(2) * 0.25}, r"holds 0\.25: expected only 0 and 1"),
        ({"patterns": np.full((1, 16, 9), np.nan)}, "holds nan: expected only 0 and 1"),
        ({"patterns": np.full((1, 16, 9), -1)}, "holds -1: expected"),
        ({"patterns": np.full((1, 16, 9), "x")}, "has type <U1: expected numbers"),
        ({"patterns": np.full((1, 16, 9), None)}, r"patterns in .* cannot be read .*: expected a plain array"),
        ({"patterns": patterns(2), "styles": np.zeros(3, int)}, r"styles in \S+ has shape \[3\]: expected \[2\]"),
        ({"patterns": patterns(2), "styles": np.zeros((2, 1), int)}, r"has shape \[2, 1\]: expected \[2\]"),
        (
            {"patterns": patterns(2), "styles": np.zeros(2)},
            "styles in .* has type float64: expected whole numbers or text",
        ),
        (
            {"x": patterns(2), "y": np.zeros(2)},
            r"holds x \[2, 16, 9\], y \[2\]; expected train_patterns .* or patterns",
        ),
        ({"test_patterns": patterns(2), "val_patterns": patterns(2)}, "expected train_patterns"),
        ({}, "holds no arrays; expected train_patterns"),
        ({"patterns": patterns(2), "labels": np.zeros(2, int)}, "holds labels beside patterns; expected"),
        (
            {"train_patterns": patterns(2), "validation_patterns": patterns(2)},
            "holds validation_patterns beside train_patterns; expected",
        ),
        (
            {"train_patterns": patterns(2), "val_patterns": patterns(2)[:, :8]},
            r"holds train_patterns \[16, 9\], val_patterns \[8, 9\]: give all splits the same steps and voices",
        ),
        (
            {"train_patterns": patterns(2), "val_patterns": patterns(2), "train_styles": np.zeros(2, int)},
            "holds train_styles but not val_styles: give every split its styles, or none",
        ),
        (
            {
                "train_patterns": patterns(2),
                "val_patterns": patterns(2),
                "train_styles": np.zeros(2, int),
                "val_styles": np.array(["a", "b"]),
            },
            "mixes numbers and text in train_styles, val_styles",
        ),
    ],
)
def test_what_is_wrong_is_said(write, arrays, message):
    path = write(**arrays)
    with pytest.raises(ValueError, match=message) as caught:
        read_grids(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"not a zip", "npy"])
def test_other_files(tmp_path, content):
    if content == "npy":
        file = io.BytesIO()
        np.save(file, patterns(2))
        content = file.getvalue()
    (tmp_path / "bars.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"bars\.npz is not an npz file: write one with numpy\.savez"):
        read_grids(tmp_path / "bars.npz")


def test_a_damaged_archive(write):
    path = write(patterns=patterns(20))
    content = bytearray(path.read_bytes())
    content[1500] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"patterns in .* cannot be read"):
        read_grids(path)


@pytest.mark.parametrize("damage", ["directory", "member"])
def test_a_damaged_archive_is_one_message(tmp_path, damage):
    path = tmp_path / "bars.npz"
    if damage == "member":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("patterns", b"not an array")
    else:
        np.savez(path, patterns=np.zeros((5, 16, 9)))
        content = bytearray(path.read_bytes())
        content[content.rindex(b"PK\x01\x02")] = 0
        path.write_bytes(content)
    with pytest.raises(ValueError, match=r"bars\.npz"):
        read_grids(path)


HOMEWORK = ["kick", "snare", "closed hat", "open hat", "low tom", "high tom", "crash", "ride", "clap"]


def grids_of(path: Path, voices: list | None = None, steps_per_beat: int | None = None) -> Grids:
    chosen = {"voices": voices, "steps_per_beat": steps_per_beat}
    data = Grids(path=str(path), **chosen, root=".", budget=1, batch_size=1, seed=0, stack=1)
    data.setup()
    return data


def hits(data: Grids) -> dict[str, int]:
    """How often each voice is hit in all bars."""
    counts = sum(split.images.long().sum((0, 1)) for split in data.splits.values())
    return {voice.name: count for voice, count in zip(data.spec.kit, counts.tolist(), strict=True)}


@pytest.mark.parametrize("where", ["command", "file", "notes"])
def test_columns_follow_their_names(write, where: str):
    """Column i is hit in i bars."""
    bars = np.zeros((30, 16, 9), np.uint8)
    for column in range(9):
        bars[:column, 0, column] = 1
    names = {"file": HOMEWORK, "notes": [36, 38, 42, 46, 45, 50, 49, 51, 39]}.get(where)
    path = write(bars=bars, **({"voices": np.array(names)} if names else {}))
    data = grids_of(path, HOMEWORK if where == "command" else None)
    assert hits(data) == {name: column for column, name in enumerate(HOMEWORK)}
    assert data.spec.voices[4:7] == ("low tom", "clap", "high tom")


def test_the_assumed_order_is_said_and_unknown_names_are_too(write, caplog):
    path = write(patterns=patterns(30))
    with caplog.at_level("INFO"):
        assert grids_of(path).spec.voices == ()
    assert "columns taken as kick, snare, closed hat, open hat, low tom, mid tom, high tom, crash, ride" in caplog.text
    assert "data.voices=" in caplog.text
    caplog.clear()
    with caplog.at_level("INFO"):
        grids_of(path, [*HOMEWORK[:8], "gong"])
    assert [record.message.partition(": ")[2] for record in caplog.records] == [
        "16 steps taken as 4 beats of 4; data.steps_per_beat= says otherwise.",
        "gong is no percussion of General MIDI and is played as mid tom.",
    ]


def test_names_in_a_file_that_do_not_fit_raise(write):
    path = write(patterns=patterns(30), voices=np.array(HOMEWORK[:3]))
    with pytest.raises(ValueError, match=r"voices in \S+bars.npz names 3 voices, the patterns have 9"):
        grids_of(path)
    with pytest.raises(ValueError, match=r"voices in \S+ has type float64"):
        read_voices(write(patterns=patterns(3), voices=np.zeros(9)))
