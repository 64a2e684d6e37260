"""When and how strongly the sixteenths of a performance sound."""

import numpy as np

STEPS_PER_BEAT = 4
BEATS_PER_BAR = 4
MOST_SWING = 0.5  # of a step: the first of two sixteenths then lasts three times as long as the second
SLOWEST, FASTEST = 20, 400  # beats a minute
ACCENTS = (1.0, 0.7, 0.85, 0.7)  # of the sixteenths of a beat


def onsets(num_steps: int, swing: float) -> np.ndarray:
    """Times [num_steps] in steps: every second sixteenth comes `swing` steps late.

    Raises:
        ValueError: more swing than anybody's, or less than none.
    """
    if not 0 <= swing <= MOST_SWING:
        raise ValueError(f"swing={swing}: choose from 0 (straight) to {MOST_SWING}; 0.33 is a triplet feel")
    steps = np.arange(num_steps)
    return steps + swing * (steps % 2)


def accents(num_steps: int) -> np.ndarray:
    """Loudness [num_steps] relative to a beat's."""
    return np.resize(ACCENTS, num_steps)


def seconds_per_step(bpm: float) -> float:
    """Raises ValueError at a tempo that nobody plays, and some not even a MIDI file can say."""
    if not SLOWEST <= bpm <= FASTEST:
        raise ValueError(f"bpm={bpm}: choose a tempo from {SLOWEST} to {FASTEST} beats a minute")
    return 60 / bpm / STEPS_PER_BEAT
