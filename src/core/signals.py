"""Signals that ask a run to stop: Ctrl-C, SIGTERM and SIGUSR1 of a cluster, SIGUSR2 of submitit."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

GRACE = 5  # seconds that the jobs of a sweep get
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
Handler = Callable[[int, FrameType | None], None]


class Interrupted(BaseException):
    """The program was asked to stop. Not a KeyboardInterrupt, which Lightning handles by exiting itself."""

    def __init__(self, number: int):
        super().__init__(f"interrupted by {signal.Signals(number).name}")
        self.number = number
        self.exit_status = 128 + number  # as shells have it


class Pruned(Exception):
    """A search ends the run because others were better at this point."""


def stop(number: int, frame: FrameType | None = None) -> None:
    """Stops at once."""
    raise Interrupted(number)


def stop_after_jobs(number: int, frame: FrameType | None = None) -> None:
    """Stops after `GRACE` seconds, in which jobs in other processes can end; at once when asked again."""
    listen(stop)
    time.sleep(GRACE)
    stop(number)


def listen(handler: Handler) -> None:
    """Installs `handler` for the signals, in the main thread, to which alone Python delivers them."""
    if threading.current_thread() is threading.main_thread():
        for number in SIGNALS:
            signal.signal(number, handler)


@contextmanager
def listening(handler: Handler) -> Iterator[None]:
    """Installs `handler` for the signals within the context."""
    before = [signal.getsignal(number) for number in SIGNALS]
    listen(handler)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler_before in zip(SIGNALS, before, strict=True):
                signal.signal(number, handler_before)
