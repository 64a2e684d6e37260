"""Images decoded once: pixels of all splits in one file of the cache, which is mapped into memory.

N images, S the side, C channels, M images of the training split.
"""

import json
import os
import warnings
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from src.core.cache import require_array, require_range
from src.core.console import progress
from src.core.dataset import CLUSTER
from src.core.plain_data import clean, read_json
from src.data.images.clusters import clustered
from src.data.images.columns import Column
from src.data.images.labels import LABEL, Fields
from src.data.images.pixels import SIDES, Format, border, greyed, is_grey
from src.data.images.sources import Picture, Source
from src.data.images.splits import PARTS, check_classes, split_order

VERSION = 1  # to be raised whenever the same files make other images
NAMED = 1000  # damaged files by name
THREADS = min(4, os.cpu_count() or 1)  # each holds an image in full
CHUNK = 64  # images per thread that are decoded ahead
SAMPLE = 500  # images that decide on the size
WIDENED = 1000  # images that are rewritten in colour together
FITTED = {"pad": "padded to squares in the colour of their border", "crop": "cropped to their middle"}
MIDDLE = 127.5  # between dark and light


class Labelled(NamedTuple):
    """Images with the split of each, "" where none is given, and its label and other fields, if there are any."""

    source: Source
    parts: Column
    fields: Fields


@dataclass(frozen=True)
class Stored:
    """Images uint8 [N, S, S] or [N, 3, S, S] of all splits in a row, classes and other factors int64 [N], and notes.

    `notes`: `sizes` of the splits, names of the `classes` and whether they are `clusters`, numbers of images that
    were `resized` and `padded`, `damaged` files with reasons, and `light`, whether most images have a light border.
    """

    images: np.ndarray
    labels: np.ndarray
    factors: Mapping[str, np.ndarray]
    notes: Mapping[str, Any]


def fill(folder: Path, labelled: Labelled, shape: Format, colour: bool | None, num_clusters: int | None) -> None:
    """Decodes all images into `folder`; classes are clusters if their number is given.

    Raises:
        ValueError: nothing can be read, all images are alike, or there are too few.
    """
    source, parts, fields = labelled
    path, fields = source.path, {} if num_clusters else fields
    order = split_order(parts, fields.get(LABEL), path)
    lost: dict[str, list[int]] = {part: [] for part in PARTS}
    damaged: list[str] = []
    with closing(Writer(folder / "images", shape.side, colour)) as writer:
        for part, index, image in decoded(source, order, shape):
            if not isinstance(image, str):
                writer.write(image)
                continue
            lost[part].append(index)
            if len(damaged) < NAMED:
                damaged.append(f"{clean(source.name(index), 200)} ({image})")
    kept = {part: np.setdiff1d(indices, np.array(lost[part], int), True) for part, indices in order.items()}
    num, num_damaged = writer.num, sum(map(len, lost.values()))
    if not num:
        raise ValueError(f"data.path={path}: none of {num_damaged:,} images can be read, such as {damaged[0]}")
    for part, indices in kept.items():
        if not len(indices):
            raise ValueError(f"data.path={path}: no image for {part} can be read; {num_damaged:,} are damaged")
    if writer.alike:
        raise ValueError(
            f"data.path={path}: all {num:,} images are alike; if only their transparent parts differ, choose "
            "another data.background"
        )
    if num_clusters:
        images = np.memmap(folder / "images", np.uint8, "r", shape=writer.shape)
        labels_N, num_found = clustered(images, len(kept["train"]), num_clusters)
        classes, factors = [f"{CLUSTER}{number}" for number in range(num_found)], {}
    else:
        rows = np.concatenate([*kept.values()])
        factors = {name: column.of(rows) for name, column in fields.items()}
        labels_N, classes = factors.pop(LABEL)
        check_classes(path, labels_N, classes, len(kept["train"]))
    arrays = {f"factor_{name}": column.index_N.astype(np.int64) for name, column in factors.items()}
    np.savez(folder / "labels.npz", labels=labels_N.astype(np.int64), **arrays)  # type: ignore[arg-type]
    notes = writer.notes() | {
        "sizes": {part: len(indices) for part, indices in kept.items()},
        "classes": list(classes),
        "damaged": damaged,
        "num_damaged": num_damaged,
        "clusters": bool(num_clusters),
        "fitted": FITTED[shape.fit],
    }
    (folder / "notes.json").write_text(json.dumps(notes))


