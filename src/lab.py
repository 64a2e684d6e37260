"""The Python interface, for notebooks and scripts: runs, sweeps and reports by the functions behind the commands.

    from src import lab

    run = lab.run(["experiment=gan_fm", "data=strokes"])
    run.metrics["modes"], run.history, run.grid(64)

An error is a ValueError with the line that the command would print, an interruption a KeyboardInterrupt with it.
"""

import io
import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any

import torch
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_automatic_config_search_path
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode
from PIL import Image

from src import train
from src.cli.arguments import check_words, explain
from src.core.commands import CONFIGURATION, override, prepare_arguments
from src.core.errors import UserExit, import_optional, is_user_error
from src.core.files import user_path
from src.core.metric_families import family
from src.core.metric_specs import ordered
from src.core.plain_data import is_number
from src.core.resolvers import sweep_folder
from src.core.run_names import key_of
from src.data.module import ResidentData
from src.gan.module import GAN
from src.report.collect import collect, read_run
from src.report.records import Run as Record
from src.report.write import Report, write_report
from src.sample.restore import data_of, picture_of, restored, samples_of
from src.training.run_record import read_record
from src.vae.module import VAE

MOST_COLUMNS = 14  # of a table that a notebook shows
SIGNAL = 128  # exit status of a program that a signal ended, less the signal's number


class Table(list[dict[str, Any]]):
    """Rows by column; a notebook shows the first columns."""

    def to_pandas(self) -> Any:
        """A pandas DataFrame.

        Raises:
            ValueError: pandas is not installed.
        """
        return import_optional("pandas", "notebooks").DataFrame(self)

    def _repr_html_(self) -> str:
        columns = list(dict.fromkeys(key for row in self for key in row))
        shown = columns[:MOST_COLUMNS]
        rows = [shown, *([_cell(row.get(key)) for key in shown] for row in self)]
        body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
        more = f"<p>{len(columns) - len(shown)} more columns</p>" if len(columns) > len(shown) else ""
        return f"<table>{body}</table>{more}"


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    return "" if value is None else str(value)


class Run:
    """One run's folder: what was measured, and its model and data, rebuilt when they are first asked for.

    Attributes:
        record: everything that the report knows of the run.
        checkpoint: "last" or "best", whose weights `model` has.
        trust: modules of one's own whose classes the folder's record may build.
    """

    def __init__(self, record: Record, checkpoint: str = "last", trust: Sequence[str] = ()):
        self.record, self.checkpoint, self.trust = record, checkpoint, tuple(trust)
        self.folder, self.name, self.seed = record.folder, record.name, record.seed
        self.status, self.outcome, self.error = record.status, record.outcome, record.error
        self.metrics, self.controls = dict(record.metrics), dict(record.controls)

    def __repr__(self) -> str:
        own = family(self.record.model or "", self.metrics)
        keys = [*own.primary, *own.headline]
        numbers = [f"{key} {_cell(self.metrics[key])}" for key in keys if is_number(self.metrics.get(key))]
        said = ", ".join(filter(None, (self.status, self.outcome, self.error, *numbers)))
        return f"{self.name} seed {self.seed}: {said} ({self.folder})"

    @property
    def history(self) -> Table:
        """A row per evaluation: images_seen, seconds and every metric."""
        return Table({key: _value(text) for key, text in row.items()} for row in self.record.history.rows)

    @cached_property
    def model(self) -> GAN | VAE:
        """The trained model, on the CPU and in evaluation mode.

        Raises:
            FileNotFoundError: the run has no checkpoint yet.
            ValueError: folder or checkpoint are damaged, or would build classes that are not trusted.
        """
        return restored(self.folder, self.checkpoint, self.trust)

    @cached_property
    def data(self) -> ResidentData:
        """The data that it was trained on: `data.splits["train"].images`, `data.spec`.

        Raises:
            ValueError: they are no longer where they were.
        """
        return data_of(self.folder, self.model.spec.digest, trust=self.trust)

    def samples(self, num: int = 16, seed: int = 0, label: str | None = None) -> torch.Tensor:
        """New samples as stored levels, uint8 [N, C, H, W], the same for a seed; a conditional GAN's of a class."""
        return samples_of(self.model, num, seed, label)

    def grid(self, num: int = 64, seed: int = 0, label: str | None = None) -> Image.Image:
        """New samples side by side."""
        return Image.fromarray(picture_of(self.samples(num, seed, label), self.model.spec))

    def picture(self, name: str) -> Image.Image:
        """One of the run's own pictures, as `sorted` of samples/sorted.png."""
        content = self.record.picture(name)
        if content is None:
            names = sorted(path.stem for path in (self.folder / "samples").glob("*.png"))
            raise ValueError(f"{self.folder / 'samples'}: there is no {name}.png; choose {', '.join(names) or 'none'}")
        return Image.open(io.BytesIO(content), formats=["PNG"])


class Sweep:
    """The runs of a sweep's folder, or of all folders below one."""

    def __init__(self, folder: str | Path, trust: Sequence[str] = ()):
        self.folder = user_path(str(folder))
        found = collect([self.folder]) if self.folder.is_dir() else []
        self.runs = [Run(record, trust=trust) for record in found]

    def __repr__(self) -> str:
        return "\n".join(map(repr, self.runs))

    def _repr_html_(self) -> str:
        return self.table._repr_html_()

    @property
    def table(self) -> Table:
        """A row per run: what it was, how it ended, and every number that was measured."""
        return Table(_row(run.record) for run in self.runs)

    def to_pandas(self) -> Any:
        """The table as a pandas DataFrame."""
        return self.table.to_pandas()


