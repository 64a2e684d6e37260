"""Standard output that never decides how a run ends, and a log without Lightning's routine start-up messages."""

import io
import logging
import os
import sys
import time
import warnings
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

LOG_SECONDS = 15  # between log lines on the progress without a terminal

log = logging.getLogger(__name__)
Item = TypeVar("Item")


class LossyFile(io.FileIO):
    """A writable file descriptor that drops what it cannot write, as on a full disk or a closed pipe."""

    def write(self, content: Any) -> int:
        try:
            written = super().write(content)
        except OSError:
            written = None
        return memoryview(content).nbytes if written is None else written


class LossyStream(io.TextIOWrapper):
    """A text stream on the same descriptor that no character and no failing write can stop."""

    def __init__(self, stream: io.TextIOWrapper):
        with suppress(OSError):
            stream.flush()
        file = io.BufferedWriter(LossyFile(stream.fileno(), "w", closefd=False))
        super().__init__(file, stream.encoding, "replace", line_buffering=stream.line_buffering, write_through=True)


def make_output_lossy() -> None:
    """Replaces the process's own stdout and stderr by lossy ones, so that printing never raises.

    Signs that the encoding lacks become question marks. Streams that a caller put in their place stay as they are.
    """
    occupy_closed_descriptors()
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever started Python
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
        elif stream is getattr(sys, f"__{name}__") and not isinstance(stream, LossyStream):
            setattr(sys, name, LossyStream(stream))
            setattr(sys, f"__{name}__", getattr(sys, name))


def occupy_closed_descriptors() -> None:
    """Opens the null device where 0, 1 or 2 is closed: the next file that is opened would be taken for it."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)


def configure_logging() -> None:
    """Filters Lightning's routine start-up messages and four warnings that do not apply here."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    for pattern in (
        ".*The given NumPy array is not writable.*",  # of images mapped into memory, which are only read
        ".*does not have many workers.*",  # data lie in memory on the training device
        ".*Checkpoint directory .* exists and is not empty.*",  # a resumed run continues in its own folder
        ".*isinstance.treespec, LeafSpec.. is deprecated.*",  # Lightning 2.6 with torch 2.15
    ):
        warnings.filterwarnings("ignore", pattern)


def progress(items: Iterable[Item], description: str, total: int) -> Iterator[Item]:
    """The same items, with a progress bar on a terminal, else with a log line every `LOG_SECONDS`."""
    from rich import get_console  # a listing of options needs none of it
    from rich.progress import track

    console = get_console()
    logged = time.monotonic()
    bar = track(items, description, total, console=console, transient=True, disable=not console.is_terminal)
    for number, item in enumerate(bar, 1):
        yield item
        if not console.is_terminal and time.monotonic() - logged >= LOG_SECONDS:
            logged = time.monotonic()
            log.info("%s: %s of %s", description, f"{number:,}", f"{total:,}")