def read(folder: Path) -> Stored:
    """What `fill` wrote, the images memory-mapped; raises ValueError where it is not whole."""
    notes = read_json(folder / "notes.json")
    images = np.memmap(folder / "images", np.uint8, "r", shape=tuple(notes["shape"]))
    num = sum(notes["sizes"].values())
    if images.nbytes != (folder / "images").stat().st_size or len(images) != num:
        raise ValueError("its images are not whole")
    with (folder / "labels.npz").open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        found = {key: require_array(arrays[key], np.int64, (num,)) for key in arrays}
    labels_N = require_range(found.pop("labels"), 0, len(notes["classes"]) - 1)
    return Stored(images, labels_N, {key.removeprefix("factor_"): array for key, array in found.items()}, notes)


class Decoded(NamedTuple):
    """Pixels uint8 [S, S, 3], and height and width before."""

    pixels: np.ndarray
    height: int
    width: int


def decoded(source: Source, order: Mapping[str, np.ndarray], shape: Format) -> Iterator[tuple[str, int, Decoded | str]]:
    """Yields split, index and pixels of each image in turn, or instead of pixels why it is damaged."""

    def decode(place: tuple[str, int]) -> tuple[str, int, Decoded | str]:
        try:
            picture = source.open(place[1])
            size = size_of(picture)  # a JPEG file's is smaller afterwards
            return (*place, Decoded(shape.pixels(picture), *size))
        except Exception as error:  # Pillow raises many kinds for damaged files
            return (*place, reason(error))

    places = ((part, int(index)) for part, indices in order.items() for index in indices)
    total = sum(map(len, order.values()))
    with warnings.catch_warnings(), ThreadPoolExecutor(THREADS) as pool:
        warnings.simplefilter("ignore")  # Pillow's, of odd files that it reads nevertheless
        parts = iter(lambda: [*islice(places, CHUNK * THREADS)], [])
        results = (one for part in parts for one in pool.map(decode, part))
        yield from progress(results, "Reading images", total)


def suitable_side(source: Source) -> int:
    """The largest side that magnifies no more than half of the images, as a sample shows, at least the smallest one."""
    longer_sides = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as below
        for index in np.unique(np.linspace(0, len(source) - 1, SAMPLE).astype(int)):
            with suppress(Exception):  # reported when it is decoded
                longer_sides.append(max(size_of(source.open(int(index)))))
    median = sorted(longer_sides)[len(longer_sides) // 2] if longer_sides else 0
    return max((side for side in SIDES if side <= median), default=SIDES[0])


def size_of(picture: Picture) -> tuple[int, int]:
    """Height and width."""
    return picture.shape[:2] if isinstance(picture, np.ndarray) else picture.size[::-1]


def reason(error: Exception) -> str:
    """Why a file is damaged, in few words."""
    text = clean(str(error), 100)
    return "no PNG, JPEG, WebP or GIF" if "cannot identify" in text else text or type(error).__name__


class Writer:
    """Appends images to a file, [S, S] while all are grey and `colour` is not asked for, else [3, S, S]."""

    def __init__(self, path: Path, side: int, colour: bool | None):
        self.file = path.open("wb")
        self.path, self.side, self.colour = path, side, colour
        self.num = self.num_light = self.num_resized = self.num_padded = 0
        self.channels, self.alike = 3 if colour else 1, True
        self.first: np.ndarray | None = None

    def write(self, image: Decoded) -> None:
        pixels = image.pixels if self.colour is not False else greyed(image.pixels)
        self.first = pixels if self.first is None else self.first
        self.alike = self.alike and np.array_equal(pixels, self.first)
        if self.channels == 1 and not is_grey(pixels):
            self._widen()
        self.num += 1
        self.num_light += bool(np.median(border(pixels)) > MIDDLE)
        self.num_resized += {image.height, image.width} != {self.side}
        self.num_padded += image.height != image.width
        self.file.write(pixels.transpose(2, 0, 1)[: self.channels].tobytes())

    def _widen(self) -> None:
        """Rewrites the images so far, which are grey, in colour."""
        self.file.close()
        wide = self.path.with_suffix(".wide")
        with self.path.open("rb") as narrow, wide.open("wb") as file:
            while content := narrow.read(WIDENED * self.side**2):
                grey_NP = np.frombuffer(content, np.uint8).reshape(-1, self.side**2)
                file.write(np.tile(grey_NP, 3).tobytes())
        wide.replace(self.path)
        self.file, self.channels = self.path.open("ab"), 3

    def close(self) -> None:
        self.file.close()

    @property
    def shape(self) -> tuple[int, ...]:
        """Of all images in the file."""
        return (self.num, *((3,) if self.channels == 3 else ()), self.side, self.side)

    def notes(self) -> dict[str, Any]:
        return {
            "shape": list(self.shape),
            "resized": self.num_resized,
            "padded": self.num_padded,
            "light": 2 * self.num_light > self.num,
        }
