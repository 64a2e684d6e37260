"""Writing a report: folders of runs in, a folder of pages, tables and pictures out."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path

from src.core.files import write_atomically
from src.core.plain_data import clean, is_inside
from src.report.answers import opening
from src.report.collect import ReportError, collect
from src.report.document import Audio, Block, Details, Document, Part, Sentence, flat, html, markdown
from src.report.export import runs_csv, summary_csv
from src.report.figures import KINDS
from src.report.grouping import group
from src.report.page import compose
from src.report.records import Run
from src.report.section import Section
from src.report.stored import stored
from src.report.tensorboard import write_tensorboard

MOST_BYTES = 5_000_000
PLAYER = 500  # bytes of a page around a sound's own, at most


@dataclass(frozen=True)
class Report:
    """What was written, and what it says."""

    folder: Path
    sections: tuple[Section, ...]

    @property
    def page(self) -> Path:
        return self.folder / "index.html"

    @property
    def runs(self) -> list[Run]:
        return [run for section in self.sections for run in section.runs]

    @property
    def sentences(self) -> list[Sentence]:
        """The answer, three sentences a section."""
        return [sentence for section in self.sections for sentence in opening(section)]

    def _repr_markdown_(self) -> str:
        """What a notebook shows of it."""
        return "\n".join([*(f"- {sentence.text}" for sentence in self.sentences), "", str(self.page)])


def write_report(
    folders: Sequence[Path], out: Path | None = None, baseline: str | None = None, tables: Sequence[Path] = ()
) -> Report:
    """Report on every run below the folders and in stored tables, into `out`, by default report/ in the first folder.

    Without a folder it is report/ beside the first table.

    Raises:
        ReportError: a folder is missing, holds no run, a table is none, or no run has the baseline's name.
    """
    runs = [*(run for table in tables for run in stored(table)), *(collect(folders) if folders else [])]
    out = out or _beside(folders[0] if folders else tables[0].parent)
    sections, document = _composed(runs, baseline, out.parent)
    figures = out / "figures"
    figures.mkdir(parents=True, exist_ok=True)
    for picture in document.pictures:
        write_atomically(figures / picture.file, picture.content)
    stale = {path for kind in KINDS for path in figures.glob(f"{kind}_*.png")}  # of an earlier report
    for path in stale - {figures / picture.file for picture in document.pictures}:
        path.unlink()
    write_atomically(out / "runs.csv", runs_csv(sections, out.parent))
    write_atomically(out / "summary.csv", summary_csv(sections))
    write_tensorboard(sections, out)
    write_atomically(out / "report.md", markdown(document))
    write_atomically(out / "index.html", html(document))
    return Report(out, tuple(sections))


def _composed(runs: Sequence[Run], baseline: str | None, root: Path) -> tuple[list[Section], Document]:
    """The report on runs; one that cannot be reported even on its own is damaged, and does not stop the others'."""
    try:
        sections = group(runs, baseline)
        return sections, fit_size_budget(compose(sections, root))
    except ReportError:
        raise
    except Exception:  # values of a kind that no check knows
        checked = [_checked(run, root) for run in runs]
        if all(run is before for run, before in zip(checked, runs, strict=True)):
            raise
    sections = group(checked, baseline)
    return sections, fit_size_budget(compose(sections, root))


def _checked(run: Run, root: Path) -> Run:
    try:
        compose(group([run]), root)
    except Exception as fault:
        error = f"{clean(run.folder.name, 100)} cannot be reported: {type(fault).__name__}: {clean(str(fault), 300)}"
        return Run(run.folder, "damaged", run.name, run.model, run.seed, error, overrides=run.overrides)
    return run


def fit_size_budget(document: Document, most: int = MOST_BYTES) -> Document:
    """The document with as many of its sounds as a page of `most` bytes has room for, those of lowest rank first."""
    sounds = sorted((block for block in flat(document.blocks) if isinstance(block, Audio)), key=lambda one: one.rank)
    room = most - len(html(replace(document, blocks=_with(document.blocks, ()))).encode())
    sizes = accumulate(len(sound.source) + PLAYER for sound in sounds)
    kept = {sound for sound, size in zip(sounds, sizes, strict=True) if size <= room}
    return replace(document, blocks=_with(document.blocks, kept))


def _with(blocks: Sequence[Block], kept: Collection[Audio]) -> list[Block]:
    """The blocks without any other sounds, and without what held nothing else."""
    left: list[Block] = []
    for block in blocks:
        if isinstance(block, Details | Part):
            inner = _with(block.blocks, kept)
            left += [replace(block, blocks=inner)] if inner or isinstance(block, Part) else []
        elif not isinstance(block, Audio) or block in kept:
            left.append(block)
    return left


def _beside(folder: Path) -> Path:
    """
    Raises:
        ReportError: the folder, which may be a stranger's, has a link there.
    """
    out = folder / "report"
    if not all(is_inside(folder, path) for path in (out, out / "figures")):
        raise ReportError(f"{out}: leads out of {folder}. Name another folder with --out.")
    return out
