"""Time and loudness of a grid's steps in a performance."""

import numpy as np

from src.data.voices import STEPS_PER_BEAT

BEATS_PER_BAR = 4
MAX_SWING = 0.5  # of a step: the first of two steps then lasts three times as long as the second
MIN_BPM, MAX_BPM = 20, 400  # beats per minute
ON_BEAT, HALF_WAY, BETWEEN = 1.0, 0.85, 0.7  # loudness of a step


def onsets(num_steps: int, swing: float, steps_per_beat: int = STEPS_PER_BEAT) -> np.ndarray:
    """Times [num_steps] in steps: every second step of a beat comes `swing` steps late.

    Raises:
        ValueError: swing out of range, or beats of an odd number of steps.
    """
    if not 0 <= swing <= MAX_SWING:
        raise ValueError(f"swing={swing}: choose from 0 (straight) to {MAX_SWING}; 0.33 is a triplet feel")
    if swing and steps_per_beat % 2:
        raise ValueError(f"swing={swing}: these bars have {steps_per_beat} steps to the beat, no pairs; leave it out")
    steps = np.arange(num_steps)
    return steps + swing * (steps % 2)


def accents(num_steps: int, steps_per_beat: int = STEPS_PER_BEAT) -> np.ndarray:
    """Loudness [num_steps] relative to a beat."""
    place = np.arange(num_steps) % steps_per_beat
    return np.select([place == 0, 2 * place == steps_per_beat], [ON_BEAT, HALF_WAY], BETWEEN)


def seconds_per_step(bpm: float, steps_per_beat: int = STEPS_PER_BEAT) -> float:
    if not MIN_BPM <= bpm <= MAX_BPM:
        raise ValueError(f"bpm={bpm}: choose a tempo from {MIN_BPM} to {MAX_BPM} beats per minute")
    return 60 / bpm / steps_per_beat
