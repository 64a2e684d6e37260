"""Downloads that fail soon, happen once and appear complete."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pooch
from filelock import FileLock, Timeout

TIMEOUT = (5, 20)  # seconds until the server answers, and until its next bytes

log = logging.getLogger(__name__)


def fetch_archive(url: str, known_hash: str, folder: Path) -> None:
    """Downloads a zip archive, with a progress bar, and unpacks it into `folder` if its hash is the known one.

    Args:
        known_hash: "md5:…" or "sha256:…".

    Raises:
        OSError: the download failed, or the hash is another one.
    """
    pooch.get_logger().setLevel(logging.WARNING)
    downloader = pooch.HTTPDownloader(progressbar=True, timeout=TIMEOUT)
    try:
        pooch.retrieve(url, known_hash, "archive.zip", folder, pooch.Unzip(extract_dir="."), downloader)
    except (OSError, ValueError) as error:  # pooch's ValueError: another hash
        origin: BaseException = error
        while (inner := origin.__cause__ or origin.__context__) is not None:
            origin = inner  # such as "Connection refused", without what requests and urllib3 wrap around it
        raise OSError(str(origin)) from error


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
