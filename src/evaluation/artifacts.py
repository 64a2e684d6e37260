"""Artifacts of an evaluation: pictures, sounds, point clouds and tables, for the run's folder and TensorBoard.

H height, W width, N bars or points, T steps, V voices, L latent dims, S samples of sound.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from tensorboard.compat.proto.summary_pb2 import Summary
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from src.data.drums.midi import write_midi
from src.data.drums.synthesis import SAMPLE_RATE, render, write_wav
from src.data.voices import VOICES, Kit
from src.evaluation import image_grids


class Artifact(Protocol):
    def save(self, folder: Path, name: str) -> None:
        """Writes its files into the folder, over older ones."""
        ...

    def show(self, tensorboard: SummaryWriter, tag: str, images_seen: int) -> None:
        """Adds it to TensorBoard."""
        ...


@dataclass(frozen=True)
class Picture:
    """Pixels [H, W, 3], uint8."""

    pixels_HW3: np.ndarray

    @cached_property
    def png(self) -> bytes:
        return image_grids.as_png(self.pixels_HW3)

    def save(self, folder: Path, name: str) -> None:
        (folder / f"{name}.png").write_bytes(self.png)

    def show(self, tensorboard: SummaryWriter, tag: str, images_seen: int) -> None:
        height, width, colours = self.pixels_HW3.shape
        image = Summary.Image(height=height, width=width, colorspace=colours, encoded_image_string=self.png)
        # `add_image` would compress the pixels again, which takes longer than measuring them.
        tensorboard.file_writer.add_summary(Summary(value=[Summary.Value(tag=tag, image=image)]), images_seen)


@dataclass(frozen=True)
class Sound:
    """Bars [N, T, V], one after another."""

    grids_NTV: Tensor
    voices: Kit = VOICES
    sample_rate: int = SAMPLE_RATE

    @cached_property
    def wave_S(self) -> np.ndarray:
        return render(self.grids_NTV, sample_rate=self.sample_rate, voices=self.voices)

    def save(self, folder: Path, name: str) -> None:
        write_midi(self.grids_NTV, folder / f"{name}.mid", voices=self.voices)
        write_wav(folder / f"{name}.wav", self.wave_S, self.sample_rate)

    def show(self, tensorboard: SummaryWriter, tag: str, images_seen: int) -> None:
        wave_1S = torch.from_numpy(self.wave_S).unsqueeze(0)
        tensorboard.add_audio(tag, wave_1S, images_seen, sample_rate=self.sample_rate)


@dataclass(frozen=True)
class Cloud:
    """Labelled points [N, L] for TensorBoard's projector."""

    points_NL: Tensor
    labels: Sequence[str]

    def save(self, folder: Path, name: str) -> None:
        """Shown on TensorBoard only."""

    def show(self, tensorboard: SummaryWriter, tag: str, images_seen: int) -> None:
        tensorboard.add_embedding(self.points_NL, list(self.labels), global_step=images_seen, tag=tag)


@dataclass(frozen=True)
class Table:
    """Rows of numbers and words under a header, as a CSV file."""

    header: Sequence[str]
    rows: Sequence[Sequence[Any]]

    def save(self, folder: Path, name: str) -> None:
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([self.header, *self.rows])

    def show(self, tensorboard: SummaryWriter, tag: str, images_seen: int) -> None:
        """Saved as a file only."""
