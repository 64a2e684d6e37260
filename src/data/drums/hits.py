"""Drum hits from standard MIDI files."""

import io
from typing import BinaryIO

import mido
from mido.midifiles import midifiles

DRUM_CHANNEL = 9  # counted from 0
MAX_BYTES = 4  # of a number of variable length, by the standard
DAMAGE = (OSError, EOFError, ValueError, LookupError, mido.KeySignatureError)  # mido's errors in a damaged file


class Unsupported(ValueError):
    """An intact MIDI file of a kind that holds no bars."""


def read_hits(content: bytes) -> list[tuple[int, int]]:
    """Step, in sixteenths from the start, and note of every hit in a MIDI file; a RIFF header around it is skipped.

    Hits are the notes of the drum channel or, in a file that does not use it, of all channels. A file that counts in
    seconds, or holds several pieces, raises `Unsupported`, a damaged one any of `DAMAGE`.
    """
    if content[:4] == b"RIFF" and content[8:16] == b"RMIDdata":
        content = content[20:]
    midi = mido.MidiFile(file=io.BytesIO(content))
    beat = midi.ticks_per_beat
    if beat <= 0:
        raise Unsupported("counts in SMPTE frames, not in beats")
    if midi.type == 2:
        raise Unsupported("format 2, whose tracks are separate pieces")
    hits = []
    for part in midi.tracks:
        tick = 0
        for message in part:
            tick += message.time
            if message.type == "note_on" and message.velocity:
                hits.append((message.channel, ((8 * tick + beat) // (2 * beat), message.note)))
    return [hit for channel, hit in hits if channel == DRUM_CHANNEL] or [hit for _, hit in hits]


def read_variable_int(file: BinaryIO) -> int:
    """A number of variable length. Mido's own function has no limit and takes minutes in a megabyte of 0xFF.

    Raises:
        OSError: it is longer than the standard allows.
    """
    value = 0
    for _ in range(MAX_BYTES):
        byte = midifiles.read_byte(file)
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value
    raise OSError(f"a number of more than {MAX_BYTES} bytes")


midifiles.read_variable_int = read_variable_int  # mido has no option for it
