"""The Groove MIDI Dataset as one-bar grids (Gillick et al. 2019, arXiv:1905.06118).

Every hit is quantised to the nearest sixteenth (upwards from halfway) and assigned to the voice of its note. Bars count
from the start of the file, so that a hit just before the last bar line opens one more bar; bars without a hit are
dropped. The official split's files in 4/4 hold 17,416 / 2,176 / 2,213 such bars.

Shapes: N bars, T steps, V voices.
"""

import hashlib
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from lightning.pytorch.utilities import rank_zero_warn

from src.core.cache import cached_arrays, exclusive, require_array, require_range
from src.core.console import progress
from src.core.files import temporary_folder
from src.data.download import fetch_archive
from src.data.drums.hits import DAMAGE, Unsupported, read_hits
from src.data.spec import BAR
from src.data.tables import read_table
from src.data.voices import VOICES

URL = "https://storage.googleapis.com/magentadata/datasets/groove/groove-v1.0.0-midionly.zip"
SHA256 = "651cbc524ffb891be1a3e46d89dc82a1cecb09a57c748c7b45b844c4841dcc1e"
VERSION = 3  # to be raised whenever the same files make other bars
SPLITS = {"train": "train", "validation": "val", "test": "test"}  # info.csv's names and ours
COLUMNS = ("midi_filename", "split", "style", "drummer", "bpm", "time_signature")
KINDS = ("grids", "styles", "drummers", "tempos")  # arrays with a row per bar
TEXTS = ("classes", "drummer_names", "damaged")
VOICE_OF = {note: index for index, voice in enumerate(VOICES) for note in voice.notes}
DATE = re.compile(r"0?4\W+(0?4|a[pbv]r)", re.IGNORECASE)  # 4-4 as a spreadsheet converts it
SHOWN = 20  # names in a warning


class Recording(NamedTuple):
    """A line of info.csv and the bytes of its file, empty without such a file."""

    name: str
    split: str
    style: str
    drummer: str
    tempo: float
    content: bytes


class GrooveBars(NamedTuple):
    """Bars uint8 [N, T, V] by split, their properties from info.csv, and omitted files and notes.

    Styles and drummers are int64 [N], indices into `classes` and `drummer_names`; tempos float64 [N], beats per minute.
    """

    grids: dict[str, np.ndarray]
    styles: dict[str, np.ndarray]
    drummers: dict[str, np.ndarray]
    tempos: dict[str, np.ndarray]
    classes: tuple[str, ...]
    drummer_names: tuple[str, ...]
    damaged: tuple[str, ...]  # omitted files; the reason follows if they are intact
    unknown: dict[int, int]  # hits on notes without a voice


def load_groove(root: Path, cache: Path) -> GrooveBars:
    """The bars in `root`/groove or in `root` itself, downloaded first if neither holds info.csv.

    They are parsed once and kept in `cache` under a digest of the files. Damaged and missing files and unknown notes
    are left out with a warning.

    Raises:
        ValueError: the dataset is neither on disk nor available from the network, info.csv is another one, or a split
            has no bars in 4/4.
    """
    folder = next((path for path in (root / "groove", root) if (path / "info.csv").is_file()), None)
    folder = folder or _download(root / "groove")
    recordings = read_info(folder)
    digest = hashlib.sha256(repr((VERSION, recordings)).encode()).hexdigest()

    def make() -> dict[str, np.ndarray]:
        groove = parse(recordings)
        for split, grids_NTV in groove.grids.items():
            if not len(grids_NTV):
                raise ValueError(
                    f"{folder} holds no bars in 4/4 for {split}: of {len(recordings):,} MIDI files in info.csv "
                    f"{len(groove.damaged):,} are damaged or missing. Copy or download it again"
                )
        return _packed(groove)

    def check(arrays: Mapping[str, np.ndarray]) -> GrooveBars:
        groove = _unpacked(arrays)
        if set(groove.classes) != {recording.style for recording in recordings}:
            raise ValueError("its styles are not those of info.csv")
        return groove

    groove = cached_arrays(cache / f"groove-{digest[:16]}.npz", make, check)
    if num := len(groove.damaged):
        more = f" and {num - SHOWN:,} more" if num > SHOWN else ""
        rank_zero_warn(
            f"{num:,} of {len(recordings):,} MIDI files in {folder} are left out, damaged or missing: "
            f"{', '.join(groove.damaged[:SHOWN])}{more}"
        )
    if groove.unknown:
        notes = ", ".join(f"{note} ({count:,})" for note, count in sorted(groove.unknown.items()))
        rank_zero_warn(f"{sum(groove.unknown.values()):,} hits in {folder} are left out, on notes of no voice: {notes}")
    return groove


