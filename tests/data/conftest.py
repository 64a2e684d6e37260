"""Small files in the forms of EMNIST and of the Groove MIDI Dataset, and what has to be read from them."""

import csv
import gzip
import io
import struct
from collections.abc import Callable
from pathlib import Path

import mido
import numpy as np
import pytest

from src.data.drums.groove import GrooveBars
from src.data.letters.emnist import EMNISTArrays

EMNIST_SIZES = {"train": 60, "test": 30}
PLAYED = {"b.mid": ("drummer2", 85), "c.mid": ("drummer10", 99.5)}  # else by drummer1, at 120
EMNIST_CLASSES = {"letters": 26, "digits": 10, "balanced": 47}


def idx_bytes(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(np.uint8).tobytes()


def upright_images(count: int) -> np.ndarray:
    """Every image an L with its corner at the lower left, in its own grey."""
    images = np.zeros((count, 28, 28), np.uint8)
    images[:, 2:26, 5] = images[:, 25, 5:20] = 1 + np.arange(count)[:, None]
    return images


@pytest.fixture
def emnist_files() -> Callable[[str], dict[str, bytes]]:
    """The four files of a split in EMNIST's conventions: transposed, letters counted from 1."""

    def make(split: str) -> dict[str, bytes]:
        files = {}
        for part, count in EMNIST_SIZES.items():
            labels = np.arange(count) % EMNIST_CLASSES[split] + (split == "letters")
            stem = f"emnist-{split}-{part}"
            files[f"{stem}-images-idx3-ubyte"] = idx_bytes(upright_images(count).transpose(0, 2, 1))
            files[f"{stem}-labels-idx1-ubyte"] = idx_bytes(labels)
        return files

    return make


@pytest.fixture
def put_emnist(emnist_files, tmp_path) -> Callable[..., Path]:
    """Puts a split's files below `tmp_path` as torchvision would, and returns their folder."""

    def write(split: str, gzipped: bool = False) -> Path:
        raw = tmp_path / "EMNIST" / "raw"
        raw.mkdir(parents=True, exist_ok=True)
        for name, content in emnist_files(split).items():
            path, content = (raw / f"{name}.gz", gzip.compress(content)) if gzipped else (raw / name, content)
            path.write_bytes(content)
        return raw

    return write


@pytest.fixture
def check_emnist() -> Callable[[EMNISTArrays, str], None]:
    def check(data: EMNISTArrays, split: str) -> None:
        assert len(data.classes) == EMNIST_CLASSES[split]
        for part, count in EMNIST_SIZES.items():
            images, labels = getattr(data, f"{part}_images"), getattr(data, f"{part}_labels")
            np.testing.assert_array_equal(images, upright_images(count))
            np.testing.assert_array_equal(labels, np.arange(count) % EMNIST_CLASSES[split])
            assert (images.dtype, labels.dtype) == (np.uint8, np.int64)

    return check


@pytest.fixture
def midi() -> Callable[..., bytes]:
    """Makes a recording with hits at (tick, note), each released shortly after."""

    def make(hits: list[tuple[int, int]], beat: int = 480, velocity: int = 90) -> bytes:
        messages = [(tick, "note_on", note, velocity) for tick, note in hits]
        messages += [(tick + 10, "note_off", note, 64) for tick, note in hits]
        part, now = mido.MidiTrack(), 0
        part.append(mido.MetaMessage("time_signature", numerator=4, denominator=4))
        for tick, kind, note, strength in sorted(messages):
            part.append(mido.Message(kind, channel=9, note=note, velocity=strength, time=tick - now))
            now = tick
        file = io.BytesIO()
        mido.MidiFile(type=0, ticks_per_beat=beat, tracks=[part]).save(file=file)
        return file.getvalue()

    return make


@pytest.fixture
def groove_files(midi) -> dict[str, tuple[str, str, str, bytes]]:
    """Name: split, style, time signature, content."""
    return {
        "a.mid": ("train", "rock", "4-4", midi([(0, 36), (480, 38), (2400, 42)])),
        "b.mid": ("train", "jazz/swing", "4-4", midi([(0, 51), (1, 51), (60, 44)])),
        "c.mid": ("validation", "rock/pop", "4-4", midi([(7680, 49)])),
        "d.mid": ("test", "jazz", "4-4", midi([(1900, 36)])),
        "e.mid": ("test", "waltz", "3-4", midi([(0, 36)])),
    }


@pytest.fixture
def write_groove(groove_files) -> Callable[..., Path]:
    """Fills a folder with recordings and their info.csv, and returns it."""

    def write(folder: Path, files: dict = groove_files) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "info.csv").open("w", newline="") as file:
            lines = csv.writer(file)
            lines.writerow(["drummer", "style", "bpm", "time_signature", "midi_filename", "split"])
            for name, (split, style, signature, content) in files.items():
                drummer, bpm = PLAYED.get(name, ("drummer1", 120))
                lines.writerow([drummer, style, bpm, signature, name, split])
                (folder / name).write_bytes(content)
        return folder

    return write


@pytest.fixture
def check_groove() -> Callable[[GrooveBars], None]:
    def check(loaded: GrooveBars) -> None:
        assert loaded.classes == ("jazz", "rock")
        assert {split: len(grids) for split, grids in loaded.grids.items()} == {"train": 3, "val": 1, "test": 1}
        hits = {split: [tuple(map(int, hit)) for hit in np.argwhere(grids)] for split, grids in loaded.grids.items()}
        assert hits["train"] == [(0, 0, 0), (0, 4, 1), (1, 4, 2), (2, 0, 8), (2, 1, 2)]
        assert hits["val"] == [(0, 0, 7)]  # four bars of silence are dropped
        assert hits["test"] == [(0, 0, 0)]  # just before the bar line
        assert {split: styles.tolist() for split, styles in loaded.styles.items()} == {
            "train": [1, 1, 0],
            "val": [1],
            "test": [0],
        }
        assert loaded.drummer_names == ("drummer1", "drummer10", "drummer2")
        drummers = {split: array.tolist() for split, array in loaded.drummers.items()}
        assert drummers == {"train": [0, 0, 2], "val": [1], "test": [0]}
        tempos = {split: array.tolist() for split, array in loaded.tempos.items()}
        assert tempos == {"train": [120, 120, 85], "val": [99.5], "test": [120]}
        assert {array.dtype for array in loaded.grids.values()} == {np.dtype(np.uint8)}
        indices = [*loaded.styles.values(), *loaded.drummers.values()]
        assert {array.dtype for array in indices} == {np.dtype(np.int64)}
        assert (loaded.damaged, loaded.unknown) == ((), {})

    return check
