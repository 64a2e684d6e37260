"""The running table of a sweep: on a terminal redrawn in place below what the jobs print, in a log a line a minute."""

import os
import select
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from src.core.console import LossyStream
from src.core.metric_families import family
from src.core.metric_specs import metric_spec, reached
from src.core.plain_data import is_number, number, read_yaml
from src.sweeps.plan import Job, Plan, minutes

REFRESH = 1.0  # seconds between two looks at the jobs
LOG_SECONDS = 60  # between two lines in a log
LINES_AROUND = 4  # of a terminal, that the table leaves free


class State(NamedTuple):
    """Where a job stands: `status` of its results, or "waiting" or "running"; the newest metrics of its model."""

    status: str
    model: str
    metrics: Mapping[str, Any]
    share: float = 1.0  # of its evaluations that are done
    finished: bool = False

    @property
    def stage(self) -> str:
        """Of a running job: how far it has come."""
        return f"{self.share:.0%}" if self.share < 1 else "scoring"

    @property
    def keys(self) -> list[str]:
        """What is shown of it: modes, or the KL of each level."""
        shown = family(self.model, self.metrics)
        return [key for key in shown.headline if shown.level(key)] or list(shown.headline)


@contextmanager
def running_table(plan: Plan) -> Iterator[None]:
    """Shows how far the jobs of a plan are while they run within the context."""
    stopped = threading.Event()
    shown = _on_terminal if sys.stdout.isatty() and os.environ.get("TERM") != "dumb" else _in_log
    with shown(plan, stopped) as loop:
        thread = threading.Thread(target=loop, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stopped.set()
            thread.join()


@contextmanager
def _in_log(plan: Plan, stopped: threading.Event) -> Iterator[Any]:
    found: dict[Job, State] = {}

    def loop() -> None:
        while not stopped.wait(LOG_SECONDS):
            with suppress(Exception):  # such as a record that is damaged
                found.update(states(plan, found))
                print(summary(plan, found, running_jobs(found)), flush=True)

    yield loop


@contextmanager
def _on_terminal(plan: Plan, stopped: threading.Event) -> Iterator[Any]:
    """Redirects what this process and those that it starts print, to print it above the table."""
    from rich.console import Console  # imported late: the command line is answered without it
    from rich.live import Live
    from rich.text import Text

    sys.stdout.flush()
    sys.stderr.flush()
    before = {number: os.dup(number) for number in (1, 2) if os.isatty(number)}
    read, write = pipe()
    with os.fdopen(os.dup(1), "w", encoding=sys.stdout.encoding) as terminal:
        for number in before:
            os.dup2(write, number)
        console = Console(file=LossyStream(terminal), force_terminal=True)

        def loop() -> None:
            found: dict[Job, State] = {}
            rest, drawn = b"", 0.0
            with Live(console=console, auto_refresh=False, transient=True) as live:
                while not stopped.is_set() or select.select([read], [], [], 0)[0]:
                    if select.select([read], [], [], REFRESH / 4)[0]:
                        *lines, rest = (rest + os.read(read, 65536)).split(b"\n")
                        for line in lines:
                            console.print(Text.from_ansi(line.decode(errors="replace")), soft_wrap=True)
                    if time.monotonic() - drawn > REFRESH:
                        drawn = time.monotonic()
                        with suppress(Exception):  # or jobs would wait for ever for this thread to read their output
                            found.update(states(plan, found))
                            if all(size := os.get_terminal_size(terminal.fileno())):  # 0 where it is unknown
                                console.size = size
                            live.update(table(plan, found, console.height - LINES_AROUND), refresh=True)
            if rest:
                console.print(Text.from_ansi(rest.decode(errors="replace")))

        try:
            yield loop
        finally:
            for number, original in before.items():
                os.dup2(original, number)
                os.close(original)


@cache
def pipe() -> tuple[int, int]:
    """One for all tables of this process: processes that the first one's jobs run in may run later jobs too."""
    return os.pipe()


def states(plan: Plan, before: Mapping[Job, State]) -> dict[Job, State]:
    """Where each job stands; those that were finished before are not read again."""
    return {job: before[job] if job in before and before[job].finished else state(job) for job in plan.jobs}


def state(job: Job) -> State:
    """Read from the job's folder, in which it may be writing."""
    if not job.running:
        results = job.results
        status, metrics = results.get("status") or "waiting", results.get("metrics") or {}
        return State(status, results.get("model") or "", metrics, finished=job.finished)
    from src.report.collect import read_history  # imported late: the command line is answered without it

    rows = read_history(job.folder / "history.csv").rows
    if not rows:
        return State("running", "", {}, 0.0)
    model, evaluations = _record(job.folder)
    metrics = {key: number(text) for key, text in rows[-1].items()}
    return State("running", model, metrics, min(1.0, len(rows) / evaluations))


@cache
def _record(folder: Path) -> tuple[str, int]:
    """The model family of a run that has been evaluated, and how often it will have been."""
    config = read_yaml(folder / ".hydra" / "config.yaml")
    return "vae" if "vae" in config else "gan", config["evaluations"]


def table(plan: Plan, found: Mapping[Job, State], most_rows: int) -> Any:
    """A row per recipe, those without a start left out where there is no room."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    rows: dict[str, dict[Job, State]] = {}
    for job, its in found.items():
        rows.setdefault(job.name, {})[job] = its
    shown = Table(box=None, pad_edge=False)
    for heading, options in (("recipe", {"no_wrap": True}), ("seeds done", {"no_wrap": True}), ("so far", {})):
        shown.add_column(heading, overflow="ellipsis", header_style="bold", **options)
    begun = [name for name, its in rows.items() if any(each.status != "waiting" for each in its.values())]
    chosen = list(rows) if len(rows) <= most_rows else begun[-most_rows:]
    for name in chosen:
        its = [*rows[name].values()]
        done = sum(each.finished for each in its)
        shown.add_row(name, f"{done} of {len(its)}", so_far(its))
    num_running = sum(its.status == "running" for its in found.values())
    return Group(shown, Text(summary(plan, found, f"{num_running} running"), no_wrap=True, overflow="ellipsis"))


def so_far(found: Sequence[State]) -> str:
    """As in "modes 14, 25, 8 (40 %)": each seed's number, of those that run with the share that is done."""
    texts = []
    for key in next((each.keys for each in found if each.metrics), []):
        values = []
        for each in found:
            if is_number(each.metrics.get(key)):
                shown = reached(each.metrics, [key]).rpartition(" ")[2]
                values.append(shown if each.status != "running" else f"{shown} ({each.stage})")
        texts.append(f"{metric_spec(key).label} {', '.join(values)}")
    for status in ("diverged", "failed", "interrupted"):
        count = sum(each.status == status for each in found)
        texts += [f"{count} {status}"] if count else []
    if any(each.status == "running" and not each.metrics for each in found):
        texts.append("running")
    return " · ".join(texts)


def summary(plan: Plan, found: Mapping[Job, State], running: str) -> str:
    """As in "12 of 24 jobs done · 2 running · about 3:20 min left"."""
    done, left = sum(its.finished for its in found.values()), seconds_left(plan, found)
    parts = [f"{done} of {len(found)} jobs done", running, f"about {minutes(left)} left" if left else ""]
    return " · ".join(filter(None, parts))


def running_jobs(found: Mapping[Job, State]) -> str:
    """As in "gan_fm seed 1 (40%), gan_r1 seed 0 (20%)"."""
    return ", ".join(
        f"{job.name} seed {job.seed} ({its.stage})" for job, its in found.items() if its.status == "running"
    )


def seconds_left(plan: Plan, found: Mapping[Job, State]) -> float | None:
    """The plan's estimate; before the first job is done, from the evaluations that the running ones have made."""
    left = plan.seconds_left([job for job, its in found.items() if its.finished])
    if left is not None:
        return left
    running = {job: its for job, its in found.items() if its.status == "running"}
    took = [(time.time() - job.started_at) / its.share for job, its in running.items() if its.share]
    if not took:
        return None
    unfinished = len(found) - sum(its.share for its in running.values())
    return unfinished * sum(took) / len(took) / len(running)


def line(plan: Plan, job: Job) -> str:
    """What a job reached, with the other seeds of its recipe.

    As in "[12 of 96] gan_fm seed 2: modes 14, KL 0.531 · 3 of 3 seeds: modes 25, 8, 14 · 1:03 min · about 48:10 left".
    """
    found = states(plan, {})
    done, its, left = [each for each in found if found[each].finished], found[job], seconds_left(plan, found)
    shown = family(its.model, its.metrics)
    status = its.status if its.status not in ("completed", "waiting", "running") else ""
    what = "" if its.status == "running" else reached(its.metrics, dict.fromkeys((*shown.headline, *shown.primary)))
    parts = [f"[{len(done)} of {len(found)}] {job.name}{f' seed {job.seed}' if job.seed else ''}"]
    parts[0] += f": {', '.join(filter(None, (status, what))) or 'no results'}"
    others = [each for name, each in ((other.name, found[other]) for other in found) if name == job.name]
    if len(others) > 1:
        parts.append(f"{sum(each.finished for each in others)} of {len(others)} seeds: {so_far(others)}")
    parts += [minutes(job.ended_at - job.started_at)] if job.ended_at > job.started_at else []
    parts += [f"about {minutes(left)} left"] if left else []
    return " · ".join(parts)
