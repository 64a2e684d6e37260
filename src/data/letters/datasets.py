"""Characters as LightningDataModules: EMNIST, drawn pen strokes, typeset capitals, and the user's IDX files."""

import string
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from lightning.pytorch.utilities import rank_zero_warn

from src.core.cache import cached_arrays, require_array
from src.data.letters import strokes, typeset
from src.data.letters.emnist import EMNISTUnavailableError, load_emnist
from src.data.letters.idx import class_indices, class_names, read_pair
from src.data.module import TEST_SHARE, VAL_SHARE, Loaded, ResidentData, split_off
from src.data.spec import Split

STROKE_CHARACTERS = {"letters": string.ascii_uppercase, "digits": string.digits}
STROKES_PER_CLASS = {"train": 1500, "val": 200, "test": 300}
FONTS_PER_CLASS = {"train": 200, "val": 30, "test": 30}


class EMNIST(ResidentData):
    """Handwritten characters (Cohen et al. 2017, arXiv:1702.05373), or drawn ones where they are not available.

    Args:
        split: letters, balanced, byclass, bymerge, digits or mnist.
        source: `auto` falls back to strokes with a warning; `emnist` is strict.
        cache: folder of drawn strokes.
    """

    name = "emnist"

    def __init__(self, split: str, source: str, cache: str, **common: Any):
        super().__init__(**common)
        self.split = split
        self.source = source
        self.cache = Path(cache)

    def load(self) -> Loaded:
        try:
            arrays = load_emnist(self.root, self.split, self.source)
        except EMNISTUnavailableError as unavailable:
            drawn = "digits" if self.split in ("digits", "mnist") else "letters"
            rank_zero_warn(
                f"NOT EMNIST: {unavailable} Training on drawn strokes ({drawn}) instead; "
                "data.source=emnist makes this an error."
            )
            return load_strokes(drawn, self.cache)
        train, val = split_off(Split.of(arrays.train_images, arrays.train_labels), VAL_SHARE)
        test = Split.of(arrays.test_images, arrays.test_labels)
        return Loaded(train, val, test, arrays.classes, self.name)


class Strokes(ResidentData):
    """Characters drawn by `src.data.letters.strokes`, once, then kept in the cache.

    Args:
        split: letters or digits.
        cache: folder of drawn characters.
    """

    name = "strokes"

    def __init__(self, split: str, cache: str, **common: Any):
        super().__init__(**common)
        if split not in STROKE_CHARACTERS:
            raise ValueError(f"data.split={split} is unknown: choose from {', '.join(STROKE_CHARACTERS)}")
        self.split = split
        self.cache = Path(cache)

    def load(self) -> Loaded:
        return load_strokes(self.split, self.cache)


class Fonts(ResidentData):
    """Capitals drawn by `src.data.letters.typeset`, once, then kept in the cache; the style is a known factor.

    Args:
        cache: folder of drawn characters.
        letters: the variant, small or large.
        side: of the images in pixels; below 28 the white border is narrower.
    """

    name = "fonts"

    def __init__(self, cache: str, letters: str = "small", side: int = typeset.SIDE, **common: Any):
        super().__init__(**common)
        if letters not in typeset.VARIANTS:
            raise ValueError(f"data.letters={letters} is unknown: choose from {', '.join(typeset.VARIANTS)}")
        inked = typeset.VARIANTS[letters].inked
        if side not in range(inked, typeset.SIDE + 1, 2):
            raise ValueError(f"data.side={side}: choose an even number of pixels from {inked} to {typeset.SIDE}")
        self.letters = letters
        self.cache = Path(cache)
        self.border = (typeset.SIDE - side) // 2

    def load(self) -> Loaded:
        kind = "" if self.letters == "small" else f"-{self.letters}"
        num_styles = len(typeset.VARIANTS[self.letters].styles)
        drawn = load_drawn(
            self.cache / f"typeset{kind}-v{typeset.VERSION}.npz",
            FONTS_PER_CLASS,
            ("labels", "styles"),
            draw=lambda num, seed: typeset.draw(num, seed, self.letters),
            assign=lambda num, seed: typeset.assign(num, np.random.PCG64(seed), num_styles),
        )
        inside = slice(self.border, typeset.SIDE - self.border)
        train, val, test = (
            Split.of(np.ascontiguousarray(images[:, inside, inside]), labels, style=styles)
            for images, labels, styles in drawn
        )
        return Loaded(train, val, test, typeset.CLASSES, self.name, dark_ink=True)


