"""Artifacts of an evaluation: pictures, sounds, point clouds and tables, for the run's folder and TensorBoard.

H height, W width, N bars or points, T steps, V voices, L latent dims, S samples of sound.
"""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib import colormaps
from tensorboard.compat.proto.summary_pb2 import Summary
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from src.data.drums.midi import write_midi
from src.data.drums.synthesis import SAMPLE_RATE, render, write_wav
from src.data.module import ResidentData
from src.data.spec import with_channels
from src.data.voices import VOICES, Kit
from src.evaluation import image_grids

PER_CLASS, MOST_CLASSES = 12, 100  # in a picture of real images
TILE = 8  # pixels of a point's side in TensorBoard's projector


class Artifact:
    """What an evaluation leaves beside numbers; by default no files, and nothing on TensorBoard."""

    def save(self, folder: Path, name: str) -> list[Path]:
        """Writes its files into the folder, over older ones, and returns their paths."""
        return []

    def show(self, tensorboard: SummaryWriter, tag: str, images_seen: int) -> None:
        """Adds it to TensorBoard."""


@dataclass(frozen=True)
class Picture(Artifact):
    """Pixels [H, W, 3], uint8.

    TensorBoard lists pictures some 330 pixels wide; `narrow_HW3` is what it gets of one that cannot be read so.
    """

    pixels_HW3: np.ndarray
    narrow_HW3: np.ndarray | None = None

    @cached_property
    def png(self) -> bytes:
        return image_grids.as_png(self.pixels_HW3)

    def save(self, folder: Path, name: str) -> list[Path]:
        path = folder / f"{name}.png"
        path.write_bytes(self.png)
        return [path]

    def show(self, tensorboard: SummaryWriter, tag: str, images_seen: int) -> None:
        png = self.png if self.narrow_HW3 is None else image_grids.as_png(self.narrow_HW3)
        height, width, colours = (self.pixels_HW3 if self.narrow_HW3 is None else self.narrow_HW3).shape
        image = Summary.Image(height=height, width=width, colorspace=colours, encoded_image_string=png)
        # `add_image` would compress the pixels again, which takes longer than measuring them.
        tensorboard.file_writer.add_summary(Summary(value=[Summary.Value(tag=tag, image=image)]), images_seen)


@dataclass(frozen=True)
class Deferred(Artifact):
    """A picture that is drawn when it is first saved or shown, beside training: `draw` must not touch the device.

    It is drawn with the first number of columns and, for TensorBoard's list, with the second if there is one.
    """

    draw: Callable[[int], np.ndarray]
    columns: tuple[int, ...]

    @cached_property
    def made(self) -> Picture:
        return Picture(*map(self.draw, self.columns))

    def save(self, folder: Path, name: str) -> list[Path]:
        return self.made.save(folder, name)

    def show(self, tensorboard: SummaryWriter, tag: str, images_seen: int) -> None:
        self.made.show(tensorboard, tag, images_seen)


@dataclass(frozen=True)
class Sound(Artifact):
    """Bars [N, T, V], one after another."""

    grids_NTV: Tensor
    voices: Kit = VOICES
    sample_rate: int = SAMPLE_RATE

    @cached_property
    def wave_S(self) -> np.ndarray:
        return render(self.grids_NTV, sample_rate=self.sample_rate, voices=self.voices)

    def save(self, folder: Path, name: str) -> list[Path]:
        notes, wave = folder / f"{name}.mid", folder / f"{name}.wav"
        write_midi(self.grids_NTV, notes, voices=self.voices)
        write_wav(wave, self.wave_S, self.sample_rate)
        return [notes, wave]

    def show(self, tensorboard: SummaryWriter, tag: str, images_seen: int) -> None:
        wave_1S = torch.from_numpy(self.wave_S).unsqueeze(0)
        tensorboard.add_audio(tag, wave_1S, images_seen, sample_rate=self.sample_rate)


@dataclass(frozen=True)
class Cloud(Artifact):
    """Labelled points [N, L] for TensorBoard's projector, where each is a tile in the colour of its label.

    Tiles, as the projector's own colours have to be chosen by hand; `what` the labels are it offers for that, too.
    """

    points_NL: Tensor
    labels: Sequence[str]
    what: str

    def show(self, tensorboard: SummaryWriter, tag: str, images_seen: int) -> None:
        # The projector takes no first row for names unless there are two columns.
        rows = [[label, str(index)] for index, label in enumerate(self.labels)]
        names = sorted({*self.labels})
        palette = colormaps["tab20" if len(names) > 10 else "tab10"]
        colours_N4 = torch.tensor(palette([names.index(label) % palette.N for label in self.labels]))
        tiles_N3HW = colours_N4[:, :3, None, None].expand(-1, -1, TILE, TILE)
        header = [self.what, "sample"]
        tensorboard.add_embedding(self.points_NL, rows, tiles_N3HW, images_seen, tag, header)


@dataclass(frozen=True)
class Table(Artifact):
    """Rows of numbers and words under a header, as a CSV file."""

    header: Sequence[str]
    rows: Sequence[Sequence[Any]]

    def save(self, folder: Path, name: str) -> list[Path]:
        path = folder / f"{name}.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([self.header, *self.rows])
        return [path]


def real_images(data: ResidentData) -> dict[str, Artifact]:
    """As many training images of each class, one sample each where they are stacked; empty for bars and points."""
    if data.spec.kind != "images":
        return {}
    train = data.splits["train"]
    rows = {}
    for index, name in enumerate(data.spec.classes[:MOST_CLASSES]):
        of_class_M = (train.labels == index).nonzero().flatten()
        chosen = torch.linspace(0, max(0, len(of_class_M) - 1), min(PER_CLASS, len(of_class_M))).long()
        rows[name] = with_channels(train.images[of_class_M[chosen]]) if len(of_class_M) else None
    return {"real": Picture(image_grids.sorted_grid(rows, PER_CLASS))}
