"""Where images come from: a folder, a zip archive of one, or arrays. All are read one image at a time.

N images, H height, W width, C channels.
"""

import io
import os
import re
import stat
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple, Protocol

import numpy as np
from PIL import Image

from src.core.plain_data import is_inside

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
SUFFIXES = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".gif")
KNOWN = "PNG, JPEG, WebP or GIF"
MOST_BYTES = 2**29  # of a file in an archive, which is read into memory
ELSEWHERE = ("/", "\\")  # first signs of a name that is no relative path
DRIVE = re.compile(r"[A-Za-z]:")

Picture = Image.Image | np.ndarray


class Stamp(NamedTuple):
    """What tells one version of a file from another without reading it."""

    name: str
    size: int
    time: int


class Source(Protocol):
    """N images by index.

    `names` are relative paths with slashes or, of arrays, an array's key and a row.
    """

    path: Path

    @property
    def names(self) -> Sequence[str]: ...

    def open(self, index: int) -> Picture:
        """An image that is not decoded yet, or an array [H, W] or [H, W, C]; raises anything where it is damaged."""
        ...


class Files:
    """Image files below a folder, by their names."""

    def __init__(self, path: Path, names: Sequence[str]):
        self.path = path
        self.names = names

    def open(self, index: int) -> Image.Image:
        return opened(self.path / self.names[index])


class Folder(Files):
    """The images in a folder and in the folders in it, but not in hidden ones.

    Raises:
        ValueError: a link leads out of the folder.
    """

    def __init__(self, path: Path):
        self.path = path
        self.stamps = sorted(self._below(""))
        super().__init__(path, [stamp.name for stamp in self.stamps])

    def _below(self, place: str) -> list[Stamp]:
        found = []
        with os.scandir(self.path / place) as entries:
            for entry in entries:
                name = f"{place}{entry.name}"
                if entry.is_symlink() and not is_inside(self.path, Path(entry.path)):
                    raise ValueError(f"{entry.path} is a link that leads out of {self.path}; put a copy in its place")
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    found += self._below(f"{name}/")
                elif is_image(name) and entry.is_file():
                    about = entry.stat()
                    found.append(Stamp(name, about.st_size, about.st_mtime_ns))
        return found


class Archive:
    """The images in a zip archive.

    Raises:
        ValueError: it is damaged or encrypted, or one of its names or links leads out of it.
    """

    def __init__(self, path: Path):
        self.path = path
        try:
            self.archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise ValueError(f"{path} is no zip archive that can be read ({error})") from None
        members = [check_member(path, member) for member in self.archive.infolist()]
        self.members = sorted((each for each in members if is_image(each.filename)), key=lambda each: each.filename)
        self.names = [member.filename for member in self.members]

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
        self.names = [f"{key}/{row}" for key, array in arrays.items() for row in range(len(array))]

    def open(self, index: int) -> np.ndarray:
        number = int(np.searchsorted(self.ends, index, "right"))
        key = self.keys[number]
        pixels = self.arrays[key][index - self.ends[number]]
        if pixels.dtype == np.uint8:
            return pixels
        return np.rint(pixels.astype(np.float64) * (255 / self.full[key])).astype(np.uint8)


def stamp_of(path: Path) -> Stamp:
    """The stamp of a single file."""
    about = path.stat()
    return Stamp(path.name, about.st_size, about.st_mtime_ns)


def is_image(name: str) -> bool:
    """Whether a file is read, by its name; hidden ones, as in macOS' archives, are not."""
    path = PurePosixPath(name)
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    return path.suffix.lower() in SUFFIXES and not hidden


def check_member(path: Path, member: zipfile.ZipInfo) -> zipfile.ZipInfo:
    """Returns a member of an archive that may be read.

    Raises:
        ValueError: it is encrypted, a link, or to be unpacked elsewhere.
    """
    name = member.filename
    if name.startswith(ELSEWHERE) or DRIVE.match(name) or ".." in re.split(r"[/\\]", name):
        raise ValueError(f"{path} holds {name!r}, a path that leads out of the archive: do not trust it")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise ValueError(f"{path} holds the link {name!r}: pack the file itself")
    if member.flag_bits & 1:
        raise ValueError(f"{path} is encrypted ({name}): unpack it first")
    return member


def opened(file: Path | IO[bytes]) -> Image.Image:
    """An image file whose header was read; no larger than Pillow deems safe.

    Raises:
        Exception: it is no such file, of many kinds.
    """
    image = Image.open(file, formats=FORMATS)
    limit = Image.MAX_IMAGE_PIXELS
    if limit and image.width * image.height > limit:
        raise ValueError(f"{image.width:,} × {image.height:,} pixels, more than the {limit:,} that are safe to unpack")
    return image
