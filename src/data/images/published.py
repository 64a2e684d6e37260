"""Data sets that torchvision downloads and reads."""

import hashlib
import socket
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from torchvision import datasets

from src.core.cache import exclusive
from src.core.files import make_folder
from src.data.download import TIMEOUT
from src.data.images.arrays import channels_last
from src.data.images.columns import indexed, repeated
from src.data.images.labels import LABEL
from src.data.images.sources import Arrays, Files
from src.data.images.store import Labelled

TRAIN_OR_NOT = {"train": {"train": True}, "test": {"train": False}}
BY_NAME = {"train": {"split": "train"}, "test": {"split": "test"}}
# The arguments with which torchvision's class reads each split; what is missing is set aside from the training images.
SETS: dict[str, dict[str, dict[str, Any]]] = {
    **dict.fromkeys(("MNIST", "FashionMNIST", "KMNIST", "QMNIST", "USPS", "CIFAR10", "CIFAR100"), TRAIN_OR_NOT),
    **dict.fromkeys(("SVHN", "STL10"), BY_NAME),
    "CelebA": BY_NAME | {"val": {"split": "valid"}},
}


def load_set(name: str, root: Path, attributes: Sequence[str]) -> tuple[Labelled, str]:
    """A data set's images, splits and labels, and their digest; downloaded to `root` first if they are not there.

    Each combination of the `attributes` of CelebA is a class.

    Raises:
        ValueError: there is no such data set, or it is neither on disk nor available from the network.
    """
    if name not in SETS:
        raise ValueError(f"data.set={name} is unknown: choose from {', '.join(SETS)}")
    found = {part: available(name, root, options) for part, options in SETS[name].items()}
    parts = repeated([*found], [len(data) for data in found.values()])
    if name == "CelebA":
        names = [file for data in found.values() for file in data.filename]
        classes = indexed(text for data in found.values() for text in combinations(data, attributes))
        labelled = Labelled(Files(root / "celeba" / "img_align_celeba", names), parts, {LABEL: classes})
        return labelled, digest(labelled, [repr((str(root.resolve()), names)).encode()])
    arrays = {part: channels_last(np.asarray(data.data), f"{name}, {part}") for part, data in found.items()}
    classes = indexed(text for data in found.values() for text in class_names(data))
    labelled = Labelled(Arrays(root, arrays, dict.fromkeys(arrays, 255)), parts, {LABEL: classes})
    return labelled, digest(labelled, map(np.ascontiguousarray, arrays.values()))


def digest(labelled: Labelled, contents: Iterable[Any]) -> str:
    """SHA-256 over splits, labels, and bytes or arrays."""
    sha = hashlib.sha256()
    for column in (labelled.parts, *labelled.fields.values()):
        sha.update(repr(column.names).encode())
        sha.update(column.index_N.data)
    for content in contents:
        sha.update(content)
    return sha.hexdigest()


def class_names(data: Any) -> list[str]:
    """The class of each image; digits by their sign, not by "3 - three"."""
    targets_N = np.asarray(data.labels if hasattr(data, "labels") else data.targets)
    targets_N = targets_N[:, 0] if targets_N.ndim == 2 else targets_N  # QMNIST's tell more
    names = [name.partition(" - ")[0] for name in getattr(data, "classes", ())] or list("0123456789")
    return [names[target] for target in targets_N.tolist()]


def combinations(data: datasets.CelebA, attributes: Sequence[str]) -> list[str]:
    """The attributes that each image has and lacks, in words.

    Raises:
        ValueError: one of them is unknown, or none is given.
    """
    known = [name for name in data.attr_names if name]
    unknown = [name for name in attributes if name not in known]
    if unknown or not attributes:
        raise ValueError(f"data.attributes={list(attributes)}: choose some of {', '.join(known)}")
    has_NA = data.attr[:, [known.index(name) for name in attributes]].tolist()
    return [
        " & ".join(name if has else f"not {name}" for name, has in zip(attributes, row, strict=True)) for row in has_NA
    ]


def available(name: str, root: Path, options: dict[str, Any]) -> Any:
    """torchvision's data set, downloaded if need be by one process at a time.

    Raises:
        ValueError: it is not there and cannot be downloaded.
    """
    made = getattr(datasets, name)
    try:
        return made(root, **options)
    except Exception:  # torchvision raises many kinds for missing and damaged files
        pass
    try:
        make_folder(root, "data.root")
        with exclusive(root / f".{name}.lock", "data.root"), short_timeouts():
            return made(root, **options, download=True)
    except Exception as error:
        raise ValueError(
            f"{name} is not available: data.root={root} lacks it, or holds damaged files, and downloading it failed "
            f"({error}). Put its files there as torchvision.datasets.{name} expects them, or choose another data set"
        ) from error


@contextmanager
def short_timeouts() -> Iterator[None]:
    """Connections fail after some seconds without an answer, where torchvision sets no limit."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(max(TIMEOUT))
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
