"""A synthesised drum kit: one short, deterministic sound for each instrument.

S samples.
"""

from collections.abc import Callable
from functools import cache, partial

import numpy as np
from scipy import signal

METAL_HERTZ = (205.3, 304.4, 369.6, 522.7, 540.0, 800.0)  # inharmonic squares, as in the cymbals of the Roland TR-808
MEMBRANE = 1.59  # frequency ratio of the second mode of a circular membrane to the first
RUMBLE = 25  # Hz, inaudible below
MAX_BAND = 0.45  # upper limit of filters as a share of the sample rate
RELEASE = 0.3  # share of a sound over which it fades out


def _kick(time: np.ndarray, rate: int) -> np.ndarray:
    """A sine that falls to 50 Hz, distorted for overtones that small loudspeakers reproduce, and the beater's click."""
    body = np.tanh(1.6 * _sweep(time, 50, rise=3, fall=0.022) * np.exp(-time / 0.11))
    click = _filtered(_noise(time, 0), rate, 1200, 6000) * np.exp(-time / 0.004)
    return body + 0.5 * click


def _snare(time: np.ndarray, rate: int) -> np.ndarray:
    """The membrane's two tones, the stick, and the longer noise of the wires."""
    skin = _skin(time, 190, rise=0.35, fall=0.015, decay=0.06)
    stick = _filtered(_noise(time, 5), rate, 2000, 9000) * np.exp(-time / 0.004)
    wires = _filtered(_noise(time, 1), rate, 900, 9500) * np.exp(-time / 0.085)
    return skin + 1.8 * wires + 0.9 * stick


def _tom(time: np.ndarray, rate: int, hertz: float, decay: float) -> np.ndarray:
    stick = _filtered(_noise(time, 2), rate, 700, 4500) * np.exp(-time / 0.006)
    return _skin(time, hertz, rise=0.5, fall=0.05, decay=decay) + 0.5 * stick


def _hat(time: np.ndarray, rate: int, decay: float) -> np.ndarray:
    """Metal after the tick of a stick."""
    tick = np.exp(-time / 0.004)
    return _metal(rate, time, 6500, 12_000) * (np.exp(-time / decay) + tick)


def _crash(time: np.ndarray, rate: int) -> np.ndarray:
    """A burst over the whole range, whose lower half decays more slowly."""
    burst = _metal(rate, time, 4500, 12_000) * (np.exp(-time / 0.3) + np.exp(-time / 0.03))
    return burst + 0.8 * _metal(rate, time, 1800, 5000) * np.exp(-time / 0.6)


def _ride(time: np.ndarray, rate: int) -> np.ndarray:
    """A ping of high tones over a wash of metal."""
    ping = sum(np.sin(2 * np.pi * hertz * time) for hertz in (3140, 4370, 5230, 6890)) * np.exp(-time / 0.12)
    wash = _metal(rate, time, 4000, 11_000) * np.exp(-time / 0.4)
    return ping + 0.8 * wash


def _clap(time: np.ndarray, rate: int) -> np.ndarray:
    """Four bursts of noise, the last of which decays more slowly."""
    bursts = sum(np.exp(-(time - start) / 0.004) * (time >= start) for start in (0.0, 0.011, 0.022))
    tail = np.exp(-(time - 0.033) / 0.07) * (time >= 0.033)
    return _filtered(_noise(time, 4), rate, 900, 3500) * (bursts + tail)


def _click(time: np.ndarray, rate: int) -> np.ndarray:
    """Two short high tones, as of wood."""
    tones = np.sin(2 * np.pi * 1750 * time) + 0.6 * np.sin(2 * np.pi * 2460 * time)
    return tones * np.exp(-time / 0.012)


def _bell(time: np.ndarray, rate: int) -> np.ndarray:
    """Two square waves a fifth apart, as in the cowbell of the Roland TR-808."""
    tones = signal.square(2 * np.pi * 540 * time) + signal.square(2 * np.pi * 800 * time)
    return _filtered(tones, rate, 500, 6000) * (np.exp(-time / 0.01) + 0.6 * np.exp(-time / 0.12))


def _metal(rate: int, time: np.ndarray, low: float, high: float) -> np.ndarray:
    """Noise and square waves between two frequencies, of standard deviation 1."""
    ring = sum(signal.square(2 * np.pi * 4.1 * hertz * time) for hertz in METAL_HERTZ) / len(METAL_HERTZ)
    band = _filtered(ring + _noise(time, 3), rate, low, high)
    return band / band.std()


def _skin(time: np.ndarray, hertz: float, rise: float, fall: float, decay: float) -> np.ndarray:
    """A membrane's two tones, of which the upper one decays faster."""
    upper = _sweep(time, MEMBRANE * hertz, rise, fall) * np.exp(-time / (0.4 * decay))
    return _sweep(time, hertz, rise, fall) * np.exp(-time / decay) + 0.4 * upper


def _sweep(time: np.ndarray, hertz: float, rise: float, fall: float) -> np.ndarray:
    """A sine whose frequency falls from (1 + `rise`) `hertz` to `hertz` with time constant `fall` in seconds."""
    cycles = hertz * (time + rise * fall * (1 - np.exp(-time / fall)))
    return np.sin(2 * np.pi * cycles)


def _noise(time: np.ndarray, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, len(time))


def _filtered(wave: np.ndarray, rate: int, low: float, high: float) -> np.ndarray:
    """The wave between two frequencies, by a second-order band-pass."""
    band = (low, min(high, MAX_BAND * rate))
    return signal.sosfilt(signal.butter(2, band, "bandpass", fs=rate, output="sos"), wave)


def _finished(wave: np.ndarray, rate: int) -> np.ndarray:
    """The wave without rumble, faded out, with peak 1."""
    wave = signal.sosfilt(signal.butter(2, RUMBLE, "highpass", fs=rate, output="sos"), wave)
    release = round(RELEASE * len(wave))
    wave[-release:] *= np.cos(np.linspace(0, np.pi / 2, release)) ** 2
    return wave / np.abs(wave).max()


KIT: dict[str, tuple[float, float, Callable[[np.ndarray, int], np.ndarray]]] = {  # level in the mix, seconds, wave
    "kick": (0.52, 0.55, _kick),
    "snare": (0.58, 0.45, _snare),
    "closed hat": (0.22, 0.2, partial(_hat, decay=0.032)),
    "open hat": (0.18, 1.1, partial(_hat, decay=0.24)),
    "low tom": (0.48, 5 * 0.24, partial(_tom, hertz=88, decay=0.24)),
    "mid tom": (0.44, 5 * 0.2, partial(_tom, hertz=128, decay=0.2)),
    "high tom": (0.42, 5 * 0.17, partial(_tom, hertz=185, decay=0.17)),
    "crash": (0.32, 2.4, _crash),
    "ride": (0.2, 1.8, _ride),
    "clap": (0.5, 0.4, _clap),
    "click": (0.4, 0.12, _click),
    "bell": (0.25, 0.6, _bell),
}


@cache
def kit(sample_rate: int) -> dict[str, np.ndarray]:
    """Sounds [S] by name, each with its level in the mix: immediate attack, silence at the end."""
    return {
        name: level * _finished(wave(np.arange(round(sample_rate * seconds)) / sample_rate, sample_rate), sample_rate)
        for name, (level, seconds, wave) in KIT.items()
    }
