"""Drum grids as standard MIDI files.

N bars, T steps, V voices.
"""

from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path

import mido
from torch import Tensor

from src.data.drums.timing import BEATS_PER_BAR, accents, onsets, seconds_per_step
from src.data.voices import VOICES, Kit

TICKS_PER_BEAT = 480
NOTE_SHARE = 0.5  # of a step: a note ends before the next step also at the strongest swing
CHANNEL = 9  # the percussion channel, counted from 0
MAX_VELOCITY = 110


def write_midi(grids_NTV: Tensor, path: Path, bpm: float = 110, swing: float = 0, voices: Kit = VOICES) -> None:
    """Writes the bars one after another: format 0, 480 ticks per beat, 4/4 or the grid's beats, percussion channel.

    The file ends with the last bar. A note's velocity follows from its position in the beat.

    Raises:
        ValueError: tempo or swing out of range.
    """
    track = mido.MidiTrack()
    track.append(mido.MetaMessage("set_tempo", tempo=round(seconds_per_step(bpm, 1) * 1e6)))
    beats, rest = divmod(grids_NTV.shape[1], voices.steps_per_beat)
    numerator = BEATS_PER_BAR if rest or beats % BEATS_PER_BAR == 0 else beats
    track.append(mido.MetaMessage("time_signature", numerator=numerator, denominator=4))
    now = 0
    for tick, message in sorted(_notes(grids_NTV, swing, voices), key=itemgetter(0)):
        track.append(message.copy(time=tick - now))
        now = tick
    end = round(len(grids_NTV) * grids_NTV.shape[1] * TICKS_PER_BEAT / voices.steps_per_beat)
    track.append(mido.MetaMessage("end_of_track", time=end - now))
    mido.MidiFile(type=0, ticks_per_beat=TICKS_PER_BEAT, tracks=[track]).save(path)


def _notes(grids_NTV: Tensor, swing: float, voices: Kit) -> Iterator[tuple[int, mido.Message]]:
    """Starts and ends of all notes with their ticks."""
    hits_SV = grids_NTV.bool().flatten(0, 1)
    per_beat, ticks_per_step = voices.steps_per_beat, TICKS_PER_BEAT / voices.steps_per_beat
    ticks_S = (onsets(len(hits_SV), swing, per_beat) * ticks_per_step).round().astype(int).tolist()
    velocities_S = (accents(len(hits_SV), per_beat) * MAX_VELOCITY).round().astype(int).tolist()
    for step, voice in hits_SV.nonzero().tolist():
        note = {"channel": CHANNEL, "note": voices[voice].note}
        yield ticks_S[step], mido.Message("note_on", velocity=velocities_S[step], **note)
        yield ticks_S[step] + int(ticks_per_step * NOTE_SHARE), mido.Message("note_off", **note)
