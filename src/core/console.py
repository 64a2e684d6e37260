"""Standard output that never decides how a run ends, progress of long tasks, and a log without routine messages."""

import io
import logging
import os
import sys
import time
import warnings
from collections.abc import Iterable, Iterator
from contextlib import suppress
from operator import length_hint
from pathlib import Path
from typing import Any, TypeVar

from src.core.environment import process_rank

LOG_SECONDS = 15  # between log lines on the progress without a terminal
Step = TypeVar("Step")

log = logging.getLogger(__name__)
log.setLevel(logging.INFO)  # while a sweep logs only warnings of itself


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


def log_to_stderr() -> None:
    """Shows log lines of programs for which Hydra does not configure logging."""
    logging.basicConfig(format="[%(asctime)s] %(message)s", datefmt="%H:%M:%S")


def announce(task: str) -> None:
    """Says at once what is being done, if this is the first process of a run."""
    if not process_rank():
        print(f"{task} …", file=sys.stderr, flush=True)


def announce_import(module: str, name: str) -> None:
    """Says that a package which takes seconds is being loaded, if it is not there yet."""
    if module not in sys.modules:
        announce(f"Loading {name}")


class Task:
    """Progress of a task: a bar on a terminal, else a log line every `LOG_SECONDS` of all tasks together.

    Args:
        steps: how many there are.
        done: how many of them before it starts.
    """

    logged = time.monotonic()  # when the last line of any task was, or the program began

    def __init__(self, name: str, steps: int, done: int = 0):
        self.name, self.steps, self.bar = name, steps, None
        self.shown = not process_rank()  # of several processes the first speaks
        if not self.shown:
            return
        from rich import get_console  # imported late: the command line is answered without them
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        if get_console().is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self.bar = Progress(
                *columns,
                TextColumn("{task.fields[note]}"),
                console=get_console(),
                transient=True,
                speed_estimate_period=600,
            )
            self.bar.add_task(name, total=steps, completed=done, note="")
            self.bar.start()

    def update(self, done: int, note: str = "") -> None:
        """Shows how many steps are done, with a note on what they reached."""
        if self.bar:
            self.bar.update(self.bar.task_ids[0], completed=done, note=note)
        elif self.shown and time.monotonic() - Task.logged >= LOG_SECONDS:
            Task.logged = time.monotonic()
            log.info("%s: %s of %s%s", self.name, f"{done:,}", f"{self.steps:,}", f" · {note}" if note else "")

    def stop(self) -> None:
        if self.bar:
            self.bar.stop()


def progress(steps: Iterable[Step], task: str, total: int | None = None) -> Iterator[Step]:
    """Yields the steps of a task and shows how many of the `total` are done; an iterator does not know its own."""
    shown = Task(task, length_hint(steps) if total is None else total)
    try:
        for done, step in enumerate(steps):
            shown.update(done)
            yield step
    finally:
        shown.stop()
