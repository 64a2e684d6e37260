"""Images and labels in NumPy's npy and npz files.

N images, H height, W width, C channels.
"""

import shutil
import zipfile
from collections.abc import Mapping
from functools import reduce
from pathlib import Path

import numpy as np

from src.data.images.columns import Column, column, joined, repeated
from src.data.images.labels import LABEL, SPLITS, Fields
from src.data.images.sources import Arrays

CHANNELS = (1, 3, 4)
EXPECTED = "images [N, H, W], [N, H, W, C] or [N, C, H, W] of whole numbers from 0 to 255 or shares from 0 to 1"
CHUNK = 1000  # images that are looked at together
LABELS = 100_000  # that are


def read_npy(path: Path) -> Arrays:
    """The images in an npy file, memory-mapped.

    Raises:
        ValueError: it is damaged, or holds no images.
    """
    return _arrays(path, {"images": (loaded(path), str(path))})


def read_npz(path: Path, scratch: Path) -> tuple[Arrays, Column, Fields]:
    """The images in an npz file, the split of each, and their labels if it has any.

    Keys are `images` and `labels`, or `train_images`, `train_labels` and so on; a single array needs no name. Arrays
    are unpacked to the folder `scratch` and memory-mapped.

    Raises:
        ValueError: it is damaged, or holds no images.
    """
    arrays = _members(path, scratch)
    keys = {key: SPLITS[key.removesuffix("_images")] for key in arrays if key.removesuffix("_images") in SPLITS}
    if "train" not in keys.values():
        single = [key for key in arrays if key != "labels"]
        keys = {key: "" for key in (["images"] if "images" in arrays else single if len(single) == 1 else [])}
    if not keys:
        listed = ", ".join(f"{key} {list(array.shape)}" for key, array in arrays.items()) or "no arrays"
        raise ValueError(f"{path} holds {listed}: expected images and labels, or train_images, train_labels, …")
    source = _arrays(path, {key: (arrays[key], f"{key} in {path}") for key in keys})
    parts = repeated([*keys.values()], [len(arrays[key]) for key in keys])
    places = {key: key.removesuffix("images") + "labels" if key.endswith("images") else "labels" for key in keys}
    present = [place for place in places.values() if place in arrays]
    if not present:
        return source, parts, {}
    missing = [place for place in places.values() if place not in arrays]
    if missing:
        raise ValueError(f"{path} holds {present[0]} but not {missing[0]}: give every split its labels, or none")
    texts = [labels(arrays[place], len(arrays[key]), f"{place} in {path}") for key, place in places.items()]
    return source, parts, {LABEL: joined(texts)}


def labels(array: np.ndarray, num: int, name: str) -> Column:
    """A text per image, read in parts.

    Raises:
        ValueError: they are no whole numbers or texts, or not as many as images.
    """
    if array.dtype.kind not in "iuUb":
        raise ValueError(f"{name} has type {array.dtype}: expected whole numbers or text")
    if array.shape not in ((num,), (num, 1)):
        raise ValueError(f"{name} has shape {list(array.shape)}: expected [{num}], one for each image")
    parts = [array[start : start + LABELS].reshape(-1) for start in range(0, num, LABELS)]
    values_V = reduce(np.union1d, map(np.unique, parts), array[:0].reshape(-1))
    dtype = np.min_scalar_type(len(values_V))
    index_N = np.concatenate([np.searchsorted(values_V, part).astype(dtype) for part in parts])
    return column(index_N, [str(value).encode("utf-8", "replace").decode() for value in values_V.tolist()])


def _arrays(path: Path, arrays: Mapping[str, tuple[np.ndarray, str]]) -> Arrays:
    """A source of arrays that were checked; each comes with its name in messages."""
    checked = {key: channels_last(*named) for key, named in arrays.items()}
    return Arrays(path, checked, {key: _full(array, arrays[key][1]) for key, array in checked.items()})


def channels_last(array: np.ndarray, name: str) -> np.ndarray:
    """The array as [N, H, W] or [N, H, W, C]; raises ValueError for other shapes."""
    if not array.size:
        raise ValueError(f"{name} is empty: its shape is {list(array.shape)}")
    if array.ndim == 4:
        last, first = (array.shape[axis] in CHANNELS for axis in (3, 1))
        if last and first:  # with so few rows or columns only the square ones are images
            last, first = array.shape[1] == array.shape[2], array.shape[2] == array.shape[3]
        if last != first:
            array = array if last else array.transpose(0, 2, 3, 1)
            return array[..., 0] if array.shape[3] == 1 else array
    elif array.ndim == 3:
        return array
    raise ValueError(f"{name} has shape {list(array.shape)}: expected {EXPECTED}")


def _full(array: np.ndarray, name: str) -> float:
    """The value of full brightness; raises ValueError unless all values lie between 0 and that."""
    if array.dtype == np.uint8 and array[:CHUNK].max() > 1:
        return 255
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} has type {array.dtype}: expected {EXPECTED}")
    parts = [array[start : start + CHUNK] for start in range(0, len(array), CHUNK)]
    low, high = min(float(part.min()) for part in parts), max(float(part.max()) for part in parts)
    full = {"b": 1, "f": 1 if high <= 1 else 255}.get(array.dtype.kind, 65535 if array.dtype == np.uint16 else 255)
    if not (low >= 0 and high <= full):  # NaN is neither
        held = "NaN" if np.isnan(low) else f"values from {low:g} to {high:g}"
        raise ValueError(f"{name} holds {held}: expected {EXPECTED}")
    if 0 < high <= full / 100 and array.dtype.kind != "b" and full > 1:
        meant = 255 if full > 255 else 1
        raise ValueError(
            f"{name} has type {array.dtype} and holds values up to {high:g}, nearly black among {full}: if {meant} is "
            f"full brightness, multiply by {full // meant}{' as whole numbers' if meant == 1 else ''}"
        )
    return full


def loaded(path: Path, name: str | None = None) -> np.ndarray:
    """An array in an npy file, memory-mapped.

    Raises:
        ValueError: it is damaged, or holds objects.
    """
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # NumPy raises many kinds for damaged files
        reason = "it holds Python objects" if "allow_pickle" in str(error) or "object" in str(error) else error
        raise ValueError(f"{name or path} cannot be read ({reason}): expected a plain array of numbers") from None


def _members(path: Path, scratch: Path) -> Mapping[str, np.ndarray]:
    """The arrays of an npz file, unpacked."""
    arrays = {}
    name = str(path)
    try:
        with zipfile.ZipFile(path) as archive:
            for number, member in enumerate(archive.infolist()):
                key = member.filename.removesuffix(".npy")
                name = f"{key} in {path}"
                if not member.filename.endswith(".npy"):
                    continue
                if member.file_size > shutil.disk_usage(scratch).free:
                    raise OSError(f"it unpacks to {member.file_size:,} bytes, more than is free in {scratch}")
                unpacked = scratch / f"{number}.npy"
                with archive.open(member) as packed, unpacked.open("wb") as file:
                    shutil.copyfileobj(packed, file)
                arrays[key] = unpacked
    except Exception as error:  # zipfile raises many kinds for damaged files
        raise ValueError(f"{name} cannot be read ({error})") from None
    return {key: loaded(unpacked, f"{key} in {path}") for key, unpacked in arrays.items()}
