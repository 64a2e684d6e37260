"""Where images come from: a folder, a zip archive of one, or arrays. All are read one image at a time.

N images, H height, W width, C channels.
"""

import hashlib
import io
import os
import posixpath
import re
import stat
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image

from src.core.plain_data import is_inside

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
SUFFIXES = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".gif")
KNOWN = "PNG, JPEG, WebP or GIF"
MOST_BYTES = 2**29  # of a file in an archive, which is read into memory
ELSEWHERE = ("/", "\\")  # first signs of a name that is no relative path
UTF_8 = 0x800  # flag of a name in an archive
DRIVE = re.compile(r"[A-Za-z]:")

Picture = Image.Image | np.ndarray


class Files:
    """Image files below a folder, by their relative paths with slashes."""

    def __init__(self, path: Path, names: Sequence[str]):
        self.path = path
        self.names = names

    def __len__(self) -> int:
        return len(self.names)

    def name(self, index: int) -> str:
        return self.names[index]

    def open(self, index: int) -> Image.Image:
        """An image that is not decoded yet; raises anything where it is damaged."""
        return opened(f"{self.path}/{self.names[index]}")


class Folder(Files):
    """The images in a folder and in the folders in it, but not in hidden ones; no link may lead out of it.

    Raises:
        ValueError: a link leads out of the folder.
    """

    def __init__(self, path: Path):
        self.path = path
        super().__init__(path, sorted(self._below("")))

    def stamp(self) -> str:
        """Tells these files from others, or from other versions of them, without reading them."""
        sha = hashlib.sha256()
        for name in self.names:
            about = os.stat(f"{self.path}/{name}")  # noqa: PTH116
            sha.update(repr((name, about.st_size, about.st_mtime_ns)).encode("utf-8", "backslashreplace"))
        return sha.hexdigest()

    def _below(self, place: str) -> Iterator[str]:
        with os.scandir(self.path / place) as entries:
            for entry in entries:
                name = f"{place}{entry.name}"
                if entry.is_symlink() and not is_inside(self.path, Path(entry.path)):
                    raise ValueError(f"{entry.path} is a link that leads out of {self.path}; put a copy in its place")
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    yield from self._below(f"{name}/")
                elif is_image(name) and entry.is_file():
                    yield name


class Archive(Files):
    """The images in a zip archive, which may be neither encrypted nor lead out of itself by names or links.

    Raises:
        ValueError: it is damaged or encrypted, or one of its names or links leads out of it.
    """

    def __init__(self, path: Path):
        try:
            self.archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise ValueError(f"{path} is no zip archive that can be read ({error})") from None
        members = {usual_name(check_member(path, member)): member for member in self.archive.infolist()}
        names = sorted(name for name in members if is_image(name))
        self.members = [members[name] for name in names]
        super().__init__(path, names)

    def open(self, index: int) -> Image.Image:
        member = self.members[index]
        if member.file_size > MOST_BYTES:
            raise ValueError(f"unpacks to {member.file_size:,} bytes")
        return opened(io.BytesIO(self.archive.read(member)))


class Arrays:
    """Rows of arrays of images, [N, H, W] or [N, H, W, C], by key, with values from 0 to `full`."""

    def __init__(self, path: Path, arrays: Mapping[str, np.ndarray], full: Mapping[str, float]):
        self.path = path
        self.keys, self.arrays, self.full = list(arrays), arrays, full
        self.ends = np.cumsum([len(array) for array in arrays.values()])

    def __len__(self) -> int:
        return int(self.ends[-1])

    def name(self, index: int) -> str:
        """An array's key and a row."""
        key, row = self._place(index)
        return f"{key}/{row}"

    def _place(self, index: int) -> tuple[str, int]:
        number = int(np.searchsorted(self.ends, index, "right"))
        key = self.keys[number]
        return key, index - int(self.ends[number]) + len(self.arrays[key])

    def open(self, index: int) -> np.ndarray:
        """Pixels [H, W] or [H, W, C]."""
        key, row = self._place(index)
        pixels = self.arrays[key][row]
        if pixels.dtype == np.uint8:
            return pixels
        return np.rint(pixels.astype(np.float64) * (255 / self.full[key])).astype(np.uint8)


Source = Files | Arrays


def stamp_of(path: Path) -> tuple[str, int, int]:
    """Tells one version of a file from another without reading it."""
    about = path.stat()
    return path.name, about.st_size, about.st_mtime_ns


def is_image(name: str) -> bool:
    """Whether a file is read, by its name; hidden ones, as in macOS' archives, are not."""
    hidden = any(part.startswith((".", "__MACOSX")) for part in name.split("/") if part != ".")
    return posixpath.splitext(name)[1].lower() in SUFFIXES and not hidden


def usual_name(member: zipfile.ZipInfo) -> str:
    """A relative path with slashes. Old Windows tools write backslashes, a Mac's UTF-8 without saying so."""
    name = member.filename
    if not member.flag_bits & UTF_8:
        with suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return posixpath.normpath(name.replace("\\", "/"))


def check_member(path: Path, member: zipfile.ZipInfo) -> zipfile.ZipInfo:
    """Returns a member of an archive; raises ValueError if it is encrypted, a link, or to be unpacked elsewhere."""
    name = member.filename
    if name.startswith(ELSEWHERE) or DRIVE.match(name) or ".." in re.split(r"[/\\]", name):
        raise ValueError(f"{path} holds {name!r}, a path that leads out of the archive: do not trust it")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise ValueError(f"{path} holds the link {name!r}: pack the file itself")
    if member.flag_bits & 1:
        raise ValueError(f"{path} is encrypted ({name}): unpack it first")
    return member


def opened(file: str | IO[bytes]) -> Image.Image:
    """An image file whose header was read; no larger than Pillow deems safe. Raises anything where it is damaged."""
    image = Image.open(file, formats=FORMATS)
    limit = Image.MAX_IMAGE_PIXELS
    if limit and image.width * image.height > limit:
        raise ValueError(f"{image.width:,} × {image.height:,} pixels, more than the {limit:,} that are safe to unpack")
    return image
