"""The plan of a sweep and its progress, read from the sweep's folder."""

import json
import math
import shutil
import statistics
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from src.core.commands import override
from src.core.files import write_atomically
from src.core.plain_data import read_json, read_yaml
from src.core.run_names import PRUNED, WHERE, concerns, job_folder, key_of, run_name, value_of
from src.training import checkpoints
from src.training.results import NOT_MEASURED, read_results, write_results
from src.training.run_record import read_record, reading

FINISHED = ("completed", "diverged")
# What a sweep may be told anew when it goes on.
CHANGEABLE = ("study.seeds", "study.resume", "study.dry_run", *WHERE)


@dataclass(frozen=True)
class Job:
    """One run of a sweep: its folder, its name and its overrides."""

    folder: Path
    name: str
    overrides: tuple[str, ...]

    @property
    def seed(self) -> str:
        return value_of("seed", self.overrides)

    @property
    def results(self) -> dict[str, Any]:
        return read_results(self.folder)

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to run; a job that failed or was cut short is not finished."""
        results = self.results
        return results.get("status") in FINISHED or (results.get("error") or "").startswith(PRUNED)

    @property
    def started_at(self) -> float:
        """When it was last started, in seconds since the epoch; 0 if never."""
        records = (self.folder / ".hydra" / place / "overrides.yaml" for place in ("", "resumed"))
        return max((record.stat().st_mtime for record in records if record.is_file()), default=0)

    @property
    def ended_at(self) -> float:
        """When it last wrote its results; 0 if never."""
        path = self.folder / "results.json"
        return path.stat().st_mtime if path.is_file() else 0

    @property
    def running(self) -> bool:
        return self.started_at > self.ended_at

    def as_started(self) -> "Job":
        """The job with the overrides recorded in its folder, if it was started before.

        Raises:
            ValueError: the record of them is damaged.
        """
        path = self.folder / ".hydra" / "overrides.yaml"
        if not path.is_file():
            return self
        with reading(path):
            return replace(self, overrides=tuple(map(str, read_yaml(path))))

    def prepare(self) -> list[str]:
        """The overrides to launch: resume from the last checkpoint, or start anew in an empty folder."""
        if checkpoints.newest_valid(self.folder):
            return [*self.overrides, override("resume", self.folder)]
        if self.started_at:
            shutil.rmtree(self.folder)
        return list(self.overrides)

    def record_failure(self, error: str) -> None:
        """Writes the results.json that the job itself could not.

        Raises:
            OSError: it cannot be written, or the job has not come far enough to have a folder.
            ValueError: the record in it is damaged.
        """
        record = read_record(self.folder)
        known = dict.fromkeys(NOT_MEASURED) | {"metrics": {}, "controls": {}}
        known |= {"name": record.name, "model": record.family, "seed": record.value("seed")}
        write_results(self.folder, known | self.results | {"status": "failed", "error": error})


@dataclass(frozen=True)
class Plan:
    """The jobs of a sweep in their order.

    `since` is when the sweep was last started, in seconds since the epoch: what happened before is another start's.
    """

    folder: Path
    jobs: tuple[Job, ...]
    since: float = field(default=math.inf, compare=False)

    @classmethod
    def of(cls, folder: Path, recipe: str, overrides: Sequence[Sequence[str]], swept: Collection[str]) -> "Plan":
        """One job for each list of overrides; `recipe` is that of jobs that do not name theirs.

        Raises:
            ValueError: two different jobs would share a folder.
        """
        jobs: dict[Path, Job] = {}
        for given in overrides:
            chosen = value_of("experiment", given, recipe)
            path = folder / job_folder(chosen, given, swept)
            job = jobs.setdefault(path, Job(path, run_name(chosen, given, swept), tuple(given)))
            if job.overrides != tuple(given):
                differing = [text for text in given if text not in job.overrides]
                raise ValueError(f"{' '.join(differing)}: another job of the sweep is called {path.name} too")
        return cls(folder, tuple(jobs.values()))

    @classmethod
    def read(cls, folder: Path) -> "Plan":
        """The plan of a sweep that was started; an empty one if the folder holds none."""
        path = folder / "jobs.json"
        if not path.is_file():
            return cls(folder, ())
        try:
            listed = read_json(path)["jobs"]
            # By the last part of its name: no job of a sweep is outside the sweep's folder.
            jobs = [Job(folder / Path(job["folder"]).name, job["name"], tuple(job["overrides"])) for job in listed]
        except (ValueError, LookupError, TypeError) as error:
            raise ValueError(f"{path} is damaged: {error}") from error
        return cls(folder, tuple(jobs), since=path.stat().st_mtime)

    def moved(self, folder: Path) -> "Plan":
        """The same jobs in another folder."""
        return Plan(folder, tuple(replace(job, folder=folder / job.folder.name) for job in self.jobs))

    def save(self) -> None:
        """Writes jobs.json: this plan's jobs after those of earlier starts.

        Raises:
            ValueError: a job of this name, or a run in its folder, was started with other choices.
        """
        jobs = {job.folder: job for job in Plan.read(self.folder).jobs}
        for job in self.jobs:
            before = jobs.setdefault(job.folder, job.as_started())
            changed = sorted(_choices(job) ^ _choices(before))
            if changed:
                raise ValueError(
                    f"study.resume={self.folder}: {job.folder.name} was started with other choices "
                    f"({', '.join(changed)}); give the same ones, or start a new sweep"
                )
        listed = [
            {"folder": job.folder.name, "name": job.name, "overrides": list(job.overrides)} for job in jobs.values()
        ]
        write_atomically(self.folder / "jobs.json", json.dumps({"jobs": listed}, indent=1) + "\n")

    @property
    def pending(self) -> list[Job]:
        return [job for job in self.jobs if not job.finished]

    def headline(self) -> str:
        pending = self.pending
        resumed = sum(checkpoints.exists(job.folder) for job in pending)
        counts = f"{len(self.jobs) - len(pending)} done, {resumed} to go on with, {len(pending) - resumed} to start"
        left = self.seconds_left()
        return f"{len(self.jobs)} jobs in {self.folder}: {counts}{f', about {minutes(left)}' if left else ''}."

    def listing(self) -> str:
        """A line per name with its seeds, those that are done in brackets."""
        seeds: dict[str, list[str]] = {}
        for job in self.jobs:
            seeds.setdefault(job.name, []).append(f"({job.seed})" if job.finished else job.seed)
        width = max(map(len, seeds), default=0)
        return "\n".join(f"  {name:{width}}  seed {' '.join(chosen)}".rstrip() for name, chosen in seeds.items())

    def seconds_left(self, finished: Collection[Job] | None = None) -> float | None:
        """Estimate from the jobs that finished without being resumed, and from how many run at once; None before.

        A running job counts as half done; one that ended without being finished has its next turn in the next start.

        Args:
            finished: the jobs that are, by whoever has read their results already.
        """
        finished = [job for job in self.jobs if job.finished] if finished is None else finished
        took = [job.ended_at - job.started_at for job in finished if not (job.folder / ".hydra" / "resumed").is_dir()]
        pending = [job for job in self.jobs if job not in finished]
        running = sum(job.running and job.started_at >= self.since for job in pending)
        ended = sum(not job.running and job.ended_at >= self.since for job in pending)
        waiting = len(pending) - running - ended
        if not took or not (running or waiting):
            return 0.0 if took else None
        at_once = min(running + 1, waiting) if waiting else running
        return statistics.fmean(took) * (waiting / at_once + (0.5 if running else 0.0))


def minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d} min"


def _choices(job: Job) -> set[str]:
    return {text for text in job.overrides if not concerns(key_of(text), CHANGEABLE)}