def read_info(folder: Path) -> list[Recording]:
    """The recordings in 4/4 that info.csv lists, with the part of their style before the slash."""
    path = folder / "info.csv"
    columns, rows = read_table(path)
    lines = [*rows]
    missing = [column for column in COLUMNS if column not in columns]
    if missing:
        raise ValueError(f"{path} lacks the column {missing[0]}: it is not the Groove MIDI Dataset's info.csv")
    chosen = [line for line in lines if line["time_signature"] == "4-4"]
    if not chosen:
        dates = [line["time_signature"] for line in lines if DATE.match(line["time_signature"])]
        hint = f": {dates[0]!r} may be what a spreadsheet made of 4-4, format the column as text" if dates else ""
        raise ValueError(f"{path} lists nothing in 4/4 (time_signature 4-4), and nothing else is supported{hint}")
    unknown = {line["split"] for line in chosen} - set(SPLITS)
    if unknown:
        raise ValueError(f"{path} has the unknown split {min(unknown)!r}: expected {', '.join(SPLITS)}")
    recordings = []
    for line in chosen:
        name, style = line["midi_filename"], line["style"].partition("/")[0]
        try:
            tempo = float(line["bpm"].replace(",", "."))
        except ValueError:
            tempo = math.nan
        if not 0 < tempo < math.inf:
            raise ValueError(f"{path} has the bpm {line['bpm']!r} for {name}: expected beats per minute")
        try:
            is_inside = not Path(name).is_absolute() and ".." not in Path(name).parts and (folder / name).is_file()
            content = (folder / name).read_bytes() if is_inside else b""
        except (OSError, ValueError):  # ValueError: an impossible file name
            content = b""
        recordings.append(Recording(name, SPLITS[line["split"]], style, line["drummer"], tempo, content))
    return recordings


def parse(recordings: Sequence[Recording]) -> GrooveBars:
    """The bars of all recordings, in their order."""
    classes = tuple(sorted({recording.style for recording in recordings}))
    drummers = tuple(sorted({recording.drummer for recording in recordings}))
    no_bars = (np.empty((0, *BAR), np.uint8), np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    parts = {split: [no_bars] for split in SPLITS.values()}
    damaged: list[str] = []
    unknown: Counter[int] = Counter()
    for name, split, style, drummer, tempo, content in progress(recordings, "Reading MIDI files"):
        try:
            hits = read_hits(content)
        except Unsupported as kind:
            damaged.append(f"{name} ({kind})")
            continue
        except DAMAGE:
            damaged.append(name)
            continue
        unknown.update(note for _, note in hits if note not in VOICE_OF)
        grids_NTV = to_bars([(step, VOICE_OF[note]) for step, note in hits if note in VOICE_OF])
        num = len(grids_NTV)
        style_N = np.full(num, classes.index(style), np.int64)
        drummer_N = np.full(num, drummers.index(drummer), np.int64)
        parts[split].append((grids_NTV, style_N, drummer_N, np.full(num, tempo)))
    arrays = [{split: np.concatenate([part[i] for part in parts[split]]) for split in parts} for i in range(len(KINDS))]
    return GrooveBars._make((*arrays, classes, drummers, tuple(damaged), dict(unknown)))


def to_bars(hits: Sequence[tuple[int, int]]) -> np.ndarray:
    """The bars, uint8 [N, T, V], that contain hits; a hit is its step from the start and its voice."""
    num_steps = BAR[0]
    row_of = {bar: row for row, bar in enumerate(sorted({step // num_steps for step, _ in hits}))}
    grids_NTV = np.zeros((len(row_of), *BAR), np.uint8)
    for step, voice in hits:
        grids_NTV[row_of[step // num_steps], step % num_steps, voice] = 1
    return grids_NTV


def _download(folder: Path) -> Path:
    """Downloads the dataset into `folder`, which appears when complete; one process at a time."""
    if folder.is_dir() and any(folder.iterdir()):
        raise ValueError(f"{folder} lacks info.csv, so it is not the Groove MIDI Dataset: complete it or move it away")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with exclusive(folder.with_name(".groove.lock"), "data.root"):
            if not (folder / "info.csv").exists():  # as after another process's download
                with temporary_folder(folder.with_name(".groove.unfinished")) as scratch:
                    fetch_archive(URL, f"sha256:{SHA256}", scratch)
                    (scratch / "groove").rename(folder)
    except OSError as error:
        raise ValueError(
            f"The Groove MIDI Dataset is not available: data.root={folder.parent} lacks groove/info.csv and "
            f"downloading {URL} failed ({error}). Unpack it there, point data.root to it, "
            "or choose data=drums"
        ) from error
    return folder


def _packed(groove: GrooveBars) -> dict[str, np.ndarray]:
    arrays = {f"{split}_{kind}": getattr(groove, kind)[split] for kind in KINDS for split in SPLITS.values()}
    texts = {key: np.array(getattr(groove, key), str) for key in TEXTS}
    return arrays | texts | {"unknown": np.array(list(groove.unknown.items()), np.int64).reshape(-1, 2)}


def _unpacked(arrays: Mapping[str, np.ndarray]) -> GrooveBars:
    bars = ({split: arrays[f"{split}_{kind}"] for split in SPLITS.values()} for kind in KINDS)
    texts = (tuple(map(str, arrays[key].tolist())) for key in TEXTS)
    unknown = require_array(arrays["unknown"], np.int64, (None, 2))
    groove = GrooveBars._make((*bars, *texts, dict(unknown.tolist())))
    for split, grids_NTV in groove.grids.items():
        num = len(require_range(require_array(grids_NTV, np.uint8, (None, *BAR)), 0, 1))
        require_range(require_array(groove.styles[split], np.int64, (num,)), 0, len(groove.classes) - 1)
        require_range(require_array(groove.drummers[split], np.int64, (num,)), 0, len(groove.drummer_names) - 1)
        require_range(require_array(groove.tempos[split], np.float64, (num,)), 1e-9, 1e9)
        if not num:
            raise ValueError(f"{split} has no bars")
    return groove
