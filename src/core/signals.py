"""Being asked to stop: by Ctrl-C, or by a machine that others want back (SIGTERM, SIGUSR1; SIGUSR2 from submitit)."""

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
    """The program was asked to stop. No KeyboardInterrupt, of which Lightning makes an exit of its own."""

    def __init__(self, number: int):
        super().__init__(f"interrupted by {signal.Signals(number).name}")
        self.number = number
        self.exit_status = 128 + number  # as shells have it


class Pruned(Exception):
    """A search gives the run up: others were better by then."""


def stop(number: int, frame: FrameType | None = None) -> None:
    """Stops at once."""
    raise Interrupted(number)


def stop_after_jobs(number: int, frame: FrameType | None = None) -> None:
    """Stops once jobs in other processes, which Ctrl-C asks too, had time to end; asked again, at once."""
    listen(stop)
    time.sleep(GRACE)
    stop(number)


def listen(handler: Handler) -> None:
    """Hands the signals to `handler` from now on. Python delivers signals to the main thread only."""
    if threading.current_thread() is threading.main_thread():
        for number in SIGNALS:
            signal.signal(number, handler)


@contextmanager
def listening(handler: Handler) -> Iterator[None]:
    """Hands the signals to `handler` for a while."""
    before = [signal.getsignal(number) for number in SIGNALS]
    listen(handler)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler_before in zip(SIGNALS, before, strict=True):
                signal.signal(number, handler_before)
