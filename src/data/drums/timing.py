"""Time and loudness of the sixteenths of a performance."""

import numpy as np

STEPS_PER_BEAT = 4
BEATS_PER_BAR = 4
MAX_SWING = 0.5  # of a step: the first of two sixteenths then lasts three times as long as the second
MIN_BPM, MAX_BPM = 20, 400  # beats per minute
ACCENTS = (1.0, 0.7, 0.85, 0.7)  # of the sixteenths of a beat


def onsets(num_steps: int, swing: float) -> np.ndarray:
    """Times [num_steps] in steps: every second sixteenth comes `swing` steps late.

    Raises:
        ValueError: swing out of range.
    """
    if not 0 <= swing <= MAX_SWING:
        raise ValueError(f"swing={swing}: choose from 0 (straight) to {MAX_SWING}; 0.33 is a triplet feel")
    steps = np.arange(num_steps)
    return steps + swing * (steps % 2)


def accents(num_steps: int) -> np.ndarray:
    """Loudness [num_steps] relative to a beat."""
    return np.resize(ACCENTS, num_steps)


def seconds_per_step(bpm: float) -> float:
    """Raises ValueError for a tempo out of range."""
    if not MIN_BPM <= bpm <= MAX_BPM:
        raise ValueError(f"bpm={bpm}: choose a tempo from {MIN_BPM} to {MAX_BPM} beats per minute")
    return 60 / bpm / STEPS_PER_BEAT
