"""What a run left behind, as plain values."""

import io
import struct
import wave
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from src.core.dataset import Dataset
from src.core.plain_data import from_word, is_inside, is_number, number, read_bytes
from src.core.run_names import PRUNED, value_of
from src.data.drums.audio import BEAT, data_uri

MOST_PIXELS = 40_000_000  # of a picture; unpacked it takes three or four bytes each
MOST_BYTES_OF_A_PICTURE = 50_000_000

ABSENT = "missing"  # the metric, and the history's column, of modes that are not covered
EARLIER_ORACLE = "an oracle of an earlier version"
# A sweep's job that has no folder yet, or a run that ended before its first step, as one whose options were refused:
# neither says anything about a remedy.
NEVER_STARTED = "never started"


@dataclass(frozen=True)
class History:
    """One row per evaluation, as text; a blank cell is a missing value."""

    rows: tuple[Mapping[str, str], ...] = ()

    def column(self, key: str) -> np.ndarray:
        """Column of numbers, shape (rows,), NaN where there is none."""
        return np.array([number(row.get(key, "")) for row in self.rows], dtype=float)

    def points(self, key: str) -> dict[float, float]:
        """A column's finite numbers by samples seen."""
        seen, values = self.column("images_seen"), self.column(key)
        known = np.isfinite(seen) & np.isfinite(values)
        return dict(zip(seen[known].tolist(), values[known].tolist(), strict=True))

    def series(self, key: str) -> np.ndarray:
        """All numbers of a column of lists, however many each evaluation has, shape (numbers,)."""
        return np.array([number(word) for row in self.rows for word in row.get(key, "").split()], dtype=float)

    def has(self, key: str) -> bool:
        return bool(np.isfinite(self.column(key)).any())

    def last(self, key: str) -> float | None:
        """Latest number of a column, None if it never had one."""
        finite = self.column(key)[np.isfinite(self.column(key))]
        return float(finite[-1]) if finite.size else None

    @property
    def absences(self) -> list[set[str]] | None:
        """Modes absent at each evaluation, a column of names separated by spaces; None without it."""
        if not self.rows or ABSENT not in self.rows[0]:
            return None
        return [{from_word(word) for word in row[ABSENT].split()} for row in self.rows]


@dataclass(frozen=True)
class Run:
    """One run's folder, read.

    `status` is that of results.json, or "unfinished", "damaged", "never started", or "pruned" by a search.
    """

    folder: Path
    status: str
    name: str
    model: str | None = None
    seed: int | None = None
    error: str | None = None
    dataset: Dataset | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)
    controls: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    onset: float | Mapping[str, float | None] | None = None
    onset_reason: str | None = None  # why modes can have no onset
    outcome: str | None = None  # None where it is not recorded and cannot be derived
    facts: Mapping[str, Any] = field(default_factory=dict)
    history: History = field(default_factory=History)
    overrides: tuple[str, ...] = ()
    class_properties: Mapping[str, tuple[float, ...]] = field(default_factory=dict)  # of real data, K numbers each
    latents: tuple[Mapping[str, Any], ...] = ()  # what each latent dimension does: level, dimension, kl, text, …
    finished_at: float = 0.0

    @property
    def completed(self) -> bool:
        return self.status == "completed"

    @property
    def failed(self) -> bool:
        """Whether the run came to an end without a usable model."""
        return self.status in ("failed", "diverged")

    @property
    def lost(self) -> bool:
        """Whether the run would tell something had it come to its end; one that was pruned was behind anyway."""
        return self.status not in ("completed", PRUNED)

    @property
    def recipe(self) -> str:
        """The experiment's whole path; without one the first word of the name."""
        return value_of("experiment", self.overrides, self.name.partition(" ")[0])

    @property
    def oracle(self) -> str:
        """What measured the run; earlier versions recorded the oracle's accuracy only. "" where nothing did."""
        named, accuracy = self.facts.get("oracle"), self.facts.get("oracle_accuracy")
        return named if isinstance(named, str) else EARLIER_ORACLE if is_number(accuracy) else ""

    @property
    def order(self) -> tuple[str, bool, int]:
        """What tables of runs are sorted by: name and seed."""
        return self.name, self.seed is None, self.seed or 0

    @property
    def images_seen(self) -> float | None:
        return self.facts.get("images_seen") or self.history.last("images_seen")

    @property
    def generator_steps(self) -> float | None:
        """Updates of the generator; None in runs of versions that did not record them."""
        return self.facts.get("generator_steps") or self.history.last("generator_steps")

    @cached_property
    def scalars(self) -> dict[str, float]:
        """Every finite number of the run that can be averaged over seeds."""
        values = {
            **self.metrics,
            **self.onset_columns,
            **{key: self.facts.get(key) for key in ("images_per_second", "train_seconds")},
        }
        return {key: float(value) for key, value in values.items() if is_number(value)}

    @property
    def onsets(self) -> Mapping[str, float | None]:
        """Onset by level; a run without levels has the one level ""."""
        return self.onset if isinstance(self.onset, Mapping) else {"": self.onset}

    @property
    def mode_onset(self) -> float | None:
        """When modes of its samples were lost for good; beside the onsets of levels it has the name "modes"."""
        return self.onsets.get("modes") if isinstance(self.onset, Mapping) else self.onset

    @property
    def onset_columns(self) -> dict[str, float | None]:
        return {f"onset_{level}" if level else "onset": value for level, value in self.onsets.items()}

    def names(self, key: str) -> tuple[str, ...]:
        """A metric that is a list of names, empty if the run has none."""
        value = self.metrics.get(key)
        return tuple(value) if is_names(value) else ()

    def picture(self, stem: str) -> bytes | None:
        """The PNG samples/STEM.png if it is there, whole, and not too large to show."""
        try:
            content = read_bytes(self._sample(f"{stem}.png"), MOST_BYTES_OF_A_PICTURE)
            width, height = struct.unpack(">II", content[16:24])  # of the header, before anything is unpacked
            if width * height > MOST_PIXELS:
                return None
            with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
                picture.load()
        except (OSError, SyntaxError, ValueError, struct.error):  # as Pillow meets damage
            return None
        return content

    def sound(self, stem: str, bars: int = 2) -> str | None:
        """The first bars of samples/STEM.wav as a data URI, if it is there and whole."""
        try:
            path, beats = self._sample(f"{stem}.wav"), self.dataset.beats if self.dataset else 4
            return data_uri(path, bars * beats * BEAT) if path.is_file() else None
        except (OSError, EOFError, wave.Error, ValueError, RuntimeError):  # as the wave module meets damage
            return None

    def _sample(self, name: str) -> Path:
        """
        Raises:
            ValueError: it is a link that leads out of the run's folder: whatever it leads to is no sample.
        """
        path = self.folder / "samples" / name
        if not is_inside(self.folder, path):
            raise ValueError(f"{path} leads out of the run's folder")
        return path


def is_names(value: Any) -> bool:
    """A list of strings, possibly empty."""
    return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
