"""Sound small enough to stand inside a page.

S samples.
"""

import base64
import struct
import wave
from pathlib import Path

import numpy as np
from scipy import signal

SAMPLE_RATE = 22_050  # Hz; at half of it nothing would be left of the hats
BAR = 4 * 60 / 110  # seconds of a bar, at the tempo of what evaluations play
FADE = 0.02  # seconds, so that the cut does not click
LEAST, MOST = 1_000, 200_000  # Hz; the filter for a damaged header's two thousand million would be gigabytes
MU_LAW = 7  # the format's number in a WAV header


def data_uri(path: Path, seconds: float = 2 * BAR, sample_rate: int = SAMPLE_RATE) -> str:
    """The beginning of a 16-bit mono WAV file as `data:audio/wav;base64,…`, about 130 kB for the default.

    G.711's μ-law, which all browsers play from WAV: of 16 bits 8 are left, spread so that quiet notes keep their
    detail, and half as many bytes buy twice the sample rate.

    Raises:
        OSError, EOFError, wave.Error, ValueError or RuntimeError: it is not such a file, or not whole.
    """
    with wave.open(str(path)) as file:
        rate = file.getframerate()
        if (file.getnchannels(), file.getsampwidth()) != (1, 2) or not LEAST <= rate <= MOST:
            raise ValueError(f"{path} is no 16-bit mono sound")
        samples_S = np.frombuffer(file.readframes(round(seconds * rate)), "<i2") / 32768
    fade = min(len(samples_S), round(FADE * rate))
    samples_S[len(samples_S) - fade :] *= np.linspace(1, 0, fade)
    factor = np.gcd(rate, sample_rate)
    small_S = signal.resample_poly(samples_S, sample_rate // factor, rate // factor)
    content = _wav(mu_law(small_S), sample_rate)
    return f"data:audio/wav;base64,{base64.b64encode(content).decode('ascii')}"


def mu_law(samples_S: np.ndarray) -> np.ndarray:
    """The nearest of G.711's 256 levels to each sample in [-1, 1], as its code, uint8."""
    levels = decoded(np.arange(256, dtype=np.uint8))
    order = levels.argsort(kind="stable")
    borders = (levels[order][1:] + levels[order][:-1]) / 2
    return order[np.searchsorted(borders, samples_S)].astype(np.uint8)


def decoded(codes_S: np.ndarray) -> np.ndarray:
    """Samples in [-1, 1] of μ-law codes: inverted bits of a sign, a three-bit exponent and a four-bit mantissa."""
    bits_S = ~codes_S.astype(np.uint8)
    exponent_S, mantissa_S = bits_S >> 4 & 7, (bits_S & 15).astype(np.int32)
    magnitude_S = ((2 * mantissa_S + 33) << exponent_S) - 33
    return np.where(bits_S & 128, -magnitude_S, magnitude_S) * 4 / 32768


def _wav(codes_S: np.ndarray, sample_rate: int) -> bytes:
    """A mono file, as the standard library cannot write it."""
    form = struct.pack("<HHIIHHH", MU_LAW, 1, sample_rate, sample_rate, 1, 8, 0)
    fact = struct.pack("<I", len(codes_S))
    body = codes_S.tobytes() + b"\0" * (len(codes_S) % 2)
    chunks = b"".join(name + struct.pack("<I", len(part)) + part for name, part in ((b"fmt ", form), (b"fact", fact)))
    chunks += b"data" + struct.pack("<I", len(codes_S)) + body
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks
