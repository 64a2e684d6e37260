"""Measures training time without interruptions."""

import time


class Stopwatch:
    """A stopwatch that adds up."""

    def __init__(self) -> None:
        self.seconds_before = 0.0
        self.started_at: float | None = None

    @property
    def seconds(self) -> float:
        running = 0.0 if self.started_at is None else time.perf_counter() - self.started_at
        return self.seconds_before + running

    def start(self) -> None:
        self.started_at = time.perf_counter()

    def stop(self) -> None:
        self.seconds_before, self.started_at = self.seconds, None
