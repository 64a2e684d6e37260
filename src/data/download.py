"""Downloads that fail soon, happen once and appear whole."""

import hashlib
import logging
import shutil
import socket
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from threading import Thread
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from filelock import FileLock, Timeout
from torchvision.datasets.utils import download_url

REACH_SECONDS = 5  # for the server's first answer
STALL_SECONDS = 20  # for the next bytes of a running download
FAILURES = (OSError, HTTPException, RuntimeError)  # what a download can end in; RuntimeError: a wrong checksum

log = logging.getLogger(__name__)


def reach(url: str) -> None:
    """Raises OSError or HTTPException within seconds if the server does not answer.

    In a thread, because a timeout does not bound the look-up of the server's name. Any answer will do, also a
    refusal of HEAD.
    """
    outcome: list[Exception | None] = []

    def ask() -> None:
        try:
            urlopen(Request(url, method="HEAD"), timeout=REACH_SECONDS).close()
            outcome.append(None)
        except HTTPError as answer:
            answer.close()
            outcome.append(None)
        except (OSError, HTTPException) as error:
            outcome.append(error)

    thread = Thread(target=ask, daemon=True)
    thread.start()
    thread.join(2 * REACH_SECONDS)
    if not outcome:
        raise TimeoutError("no answer from the server")
    if outcome[0] is not None:
        raise outcome[0]


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Holds a lock between processes, which the system releases if its holder dies."""
    lock = FileLock(path, mode=0o666)  # so that other users of the folder can take it too
    try:
        lock.acquire(timeout=0)
    except Timeout:
        log.warning("Waiting for another process that downloads to %s", path.parent)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def unfinished(folder: Path) -> Iterator[Path]:
    """A folder for a running download, gone afterwards; a connection that stalls meanwhile is an error."""
    shutil.rmtree(folder, ignore_errors=True)  # of a process that was killed
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(STALL_SECONDS)
    try:
        yield folder
    finally:
        socket.setdefaulttimeout(before)
        shutil.rmtree(folder, ignore_errors=True)


def unpack(url: str, sha256: str, folder: Path) -> None:
    """Downloads a zip archive, with a progress bar, and unpacks it into `folder` if its checksum is right.

    Raises:
        OSError, HTTPException or RuntimeError: the download failed, or brought something else.
    """
    download_url(url, folder, "archive.zip")
    archive = folder / "archive.zip"
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != sha256:
        raise RuntimeError(f"the file's SHA-256 is {found[:12]}… instead of {sha256[:12]}…: corrupted")
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)  # never outside the folder: absolute paths and .. are cut
