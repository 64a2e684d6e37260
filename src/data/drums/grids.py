"""Drum grids from a NumPy archive of patterns, [N, T steps, V voices] of 0 and 1."""

import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np

VOICES = "voices"  # key of the columns' names
STEPS, COLUMNS = (4, 128), (2, 32)  # fewest and most
PARTS = ("train", "val", "test")
CHUNK = 10_000  # bars that are checked together
EXPECTED = "train_patterns (and val_patterns, test_patterns), or patterns, or one single array"


def read_grids(path: Path) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], tuple[str, ...]]:
    """The patterns of an npz file: uint8 [N, T, V] and styles int64 [N] by part, and the styles' names.

    The parts are those of `train`, `val` and `test` that the file has, under the keys `train_patterns`, `train_styles`
    and so on; or `train` alone from `patterns` and `styles`, or from the only array, whatever its name. Styles are
    whole numbers or text; without styles, all bars are of the style "all".

    Raises:
        ValueError: the file is no such archive, or an array in it has another type, shape or range.
    """
    arrays = _arrays(path)
    if "train_patterns" in arrays:
        patterns = {part: f"{part}_patterns" for part in PARTS if f"{part}_patterns" in arrays}
        styles = {part: f"{part}_styles" for part in patterns}
    elif "patterns" in arrays:
        patterns, styles = {"train": "patterns"}, {"train": "styles"}
    elif len(keys := [key for key in arrays if key != VOICES]) == 1:
        patterns, styles = {"train": keys[0]}, {"train": "styles"}
    else:
        listed = ", ".join(f"{key} {list(array.shape)}" for key, array in arrays.items()) or "no arrays"
        raise ValueError(f"{path} holds {listed}; expected {EXPECTED}")
    used = {*patterns.values(), *styles.values()}
    if misspelt := [key for key in arrays if key not in used and key.endswith(("patterns", "styles", "labels"))]:
        raise ValueError(
            f"{path} holds {misspelt[0]} beside {next(iter(patterns.values()))}; expected {EXPECTED}, and styles"
        )
    grids = {part: _grids(arrays[key], f"{key} in {path}") for part, key in patterns.items()}
    if len({grid_NTV.shape[1:] for grid_NTV in grids.values()}) > 1:
        sizes = {f"{key} {list(arrays[key].shape[1:])}" for key in patterns.values()}
        raise ValueError(f"{path} holds {', '.join(sorted(sizes))}: give all splits the same steps and voices")
    present = [key for key in styles.values() if key in arrays]
    if not present:
        return grids, {part: np.zeros(len(grid_NTV), np.int64) for part, grid_NTV in grids.items()}, ("all",)
    missing = [key for key in styles.values() if key not in arrays]
    if missing:
        raise ValueError(f"{path} holds {present[0]} but not {missing[0]}: give every split its styles, or none")
    raw = {part: _styles(arrays[key], len(grids[part]), f"{key} in {path}") for part, key in styles.items()}
    if len({array.dtype.kind for array in raw.values()}) > 1:
        raise ValueError(f"{path} mixes numbers and text in {', '.join(present)}: use one of them")
    values = np.unique(np.concatenate(list(raw.values())))
    return grids, {part: np.searchsorted(values, array) for part, array in raw.items()}, tuple(map(str, values))


def read_voices(path: Path) -> list[str | int] | None:
    """The columns' names or notes that the file holds under `voices`, None without them.

    Raises:
        ValueError: they are neither text nor whole numbers.
    """
    array = _arrays(path, (VOICES,)).get(VOICES)
    if array is None:
        return None
    if array.ndim != 1 or array.dtype.kind not in "iuU":
        raise ValueError(
            f"{VOICES} in {path} has type {array.dtype} and shape {list(array.shape)}: expected a list of names"
        )
    return array.tolist()


def _arrays(path: Path, keys: Collection[str] | None = None) -> Mapping[str, np.ndarray]:
    """The file's arrays by key, or those of these keys."""
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path} is not an npz file: write one with numpy.savez(file, patterns=…)")
    arrays = {}
    key = "nothing"
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            for key in file.files if keys is None else {*file.files} & {*keys}:
                arrays[key] = np.asarray(file[key])
    except Exception as error:  # NumPy raises many kinds for damaged files
        raise ValueError(
            f"{key} in {path} cannot be read ({error}): expected a plain array of numbers or text"
        ) from error
    return arrays


def _grids(array: np.ndarray, name: str) -> np.ndarray:
    fits = array.ndim == 3 and all(
        fewest <= size <= most for size, (fewest, most) in zip(array.shape[1:], (STEPS, COLUMNS), strict=True)
    )
    if not fits:
        raise ValueError(
            f"{name} has shape {list(array.shape)}: expected [N, T, V] with {STEPS[0]} to {STEPS[1]} steps and "
            f"{COLUMNS[0]} to {COLUMNS[1]} voices"
        )
    if not len(array):
        raise ValueError(f"{name} is empty: expected at least one bar")
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} has type {array.dtype}: expected numbers or booleans, 0 or 1")
    grids_NTV = np.empty(array.shape, np.uint8)
    for start in range(0, len(array), CHUNK):
        part = array[start : start + CHUNK]
        other = part[(part != 0) & (part != 1)]
        if other.size:
            raise ValueError(
                f"{name} holds {other[0]:g}: expected only 0 and 1 (velocities become hits with patterns > 0)"
            )
        grids_NTV[start : start + CHUNK] = part
    return grids_NTV


def _styles(array: np.ndarray, num: int, name: str) -> np.ndarray:
    if array.dtype.kind not in "iuU":
        raise ValueError(f"{name} has type {array.dtype}: expected whole numbers or text")
    if array.shape != (num,):
        raise ValueError(f"{name} has shape {list(array.shape)}: expected [{num}], one for each bar")
    if array.dtype.kind != "U":
        return array.astype(np.int64)
    try:
        "".join(array).encode()
    except (SystemError, ValueError):  # invalid code points and surrogates
        raise ValueError(f"{name} holds text that cannot be written: expected Unicode") from None
    return array
