"""EMNIST (Cohen et al. 2017, arXiv:1702.05373) in the files that torchvision downloads."""

import gzip
import shutil
import string
from pathlib import Path
from typing import NamedTuple

import numpy as np
from torchvision.datasets import EMNIST

from src.core.cache import exclusive
from src.core.files import temporary_folder
from src.data.download import fetch_archive
from src.data.letters.idx import class_indices, read_pair

SOURCES = ("auto", "emnist")
PARTS = ("train", "test")
KINDS = ("images-idx3", "labels-idx1")


class EMNISTUnavailableError(ValueError):
    """EMNIST is neither on disk nor available from the network; another data set may replace it."""


class EMNISTArrays(NamedTuple):
    """One split of EMNIST, upright: images uint8 [N, 28, 28], labels int64 [N] in 0..K−1, K class names."""

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    classes: tuple[str, ...]


def load_emnist(root: Path, split: str, source: str = "auto") -> EMNISTArrays:
    """A split of EMNIST from `root`/EMNIST/raw, downloaded first if files are missing there.

    Files may be gzipped, and `root` may be read-only if they are complete. One process at a time downloads. What cannot
    be downloaded raises EMNISTUnavailableError with source "auto", ValueError with "emnist".
    """
    if split not in EMNIST.splits:
        raise ValueError(f"data.split={split} is unknown: choose from {', '.join(EMNIST.splits)}")
    if source not in SOURCES:
        raise ValueError(f"data.source={source} is unknown: choose from {', '.join(SOURCES)}")
    raw = Path(root) / "EMNIST" / "raw"
    if _missing(raw, split):
        try:
            _fetch(raw.parent, split)
        except OSError as error:
            missing = _missing(raw, split)
            listed = ", ".join(missing)
            if len(missing) == len(PARTS) * len(KINDS):
                listed = f"emnist-{split}-{{{','.join(PARTS)}}}-{{{','.join(KINDS)}}}-ubyte"
            message = (
                f"EMNIST {split} is not available: data.root={root} lacks EMNIST/raw/{listed} "
                f"and downloading {EMNIST.url} failed ({error}). "
                f"Put the files into {raw}, gzipped or not, or choose data=strokes"
            )
            if source == "emnist":
                raise ValueError(f"{message} or data.source=auto") from error
            raise EMNISTUnavailableError(message) from error
    letters = split == "letters"  # whose raw 0 is a dummy, and whose labels stand for both cases
    classes = tuple(string.ascii_uppercase if letters else EMNIST.classes_split_dict[split])

    def read(part: str) -> tuple[np.ndarray, np.ndarray]:
        images, labels = filter(None, (_present(raw, name) for name in _names(split, part)))
        images_NHW, labels_N = read_pair(images, labels, transposed=True)
        return images_NHW, class_indices(labels_N, np.arange(len(classes)) + int(letters), labels)

    return EMNISTArrays(*read("train"), *read("test"), classes)


def _names(split: str, part: str) -> list[str]:
    return [f"emnist-{split}-{part}-{kind}-ubyte" for kind in KINDS]


def _present(raw: Path, name: str) -> Path | None:
    return next((path for path in (raw / name, raw / f"{name}.gz") if path.exists()), None)


def _missing(raw: Path, split: str) -> list[str]:
    return [name for part in PARTS for name in _names(split, part) if _present(raw, name) is None]


def _fetch(folder: Path, split: str) -> None:
    """Downloads EMNIST, every split, into `folder`/raw: one process at a time, each file appears complete.

    Files that are there already, such as the user's, stay as they are.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with exclusive(folder / ".lock", "data.root"):
        if not _missing(folder / "raw", split):
            return  # another process was faster
        with temporary_folder(folder / ".unfinished") as scratch:
            fetch_archive(EMNIST.url, f"md5:{EMNIST.md5}", scratch)
            (folder / "raw").mkdir(exist_ok=True)
            for packed in (scratch / "gzip").glob("*-ubyte.gz"):
                if _present(folder / "raw", packed.stem) is None:
                    with gzip.open(packed) as source, (scratch / packed.stem).open("wb") as target:
                        shutil.copyfileobj(source, target)
                    (scratch / packed.stem).rename(folder / "raw" / packed.stem)