class IDX(ResidentData):
    """Characters from IDX files; relative paths are also looked for under `root`.

    Unless they are resident, the training images stay in their file, if that is not compressed.

    Args:
        images: training images, all of one size.
        labels: training labels.
        test_images: test images, or None to set a seeded part of the training images aside.
        test_labels: test labels, or None likewise.
        transposed: the files store rows as columns, as EMNIST does.
    """

    name = "idx"

    def __init__(
        self,
        images: str,
        labels: str,
        test_images: str | None,
        test_labels: str | None,
        transposed: bool,
        **common: Any,
    ):
        super().__init__(**common)
        if (test_images is None) != (test_labels is None):
            raise ValueError("data.test_images and data.test_labels: give both or neither")
        self.files = {"images": images, "labels": labels}
        self.test_files = (
            {"test_images": test_images, "test_labels": test_labels} if test_images and test_labels else {}
        )
        self.transposed = transposed

    def load(self) -> Loaded:
        images_path, labels_path = (self.find(*item) for item in self.files.items())
        images, raw_labels = read_pair(images_path, labels_path, self.transposed, mapped=True)
        values, names = class_names(raw_labels)
        train = Split.of(images, class_indices(raw_labels, values, labels_path))
        if self.test_files:
            images_path, labels_path = (self.find(*item) for item in self.test_files.items())
            images, raw_labels = read_pair(images_path, labels_path, self.transposed, mapped=True)
            if images.shape[1:] != train.images.shape[1:]:
                sizes = [f"{height}×{width}" for _, height, width in (images.shape, train.images.shape)]
                raise ValueError(
                    f"data.test_images={images_path} holds images of {sizes[0]}, data.images ones of {sizes[1]}: "
                    "choose files of one size"
                )
            test = Split.of(np.ascontiguousarray(images), class_indices(raw_labels, values, labels_path))
        else:
            train, test = split_off(train, TEST_SHARE, copied=False, source=images_path)
        train, val = split_off(train, VAL_SHARE, copied=False, source=images_path)
        return Loaded(train.in_memory() if self.resident else train, val, test, names, self.name)


def load_strokes(split: str, cache: Path) -> Loaded:
    """Drawn letters or digits."""
    classes = STROKE_CHARACTERS[split]
    drawn = load_drawn(
        cache / f"strokes-v{strokes.VERSION}-{split}.npz",
        STROKES_PER_CLASS,
        ("labels",),
        draw=lambda num, seed: strokes.draw(classes, num, seed),
        assign=lambda num, seed: strokes.assign(classes, num, np.random.PCG64(seed))[:1],
    )
    train, val, test = (Split.of(*arrays) for arrays in drawn)
    return Loaded(train, val, test, tuple(classes), Strokes.name)


def load_drawn(
    path: Path,
    per_class: Mapping[str, int],
    names: Sequence[str],
    draw: Callable[[int, int], Sequence[np.ndarray]],
    assign: Callable[[int, int], Sequence[np.ndarray]],
) -> list[list[np.ndarray]]:
    """Images, and the arrays with these names, of every split from the cache; one process draws if they are not there.

    A cached file with other shapes, types or labels is drawn anew.

    Args:
        per_class: images of each class, by split.
        names: of the arrays that `assign` returns and `draw` returns after the images.
        draw: draws so many images per class with a seed.
        assign: the same without the images, in no time.
    """

    def make() -> dict[str, np.ndarray]:
        drawn = ((part, draw(num, seed)) for seed, (part, num) in enumerate(per_class.items()))
        return {
            f"{part}_{name}": array
            for part, arrays in drawn
            for name, array in zip(("images", *names), arrays, strict=True)
        }

    def check(arrays: Mapping[str, np.ndarray]) -> list[list[np.ndarray]]:
        splits: list[list[np.ndarray]] = []
        for seed, (part, num) in enumerate(per_class.items()):
            expected = assign(num, seed)
            for name, array in zip(names, expected, strict=True):
                if (require_array(arrays[f"{part}_{name}"], array.dtype, array.shape) != array).any():
                    raise ValueError(f"{part}_{name} are not those that were drawn")
            shape = (len(expected[0]), strokes.SIDE, strokes.SIDE)
            splits.append([require_array(arrays[f"{part}_images"], np.uint8, shape), *expected])
        return splits

    return cached_arrays(path, make, check)
