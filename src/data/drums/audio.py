"""Sound as small as the page needs that embeds it. Imports no PyTorch, as the report reads files only.

S samples.
"""

import base64
import io
from pathlib import Path

import numpy as np
import soundfile

SAMPLE_RATE = 22_050  # Hz; half of it would cut the frequencies of the hats
BEAT = 60 / 110  # seconds, at the tempo of evaluations
FADE = 0.02  # seconds; a hard cut would click
MIN_RATE, MAX_RATE = 1_000, 200_000  # Hz; resampling from a damaged header's 2 GHz would take gigabytes


def data_uri(path: Path, seconds: float = 8 * BEAT) -> str:
    """The beginning of a 16-bit mono WAV file as `data:audio/wav;base64,…`, about 130 kB by default.

    G.711's μ-law, 8 bits per sample, which all browsers play from WAV. A file of another kind raises ValueError, a
    damaged one also OSError or RuntimeError.
    """
    from scipy import signal  # takes seconds to import, and few reports have sounds

    with soundfile.SoundFile(path) as file:
        rate = file.samplerate
        if (file.format, file.subtype, file.channels) != ("WAV", "PCM_16", 1) or not MIN_RATE <= rate <= MAX_RATE:
            raise ValueError(f"{path} is no 16-bit mono sound")
        samples_S = file.read(round(seconds * rate))
    fade = min(len(samples_S), round(FADE * rate))
    samples_S[len(samples_S) - fade :] *= np.linspace(1, 0, fade)
    factor = np.gcd(rate, SAMPLE_RATE)
    content = io.BytesIO()
    resampled_S = signal.resample_poly(samples_S, SAMPLE_RATE // factor, rate // factor)
    soundfile.write(content, resampled_S, SAMPLE_RATE, format="WAV", subtype="ULAW")
    return f"data:audio/wav;base64,{base64.b64encode(content.getvalue()).decode('ascii')}"
