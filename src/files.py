"""Writing files whole or not at all, and telling whether they still are."""

import os
import zipfile
from pathlib import Path


def write_atomically(path: Path, content: str | bytes) -> None:
    """Replaces the file in one step; a reader sees the old content or the new, never a part."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_bytes(content if isinstance(content, bytes) else content.encode())
    unfinished.replace(path)


def check_archive(path: Path) -> None:
    """Reads a zip archive, such as NumPy's and PyTorch's, through and compares its check sums, which PyTorch skips.

    Raises:
        OSError, zipfile.BadZipFile, or what else zipfile finds: the file is not there, or not what was written.
    """
    with zipfile.ZipFile(path) as archive:
        damaged = archive.testzip()
    if damaged:
        raise zipfile.BadZipFile(f"{damaged} in it is not what was written")