def run(overrides: Sequence[str], config_dir: str | Path | None = None, trust: Sequence[str] = ()) -> Run:
    """Trains and evaluates one model, as `python -m src.train OVERRIDES` does.

    Args:
        overrides: as on the command line: `["experiment=gan_fm", "data=strokes", "budget=64000"]`.
        config_dir: a folder with yaml files of one's own, as `--config-dir`.
        trust: modules of one's own whose classes `Run.model` builds.

    Raises:
        ValueError: with the line that the command prints.
        KeyboardInterrupt: it was interrupted; with the command that goes on.
    """
    for word in overrides:
        if key_of(word) == "study":
            raise ValueError(f"{word}: chooses several runs; use lab.sweep")
    returned = _start(RunMode.RUN, overrides, config_dir)
    return Run(read_run(Path(returned.hydra_cfg.hydra.runtime.output_dir)), trust=trust)


def sweep(overrides: Sequence[str], config_dir: str | Path | None = None, trust: Sequence[str] = ()) -> Sweep:
    """Runs every combination of the choices and reports on them, as `python -m src.train -m OVERRIDES` does.

    A job that fails stops no other: its row says why. Arguments and errors as of `run`.
    """
    words = list(overrides)
    given = {key_of(word): word for word in words}
    own = given.get("study.resume") or given.get("hydra.sweep.dir")
    if own:
        folder = Path(own.partition("=")[2].strip("'\""))
    else:
        study = given.get("study", "").partition("=")[2]
        folder = Path(sweep_folder(None, study, datetime.now().strftime("%Y-%m-%d_%H-%M-%S-%f")))
        words.append(override("hydra.sweep.dir", folder))
    with suppress(SystemExit):  # of a listing, or with the exit status that tells a shell of failed jobs
        _start(RunMode.MULTIRUN, words, config_dir)
    swept = Sweep(folder, trust)
    if any(run.status == "interrupted" for run in swept.runs):
        raise KeyboardInterrupt(f"lab.sweep(['{override('study.resume', folder)}']) goes on")
    return swept


def load(folder: str | Path, checkpoint: str = "last", trust: Sequence[str] = ()) -> Run:
    """A run's folder, finished or not, wherever it came from: nothing in it is executed.

    Args:
        folder: of the run.
        checkpoint: "last" or "best", whose weights the model has.
        trust: modules of one's own whose classes the folder's record may build.

    Raises:
        FileNotFoundError: it is not a run's folder.
        ValueError: it is damaged.
    """
    return Run(read_run(read_record(user_path(str(folder))).run), checkpoint, trust)


def report(folders: Iterable[str | Path], out: str | Path | None = None, baseline: str | None = None) -> Report:
    """Reports on every run below the folders, as `python -m src.report` does.

    Args:
        folders: runs, sweeps, or folders of them.
        out: where to write; None: report/ in the first of the folders.
        baseline: the name that the others are compared with.
    """
    places = [user_path(str(folder)) for folder in folders]
    return write_report(places, None if out is None else user_path(str(out)), baseline)


def _start(mode: RunMode, overrides: Sequence[str], config_dir: str | Path | None) -> Any:
    """What Hydra returns of `train.job` in this mode."""
    with _contained():
        words = [word for word in prepare_arguments(list(overrides)) if word not in ("-m", "--multirun")]
        check_words(words)
        if mode == RunMode.RUN:
            for parsed in OverridesParser.create().parse_overrides(words):
                if parsed.is_sweep_override():
                    raise ValueError(f"{parsed.input_line}: chooses several runs; use lab.sweep")
        path = create_automatic_config_search_path(None, None, str(CONFIGURATION))
        if config_dir is not None:
            if not user_path(str(config_dir)).is_dir():
                raise ValueError(f"config_dir={config_dir}: there is no such folder")
            url = f"file://{user_path(str(config_dir)).absolute()}"
            path.prepend("command-line", url, SearchPathQuery(provider="schema"))
        GlobalHydra.instance().clear()
        hydra = Hydra.create_main_hydra2("train", path)
        start = hydra.run if mode == RunMode.RUN else hydra.multirun
        try:
            return start("train", train.job, [*words, f"hydra.mode={mode.name}"])
        finally:
            GlobalHydra.instance().clear()


@contextmanager
def _contained() -> Iterator[None]:
    """Raises what a command ends with, and takes a run's handlers, its train.log among them, off the root logger."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        yield
    except UserExit as end:
        raise (KeyboardInterrupt if end.code >= SIGNAL else ValueError)(end.text) from None
    except Exception as error:
        if not is_user_error(error):
            raise
        raise ValueError(explain(error)) from None
    finally:
        for handler in set(root.handlers) - {*handlers}:
            handler.close()
        root.handlers[:] = handlers
        root.setLevel(level)


def _row(record: Record) -> dict[str, Any]:
    """What a run was and how it ended, then its metrics, the most important first."""
    main = [key for key in family(record.model or "", record.scalars).main if key in record.scalars]
    others = [key for key in ordered({*record.scalars}) if key not in main]
    told = {key: getattr(record, key) for key in ("name", "seed", "status", "outcome")}
    end = {"error": record.error, "folder": str(record.folder)}
    return told | {key: record.scalars[key] for key in (*main, *others)} | end


def _value(text: str) -> Any:
    """A cell of history.csv: a number where it is one, None where it is blank."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text or None
