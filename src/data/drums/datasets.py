"""Drum bars as LightningDataModules: drawn from a grammar, from the Groove MIDI Dataset, and the user's grids."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.pytorch.utilities import rank_zero_only
from torch import Tensor

from src.core.validation import COUNT
from src.data.drums import grammar
from src.data.drums.features import Features
from src.data.drums.grids import read_grids, read_voices
from src.data.drums.groove import load_groove
from src.data.module import TEST_SHARE, VAL_SHARE, Loaded, ResidentData, split_off
from src.data.spec import Split
from src.data.voices import NAMES, STEPS_PER_BEAT, assumed_names, checked_names, kit_of, places, unknown

TEMPO_BANDS = (80, 100, 120, 140)  # borders in beats per minute
FOUR_BEATS = (8, 12, 24)  # steps of four beats: eighths, their triplets, triplets of sixteenths; else sixteenths
NUM_DRAWN = {"train": 20_000, "val": 2_000, "test": 2_000}

log = logging.getLogger(__name__)


class Drums(ResidentData):
    """Bars drawn by `src.data.drums.grammar`, the same in every run, with known entropy and factors."""

    name = "drums"
    ordered_factors = ("ghosts", "hats", "push", "density")

    def load(self) -> Loaded:
        drawn = [grammar.draw(num, seed) for seed, num in enumerate(NUM_DRAWN.values())]
        train, val, test = (
            Split.of(bars.grids_NTV, bars.styles_N, **dict(zip(grammar.FACTORS, bars.factors_NF.T, strict=True)))
            for bars in drawn
        )
        return Loaded(train, val, test, grammar.STYLES, self.name, levels=1)

    def true_nll(self, images_NCHW: Tensor) -> Tensor:
        nll_M = -grammar.log_likelihood(images_NCHW.flatten(0, 1).numpy())
        return torch.from_numpy(nll_M).view(images_NCHW.shape[:2]).sum(1)


class Groove(ResidentData):
    """Bars of the Groove MIDI Dataset with its own splits and styles (see `src.data.drums.groove`).

    Known factors are the drummer and the tempo's band, between `TEMPO_BANDS`.

    Args:
        cache: folder of parsed bars.
    """

    name = "groove"
    ordered_factors = ("tempo",)

    def __init__(self, cache: str, **common: Any):
        super().__init__(**common)
        self.cache = Path(cache)

    def load(self) -> Loaded:
        groove = load_groove(self.root, self.cache)
        train, val, test = (
            Split.of(
                groove.grids[part],
                groove.styles[part],
                drummer=groove.drummers[part],
                tempo=np.digitize(groove.tempos[part], TEMPO_BANDS),
            )
            for part in ("train", "val", "test")
        )
        return Loaded(train, val, test, groove.classes, self.name, levels=1)


class Grids(ResidentData):
    """Bars from an npz file (see `grids.py`); splits that it lacks are seeded parts of the training bars.

    Args:
        path: the file; a relative path is also looked for under `root`.
        voices: the columns' names or notes of General MIDI; None for those in the file, else the usual ones.
        steps_per_beat: None for an assumption, which is logged.
    """

    name = "grids"

    def __init__(
        self, path: str, voices: Sequence[str | int] | None = None, steps_per_beat: int | None = None, **common: Any
    ):
        super().__init__(**common)
        if steps_per_beat is not None:
            COUNT.check("data.steps_per_beat", steps_per_beat)
        self.path = path
        self.voices = voices
        self.steps_per_beat = steps_per_beat

    def load(self) -> Loaded:
        path = self.find("path", self.path)
        grids, styles, classes = read_grids(path)
        _, num_steps, num_voices = grids["train"].shape
        given, source = self.voices, "data.voices"
        if given is None:
            given, source = read_voices(path), f"voices in {path}"
        names = () if given is None else checked_names(list(given), source, num_voices)
        if names:  # reorder the columns to the usual voices' order
            order = places(names)
            names = tuple(names[column] for column in order)
            grids = {part: np.ascontiguousarray(grid_NTV[..., order]) for part, grid_NTV in grids.items()}
        splits = {part: Split.of(grids[part], styles[part]) for part in grids}
        for part, share in (("test", TEST_SHARE), ("val", VAL_SHARE)):
            if part not in splits:
                splits["train"], splits[part] = split_off(splits["train"], share, copied=False, source=path)
        assumed = () if num_voices == len(NAMES) else assumed_names(num_voices)  # the usual nine need no names
        steps_per_beat = self.steps_per_beat or (num_steps // 4 if num_steps in FOUR_BEATS else STEPS_PER_BEAT)
        if steps_per_beat > num_steps:
            raise ValueError(f"data.steps_per_beat={steps_per_beat}: the bars of {path} have {num_steps} steps")
        if not self.steps_per_beat:
            log_assumption(
                "%s: %d steps taken as %g beats of %d; data.steps_per_beat= says otherwise.",
                *(path, num_steps, num_steps / steps_per_beat, steps_per_beat),
            )
        if not names:
            columns = ", ".join(assumed or NAMES)
            log_assumption("%s: columns taken as %s; data.voices=[…] names others.", path, columns)
        for name, played in unknown(names or assumed).items():
            log_assumption("%s: %s is no percussion of General MIDI and is played as %s.", path, name, played)
        if left_out := Features(kit_of(names or assumed, steps_per_beat), num_steps).left_out:
            log_assumption("%s: musical features left out: %s.", path, ", ".join(left_out))
        return Loaded(
            splits["train"].in_memory(),
            splits["val"],
            splits["test"],
            classes,
            self.name,
            levels=1,
            voices=names or assumed,
            steps_per_beat=steps_per_beat,
        )


@rank_zero_only
def log_assumption(text: str, *values: Any) -> None:
    """Says once, on whatever number of devices, how a file is understood."""
    log.info(text, *values)
