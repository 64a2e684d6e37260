"""Hits from MIDI files of every kind."""

import io
import struct

import mido
import pytest

from src.data.drums.hits import Unsupported, read_hits

KICK = [mido.Message("note_on", channel=9, note=36, velocity=90)]


def saved(*tracks: list, **options) -> bytes:
    file = io.BytesIO()
    mido.MidiFile(tracks=[mido.MidiTrack(track) for track in tracks], **options).save(file=file)
    return file.getvalue()


@pytest.mark.parametrize("charset", ["utf-8", "shift_jis", "utf-16"])
def test_long_text_in_any_encoding_is_read_over(charset):
    text = mido.MetaMessage("copyright", text="太鼓の達人" * 400)
    assert read_hits(saved([text, *KICK], charset=charset)) == [(0, 36)]


def test_tracks_sound_together_and_notes_of_instruments_are_none_of_drums():
    piano = [mido.Message("note_on", channel=0, note=38, velocity=90)]
    snare = [mido.Message("note_on", channel=9, note=38, velocity=90, time=480)]
    assert read_hits(saved(piano, KICK, snare, type=1)) == [(0, 36), (4, 38)]
    assert read_hits(saved(piano, type=1)) == [(0, 38)], "where nothing is on the drum channel, the rest are drums"


def test_running_status_and_a_riff_header():
    """Three hits with one status byte, as most sequencers write them."""
    events = bytes([0, 0x99, 36, 90, 120, 42, 90, 120, 38, 90, 0, 0xFF, 0x2F, 0])
    file = b"MThd" + struct.pack(">LHHH", 6, 0, 1, 480) + b"MTrk" + struct.pack(">L", len(events)) + events
    hits = [(0, 36), (1, 42), (2, 38)]
    assert read_hits(file) == hits
    wrapped = b"RIFF" + struct.pack("<L", len(file) + 12) + b"RMIDdata" + struct.pack("<L", len(file)) + file
    assert read_hits(wrapped) == hits


def test_kinds_that_hold_no_bars_are_named():
    with pytest.raises(Unsupported, match="format 2"):
        read_hits(saved(KICK, type=2))
    with pytest.raises(Unsupported, match="SMPTE"):
        read_hits(saved(KICK).replace(struct.pack(">H", 480), b"\xe7\x28", 1))
    with pytest.raises(EOFError):
        read_hits(saved(KICK)[:-3])
