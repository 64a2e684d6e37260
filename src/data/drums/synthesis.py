"""Drum grids as sound.

N bars, T steps, V voices, S samples.
"""

from pathlib import Path

import numpy as np
import soundfile
from torch import Tensor

from src.data.drums.kit import kit
from src.data.drums.timing import accents, onsets, seconds_per_step
from src.data.voices import VOICES, Kit

SAMPLE_RATE = 44_100  # Hz
TAIL = 2.4  # seconds after the last bar, in which the cymbals decay
CHOKE = 0.008  # seconds in which any hat fades out an open one
KNEE = 0.8  # amplitude above which the signal is compressed, so that it never exceeds 1


def render(
    grids_NTV: Tensor, bpm: float = 110, sample_rate: int = SAMPLE_RATE, swing: float = 0, voices: Kit = VOICES
) -> np.ndarray:
    """Float32 samples [S] in [-1, 1] of the bars one after another and of the decay after them.

    Raises:
        ValueError: tempo or swing out of range.
    """
    hits_SV = grids_NTV.bool().cpu().flatten(0, 1).numpy()
    step = seconds_per_step(bpm, voices.steps_per_beat) * sample_rate
    starts = (onsets(len(hits_SV), swing, voices.steps_per_beat) * step).round().astype(int)
    loudness = accents(len(hits_SV), voices.steps_per_beat)
    mix = np.zeros(round(len(hits_SV) * step) + round(TAIL * sample_rate))
    sounds = [voice.sound or voice.name for voice in voices]
    hats = [index for index, name in enumerate(sounds) if name in ("closed hat", "open hat")]
    choking = starts[hits_SV[:, hats].any(1)]  # each hat ends the open ones before it
    for voice, name in enumerate(sounds):
        sound = kit(sample_rate)[name]
        struck = hits_SV[:, voice].nonzero()[0]
        ends = np.full(len(struck), len(mix))
        if name == "open hat":
            next_hat = np.searchsorted(choking, starts[struck], side="right")
            ends = np.append(choking, len(mix))[next_hat]
        for index, end in zip(struck, ends, strict=True):
            start = starts[index]
            part = _cut(sound, end - start, round(CHOKE * sample_rate))[: len(mix) - start]
            mix[start : start + len(part)] += loudness[index] * part
    excess = np.maximum(np.abs(mix) - KNEE, 0)
    compressed = KNEE + (1 - KNEE) * np.tanh(excess / (1 - KNEE))
    return np.where(excess > 0, np.sign(mix) * compressed, mix).astype(np.float32)


def write_wav(path: Path, samples: np.ndarray, sample_rate: int = SAMPLE_RATE) -> None:
    """Writes samples in [-1, 1] as 16-bit mono."""
    soundfile.write(path, samples, sample_rate, subtype="PCM_16")


def _cut(sound: np.ndarray, length: int, fade: int) -> np.ndarray:
    """The sound, faded out from `length` samples on."""
    if length >= len(sound):
        return sound
    part = sound[: length + fade].copy()
    part[length:] *= np.linspace(1, 0, len(part) - length)
    return part
