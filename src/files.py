"""Writing files whole or not at all, and telling whether they still are."""

import os
import zipfile
from pathlib import Path


def write_atomically(path: Path, content: str | bytes) -> None:
    """Replaces the file in one step; a reader sees the old content or the new, never a part.

    Bytes of file names that are no text become question marks.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "replace"))
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)  # what did not fit on a full disk only makes it fuller


def new_folder(path: Path, number: int = 1) -> Path:
    """Makes this folder, or `path-2`, `path-3`, … where others were faster: whoever asks gets one of their own."""
    own = path if number == 1 else path.with_name(f"{path.name}-{number}")
    try:
        own.mkdir(parents=True)
    except FileExistsError:
        return new_folder(path, number + 1)
    return own


def check_archive(path: Path) -> None:
    """Reads a zip archive, such as NumPy's and PyTorch's, through and compares its check sums, which PyTorch skips.

    Neither compresses; an archive that unpacks to more than it is was not written here, and may unpack without end.

    Raises:
        OSError, zipfile.BadZipFile, or what else zipfile finds: the file is not there, or not what was written.
    """
    with zipfile.ZipFile(path) as archive:
        if sum(member.file_size for member in archive.infolist()) > path.stat().st_size:
            raise zipfile.BadZipFile("it is compressed")
        damaged = archive.testzip()
    if damaged:
        raise zipfile.BadZipFile(f"{damaged} in it is not what was written")
