"""Drum grids as standard MIDI files.

N bars, T steps, V voices.
"""

from collections.abc import Sequence
from pathlib import Path

import mido
from torch import Tensor

from src.data.drums.timing import BEATS_PER_BAR, STEPS_PER_BEAT, accents, onsets, seconds_per_step
from src.data.voices import VOICES, Voice

TICKS_PER_BEAT = 480
TICKS_PER_STEP = TICKS_PER_BEAT // STEPS_PER_BEAT
NOTE_TICKS = TICKS_PER_STEP // 2  # ends before the next sixteenth also at the strongest swing
CHANNEL = 9  # the percussion channel, counted from 0
MAX_VELOCITY = 110


def write_midi(
    grids_NTV: Tensor, path: Path, bpm: float = 110, swing: float = 0, voices: Sequence[Voice] = VOICES
) -> None:
    """Writes the bars one after another: format 0, 480 ticks per beat, 4/4, percussion channel.

    The file ends with the last bar. A note's velocity follows from its position in the beat.

    Raises:
        ValueError: tempo or swing out of range.
    """
    track = mido.MidiTrack()
    microseconds = round(seconds_per_step(bpm) * STEPS_PER_BEAT * 1e6)
    track.append(mido.MetaMessage("set_tempo", tempo=microseconds))
    track.append(mido.MetaMessage("time_signature", numerator=BEATS_PER_BAR, denominator=4))
    now = 0
    for tick, message in _notes(grids_NTV, swing, voices):
        track.append(message.copy(time=tick - now))
        now = tick
    end = len(grids_NTV) * grids_NTV.shape[1] * TICKS_PER_STEP
    track.append(mido.MetaMessage("end_of_track", time=end - now))
    mido.MidiFile(type=0, ticks_per_beat=TICKS_PER_BEAT, tracks=[track]).save(path)


def _notes(grids_NTV: Tensor, swing: float, voices: Sequence[Voice]) -> list[tuple[int, mido.Message]]:
    """Starts and ends of all notes with their ticks, in chronological order."""
    hits_SV = grids_NTV.bool().flatten(0, 1)
    ticks_S = (onsets(len(hits_SV), swing) * TICKS_PER_STEP).round().astype(int).tolist()
    velocities_S = (accents(len(hits_SV)) * MAX_VELOCITY).round().astype(int).tolist()
    notes = []
    for step, voice in hits_SV.nonzero().tolist():
        note = {"channel": CHANNEL, "note": voices[voice].note}
        notes.append((ticks_S[step], mido.Message("note_on", velocity=velocities_S[step], **note)))
        notes.append((ticks_S[step] + NOTE_TICKS, mido.Message("note_off", **note)))
    return sorted(notes, key=lambda note: note[0])
