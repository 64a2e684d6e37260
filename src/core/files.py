"""Atomic writing of files, and checks that archives are complete."""

import os
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def write_atomically(path: Path, content: str | bytes) -> None:
    """Replaces a file in one step; a reader sees the old content or the new, never a part.

    Bytes of file names that are no text become question marks.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "replace"))
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)  # what did not fit on a full disk only makes it fuller


def read_lines(path: Path) -> list[str]:
    """The lines of a data file in this repository that are neither blank nor comments (#)."""
    return [line for line in path.read_text("utf-8").splitlines() if line and not line.startswith("#")]


def shell_expanded(text: str) -> str:
    """Expands `~` and, where no file has that name, $NAME, as a shell does.

    Paths from DATA_DIR, from a yaml file or from a quoted argument have passed no shell; those that `docker run
    --env-file` hands on keep the quotes of the file.
    """
    bare = text.strip()
    if bare[:1] in ("'", '"') and bare[:1] == bare[-1:] and len(bare) > 2 and not os.path.lexists(text):
        text = bare[1:-1]
    if text.startswith("~"):
        with suppress(RuntimeError):  # no user of that name
            text = str(Path(text).expanduser())
    return text if "$" not in text or os.path.lexists(text) else os.path.expandvars(text)


def user_path(text: str) -> Path:
    """The path of a user's text, see `shell_expanded`."""
    return Path(shell_expanded(text))


def new_folder(path: Path, number: int = 1) -> Path:
    """Makes this folder, or `path-2`, `path-3`, … where it exists; each caller gets a new one."""
    own = path if number == 1 else path.with_name(f"{path.name}-{number}")
    try:
        own.mkdir(parents=True)
    except FileExistsError:
        return new_folder(path, number + 1)
    return own


def make_folder(path: Path, key: str) -> None:
    """Makes the folder that an option names, if it does not exist.

    Raises:
        OSError: it cannot be made or written to, with the option's key.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        fault = "a file has that name" if isinstance(error, FileExistsError) else error.strerror
        raise OSError(f"{key}={path}: the folder cannot be made ({fault})") from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise OSError(f"{key}={path}: nothing can be written to this folder")


@contextmanager
def temporary_folder(folder: Path) -> Iterator[Path]:
    """The path of a folder for unfinished files, removed afterwards; so is what a killed process left there."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def check_archive(path: Path) -> None:
    """Reads a zip archive (NumPy's, PyTorch's) to the end and compares its checksums, which PyTorch skips.

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
