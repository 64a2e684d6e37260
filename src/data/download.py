"""Downloads that fail soon and appear complete."""

import logging
from pathlib import Path

import pooch

TIMEOUT = (5, 20)  # seconds until the server answers, and until its next bytes


def fetch_archive(url: str, known_hash: str, folder: Path) -> None:
    """Downloads a zip archive, with a progress bar, and unpacks it into `folder` if its hash is the known one.

    `known_hash` is "md5:…" or "sha256:…"; another one raises OSError, as a failed download does.
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
