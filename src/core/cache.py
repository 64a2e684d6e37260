"""A cache of files and folders, each made once."""

import io
import logging
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np
from filelock import FileLock, Timeout

from src.core.files import check_archive, make_folder, temporary_folder, user_path, write_atomically

log = logging.getLogger(__name__)
Content = TypeVar("Content")


def cached(path: Path, make: Callable[[], bytes], read: Callable[[BinaryIO], Content]) -> Content:
    """Returns `read(archive)`; if the file is missing or invalid one process fills it with `make`, others wait.

    A file that cannot be read, or of which `read` raises that it holds something else, is made anew. Files appear
    whole, so that only those who make them need a lock: a cache that is there may be read-only.

    Raises:
        OSError: the file is not there, and cannot be written.
    """
    return _cached(path, lambda place: write_atomically(place, make()), lambda place: _open_and_read(place, read))


def cached_arrays(
    path: Path, make: Callable[[], Mapping[str, np.ndarray]], check: Callable[[Mapping[str, np.ndarray]], Content]
) -> Content:
    """As `cached`, for NumPy arrays by name."""

    def write() -> bytes:
        file = io.BytesIO()
        np.savez(file, **make())  # type: ignore[arg-type]
        return file.getvalue()

    def read(file: BinaryIO) -> Content:
        with np.load(file, allow_pickle=False) as arrays:
            return check(arrays)

    return cached(path, write, read)


def cached_folder(path: Path, fill: Callable[[Path], None], read: Callable[[Path], Content]) -> Content:
    """As `cached`, for a folder of files too large for memory: `fill` writes them to an empty folder."""

    def write(place: Path) -> None:
        with temporary_folder(place.with_name(f".{place.name}.unfinished")) as scratch:
            scratch.mkdir()
            fill(scratch)
            shutil.rmtree(place, ignore_errors=True)
            scratch.rename(place)

    return _cached(path, write, read)


def _cached(path: Path, write: Callable[[Path], None], read: Callable[[Path], Content]) -> Content:
    path = user_path(str(path))
    if path.exists():
        with suppress(Exception):  # reported below, once no other process is about to repair it
            return read(path)
    make_folder(path.parent, "cache")
    with exclusive(path.with_suffix(".lock"), "cache"):
        if path.exists():
            try:
                return read(path)
            except Exception as error:  # NumPy and PyTorch stumble in many ways; a fault of `read` comes back below
                log.warning("%s is damaged (%s) and made anew.", path, str(error).partition("\n")[0])
        write(path)
        return read(path)


@contextmanager
def exclusive(path: Path, key: str) -> Iterator[None]:
    """Holds a lock between processes, of all users of the folder; the system releases it if its holder dies.

    Raises:
        OSError: there can be no lock in the folder, with the key of the option that names it.
    """
    lock = FileLock(path, mode=0o666)
    try:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            log.info("Waiting for another process that writes to %s", path.parent)
            lock.acquire()
    except OSError as error:
        raise OSError(f"{key}={path.parent}: {error.strerror or error} ({path.name}); choose another folder") from error
    try:
        yield
    finally:
        lock.release()


def require_array(array: np.ndarray, dtype: np.dtype | type, shape: tuple[int | None, ...]) -> np.ndarray:
    """Checks shape and type of an array from a cached file, and returns it.

    Args:
        shape: None for an axis of any length.

    Raises:
        ValueError: it is of another type or shape.
    """
    fits = len(shape) == array.ndim and all(want in (None, has) for want, has in zip(shape, array.shape, strict=True))
    if array.dtype != dtype or not fits:
        raise ValueError(f"an array is {array.dtype} {list(array.shape)}: expected {np.dtype(dtype)} {list(shape)}")
    return array


def require_range(array: np.ndarray, least: float, most: float) -> np.ndarray:
    """Checks that all values lie within the limits, and returns the array.

    Raises:
        ValueError: some value does not, as one that is no number.
    """
    if not ((array >= least) & (array <= most)).all():
        raise ValueError(f"an array has values beyond {least:g} to {most:g}")
    return array


def _open_and_read(path: Path, read: Callable[[BinaryIO], Content]) -> Content:
    check_archive(path)
    with path.open("rb") as file:  # NumPy would leave a damaged one open
        return read(file)
