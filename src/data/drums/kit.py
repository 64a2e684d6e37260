"""A synthesised drum kit: one short, deterministic sound for each instrument.

S samples.
"""

from functools import cache

import numpy as np
from scipy import signal

METAL_HERTZ = (205.3, 304.4, 369.6, 522.7, 540.0, 800.0)  # inharmonic squares, as in the cymbals of the Roland TR-808
MEMBRANE = 1.59  # frequency ratio of the second mode of a circular membrane to the first
RUMBLE = 25  # Hz, inaudible below
MAX_BAND = 0.45  # upper limit of filters as a share of the sample rate
RELEASE = 0.3  # share of a sound over which it fades out


@cache
def kit(sample_rate: int) -> dict[str, np.ndarray]:
    """Sounds [S] by name, each with its level in the mix: immediate attack, silence at the end."""
    return {
        "kick": 0.52 * _kick(sample_rate),
        "snare": 0.58 * _snare(sample_rate),
        "closed hat": 0.22 * _hat(sample_rate, seconds=0.2, decay=0.032),
        "open hat": 0.18 * _hat(sample_rate, seconds=1.1, decay=0.24),
        "low tom": 0.48 * _tom(sample_rate, hertz=88, decay=0.24),
        "mid tom": 0.44 * _tom(sample_rate, hertz=128, decay=0.2),
        "high tom": 0.42 * _tom(sample_rate, hertz=185, decay=0.17),
        "crash": 0.32 * _crash(sample_rate),
        "ride": 0.2 * _ride(sample_rate),
        "clap": 0.5 * _clap(sample_rate),
        "click": 0.4 * _click(sample_rate),
        "bell": 0.25 * _bell(sample_rate),
    }


def _kick(rate: int) -> np.ndarray:
    """A sine that falls to 50 Hz, distorted for overtones that small loudspeakers reproduce, and the beater's click."""
    time = _time(rate, 0.55)
    body = np.tanh(1.6 * _sweep(time, 50, rise=3, fall=0.022) * np.exp(-time / 0.11))
    click = _filtered(_noise(time, 0), rate, 1200, 6000) * np.exp(-time / 0.004)
    return _finished(body + 0.5 * click, rate)


def _snare(rate: int) -> np.ndarray:
    """The membrane's two tones, the stick, and the longer noise of the wires."""
    time = _time(rate, 0.45)
    skin = _skin(time, 190, rise=0.35, fall=0.015, decay=0.06)
    stick = _filtered(_noise(time, 5), rate, 2000, 9000) * np.exp(-time / 0.004)
    wires = _filtered(_noise(time, 1), rate, 900, 9500) * np.exp(-time / 0.085)
    return _finished(skin + 1.8 * wires + 0.9 * stick, rate)


def _tom(rate: int, hertz: float, decay: float) -> np.ndarray:
    time = _time(rate, 5 * decay)
    stick = _filtered(_noise(time, 2), rate, 700, 4500) * np.exp(-time / 0.006)
    return _finished(_skin(time, hertz, rise=0.5, fall=0.05, decay=decay) + 0.5 * stick, rate)


def _hat(rate: int, seconds: float, decay: float) -> np.ndarray:
    """Metal after the tick of a stick."""
    time = _time(rate, seconds)
    tick = np.exp(-time / 0.004)
    return _finished(_metal(rate, time, 6500, 12_000) * (np.exp(-time / decay) + tick), rate)


def _crash(rate: int) -> np.ndarray:
    """A burst over the whole range, whose lower half decays more slowly."""
    time = _time(rate, 2.4)
    burst = _metal(rate, time, 4500, 12_000) * (np.exp(-time / 0.3) + np.exp(-time / 0.03))
    return _finished(burst + 0.8 * _metal(rate, time, 1800, 5000) * np.exp(-time / 0.6), rate)


def _ride(rate: int) -> np.ndarray:
    """A ping of high tones over a wash of metal."""
    time = _time(rate, 1.8)
    ping = sum(np.sin(2 * np.pi * hertz * time) for hertz in (3140, 4370, 5230, 6890)) * np.exp(-time / 0.12)
    wash = _metal(rate, time, 4000, 11_000) * np.exp(-time / 0.4)
    return _finished(ping + 0.8 * wash, rate)


def _clap(rate: int) -> np.ndarray:
    """Four bursts of noise, the last of which decays more slowly."""
    time = _time(rate, 0.4)
    bursts = sum(np.exp(-(time - start) / 0.004) * (time >= start) for start in (0.0, 0.011, 0.022))
    tail = np.exp(-(time - 0.033) / 0.07) * (time >= 0.033)
    return _finished(_filtered(_noise(time, 4), rate, 900, 3500) * (bursts + tail), rate)


def _click(rate: int) -> np.ndarray:
    """Two short high tones, as of wood."""
    time = _time(rate, 0.12)
    tones = np.sin(2 * np.pi * 1750 * time) + 0.6 * np.sin(2 * np.pi * 2460 * time)
    return _finished(tones * np.exp(-time / 0.012), rate)


def _bell(rate: int) -> np.ndarray:
    """Two square waves a fifth apart, as in the cowbell of the Roland TR-808."""
    time = _time(rate, 0.6)
    tones = signal.square(2 * np.pi * 540 * time) + signal.square(2 * np.pi * 800 * time)
    return _finished(_filtered(tones, rate, 500, 6000) * (np.exp(-time / 0.01) + 0.6 * np.exp(-time / 0.12)), rate)


def _metal(rate: int, time: np.ndarray, low: float, high: float) -> np.ndarray:
    """Noise and square waves between two frequencies, of standard deviation 1."""
    ring = sum(signal.square(2 * np.pi * 4.1 * hertz * time) for hertz in METAL_HERTZ) / len(METAL_HERTZ)
    band = _filtered(ring + _noise(time, 3), rate, low, high)
    return band / band.std()


def _skin(time: np.ndarray, hertz: float, rise: float, fall: float, decay: float) -> np.ndarray:
    """A membrane's two tones, of which the upper one decays faster."""
    upper = _sweep(time, MEMBRANE * hertz, rise, fall) * np.exp(-time / (0.4 * decay))
    return _sweep(time, hertz, rise, fall) * np.exp(-time / decay) + 0.4 * upper


def _time(rate: int, seconds: float) -> np.ndarray:
    return np.arange(round(rate * seconds)) / rate


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
