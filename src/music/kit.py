"""A synthesised drum kit: one short sound a voice, the same at every call.

S samples.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
from scipy import signal

from src.music.voices import CLOSED_HAT, CRASH, HIGH_TOM, KICK, LOW_TOM, MID_TOM, OPEN_HAT, RIDE, SNARE, VOICES

# Six square waves out of tune make metal, as in the cymbal circuit of the Roland TR-808.
METAL_HERTZ = (205.3, 304.4, 369.6, 522.7, 540.0, 800.0)
FADE = 0.01  # seconds in which a sound ends, so that it does not crackle


@cache
def kit(sample_rate: int) -> tuple[np.ndarray, ...]:
    """Sounds [S] in the order of `VOICES`, each with its place in the mix; attack at once, silence at the end."""
    sounds = {
        KICK: 0.62 * _kick(sample_rate),
        SNARE: 0.55 * _snare(sample_rate),
        CLOSED_HAT: 0.22 * _metal(sample_rate, seconds=0.15, decay=0.025, cut=7000),
        OPEN_HAT: 0.22 * _metal(sample_rate, seconds=0.9, decay=0.22, cut=6500),
        LOW_TOM: 0.45 * _tom(sample_rate, hertz=82, decay=0.22),
        MID_TOM: 0.45 * _tom(sample_rate, hertz=123, decay=0.18),
        HIGH_TOM: 0.45 * _tom(sample_rate, hertz=185, decay=0.15),
        CRASH: 0.3 * _metal(sample_rate, seconds=1.6, decay=0.45, cut=2500),
        RIDE: 0.25 * _ride(sample_rate),
    }
    return tuple(sounds[voice] for voice in range(len(VOICES)))


def _kick(rate: int) -> np.ndarray:
    """A sine that falls from 180 to 48 Hz, and the beater's click."""
    time = _time(rate, 0.6)
    body = _sweep(time, 48, rise=2.75, fall=0.025) * np.exp(-time / 0.13)
    click = _filtered(_noise(time, 0), rate, [1500, 5000]) * np.exp(-time / 0.003)
    return _finished(body + 0.5 * click, rate)


def _snare(rate: int) -> np.ndarray:
    """The skin's two tones and the wires' noise, which lasts longer."""
    time = _time(rate, 0.4)
    skin = (_sweep(time, 185, rise=0.4, fall=0.02) + 0.6 * np.sin(2 * np.pi * 330 * time)) * np.exp(-time / 0.05)
    wires = _filtered(_noise(time, 1), rate, [1200, 9000]) * np.exp(-time / 0.08)
    return _finished(skin + 1.6 * wires, rate)


def _tom(rate: int, hertz: float, decay: float) -> np.ndarray:
    time = _time(rate, 5 * decay)
    stick = _filtered(_noise(time, 2), rate, [800, 4000]) * np.exp(-time / 0.006)
    return _finished(_sweep(time, hertz, rise=0.6, fall=0.05) * np.exp(-time / decay) + 0.4 * stick, rate)


def _metal(rate: int, seconds: float, decay: float, cut: float) -> np.ndarray:
    """What remains of noise and ringing metal above `cut` Hz."""
    time = _time(rate, seconds)
    ring = sum(np.sign(np.sin(2 * np.pi * 4.1 * hertz * time)) for hertz in METAL_HERTZ) / len(METAL_HERTZ)
    return _finished(_filtered(ring + _noise(time, 3), rate, cut) * np.exp(-time / decay), rate)


def _ride(rate: int) -> np.ndarray:
    """A ping of a few high tones over a wash."""
    time = _time(rate, 1.2)
    ping = sum(np.sin(2 * np.pi * hertz * time) for hertz in (3140, 4370, 5230, 6890)) * np.exp(-time / 0.1)
    wash = _filtered(_noise(time, 4), rate, 5000) * np.exp(-time / 0.35)
    return _finished(ping + wash, rate)


def _time(rate: int, seconds: float) -> np.ndarray:
    return np.arange(round(rate * seconds)) / rate


def _sweep(time: np.ndarray, hertz: float, rise: float, fall: float) -> np.ndarray:
    """A sine that starts `rise` times `hertz` too high and falls to it within some `fall` seconds."""
    cycles = hertz * (time + rise * fall * (1 - np.exp(-time / fall)))
    return np.sin(2 * np.pi * cycles)


def _noise(time: np.ndarray, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, len(time))


def _filtered(wave: np.ndarray, rate: int, hertz: float | Sequence[float]) -> np.ndarray:
    """What lies above `hertz`, or between two of them."""
    kind = "highpass" if np.isscalar(hertz) else "bandpass"
    return signal.sosfilt(signal.butter(4, hertz, kind, fs=rate, output="sos"), wave)


def _finished(wave: np.ndarray, rate: int) -> np.ndarray:
    """Of peak 1, ending in silence."""
    fade = np.linspace(1, 0, round(FADE * rate))
    wave[-len(fade) :] *= fade
    return wave / np.abs(wave).max()
