"""IDX files, the format of MNIST and EMNIST: a header of big-endian sizes, then plain bytes."""

import gzip
import math
import mmap
import string
import zlib
from pathlib import Path

import numpy as np

SIDES = (8, 128)  # smallest and largest height and width that the networks are made for
UINT8 = 0x08
CONTENT = {1: "labels", 3: "images"}
GZIP_MAGIC = b"\x1f\x8b"
FOREIGN = {
    b"PK": "a zip archive: unpack it first",
    b"BZ": "a bzip2 archive: unpack it first",
    b"\xfd7z": "an xz archive: unpack it first",
    b"\x89P": "a PNG picture",
    GZIP_MAGIC: "gzip within gzip: unpack it once",
}
AGAIN = "download or copy it again"


def read_idx(path: Path, mapped: bool = False) -> np.ndarray:
    """The array in an IDX file of labels or images, gzipped or not (its first bytes decide, not its name).

    Returns uint8: labels [N] or images [N, H, W]. With `mapped` the array is read-only and an uncompressed file is
    memory-mapped: it must not change meanwhile.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file cannot be read, is not IDX, holds another type, or is damaged.
    """
    content = _content(path)
    if not content:
        raise ValueError(f"{path} is empty: {AGAIN}")
    shape = _parse_header(path, content)
    start, expected = 4 + 4 * len(shape), math.prod(shape)
    size = len(content) - start
    if size != expected:
        fault = "is truncated" if size < expected else "is too long"
        raise ValueError(f"{path} {fault}: {size:,} bytes of data where {expected:,} should be; {AGAIN}")
    array = np.frombuffer(content, np.uint8, offset=start).reshape(shape)
    return array if mapped else array.copy()


def read_pair(images: Path, labels: Path, transposed: bool, mapped: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Images, uint8 [N, H, W], and their raw labels, int64 [N]; `transposed` undoes EMNIST's orientation.

    Raises:
        FileNotFoundError: one of the files does not exist.
        ValueError: as `read_idx`, or the files are swapped, empty, of an unsupported size, or do not belong together.
    """
    images_NHW, labels_N = read_idx(images, mapped), read_idx(labels)
    for path, array, num_dimensions in ((images, images_NHW, 3), (labels, labels_N, 1)):
        if array.ndim != num_dimensions:
            content, expected = CONTENT[array.ndim], CONTENT[num_dimensions]
            raise ValueError(f"{path} holds {content}, not {expected}: are the files swapped?")
    (least, most), (height, width) = SIDES, images_NHW.shape[1:]
    if min(height, width) < least or max(height, width) > most:
        raise ValueError(f"{images} holds images of {height}×{width}; sides of {least} to {most} pixels are supported")
    if len(images_NHW) != len(labels_N):
        raise ValueError(
            f"{images} holds {len(images_NHW):,} images but {labels} {len(labels_N):,} labels: "
            "they do not belong together (train with test?)"
        )
    if not len(images_NHW):
        raise ValueError(f"{images} holds no images")
    if transposed:
        images_NHW = images_NHW.transpose(0, 2, 1)
        images_NHW = images_NHW if mapped else np.ascontiguousarray(images_NHW)
    return images_NHW, labels_N.astype(np.int64)


def class_names(labels_N: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """The raw label behind every class, int64 [K] ascending, and the K class names.

    Labels 1..26 or 0..25 are the letters A..Z; others are named by their number. Applied to the training labels;
    `class_indices` then maps every split.
    """
    values_K = np.unique(labels_N).astype(np.int64)
    if len(values_K) == 26 and values_K[-1] - values_K[0] == 25 and values_K[0] in (0, 1):
        return values_K, tuple(string.ascii_uppercase)
    return values_K, tuple(str(value) for value in values_K)


def class_indices(labels_N: np.ndarray, values_K: np.ndarray, path: Path) -> np.ndarray:
    """Indices into `values_K`, the ascending raw labels of the classes, of the raw labels read from `path`.

    Raises:
        ValueError: a label is not among `values_K`, the ascending raw labels of the classes.
    """
    unknown = np.setdiff1d(labels_N, values_K)
    if unknown.size:
        shown = ", ".join(map(str, unknown[:5])) + (", …" if unknown.size > 5 else "")
        raise ValueError(
            f"{path} holds the unknown label {shown}; the {len(values_K)} classes lie in {values_K[0]}..{values_K[-1]}"
        )
    return np.searchsorted(values_K, labels_N).astype(np.int64)


def _content(path: Path) -> bytes | mmap.mmap:
    """The decompressed content of the file; if it is not compressed, mapped into memory."""
    try:
        with path.open("rb") as file:
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if path.stat().st_size else b""
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} does not exist") from None
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    if content[:2] != GZIP_MAGIC:
        return content
    try:
        return gzip.decompress(content)
    except EOFError:
        raise ValueError(f"{path} is truncated: its gzip stream ends early; {AGAIN}") from None
    except (gzip.BadGzipFile, zlib.error):
        raise ValueError(f"{path} is damaged: its gzip stream is corrupt; {AGAIN}") from None


def _parse_header(path: Path, content: bytes | mmap.mmap) -> tuple[int, ...]:
    if content[:2] != b"\0\0":
        foreign = FOREIGN.get(content[:2], f"it begins with {content[:4]!r}")
        raise ValueError(f"{path} is not an IDX file ({foreign})")
    if len(content) < 4:
        raise ValueError(f"{path} is truncated: {len(content)} bytes; {AGAIN}")
    kind, num_dimensions = content[2], content[3]
    if kind != UINT8 or num_dimensions not in CONTENT:
        raise ValueError(
            f"{path} is no IDX file of uint8 labels (magic 0x0801) or images (0x0803): "
            f"its magic is 0x{kind:02X}{num_dimensions:02X}"
        )
    if len(content) < 4 + 4 * num_dimensions:
        raise ValueError(f"{path} is truncated within its header; {AGAIN}")
    return tuple(np.frombuffer(content, ">u4", num_dimensions, offset=4).tolist())
