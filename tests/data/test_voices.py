import re

import pytest

from src.data.drums.kit import kit
from src.data.voices import NAMES, PERCUSSION, VOICES, checked_names, kit_of, note_of, places, unknown

HOMEWORK = ("kick", "snare", "closed hat", "open hat", "low tom", "high tom", "crash", "ride", "clap")


def test_no_note_belongs_to_two_voices():
    notes = [note for voice in VOICES for note in voice.notes]
    assert len(notes) == len(set(notes)) == 22


def test_written_notes_are_those_of_general_midi():
    written = {voice.name: voice.note for voice in VOICES}
    general_midi = {"kick": 36, "snare": 38, "closed hat": 42, "open hat": 46, "low tom": 45, "mid tom": 47}
    assert written == general_midi | {"high tom": 50, "crash": 49, "ride": 51}


def test_every_percussion_note_of_general_midi_has_a_name_and_a_sound():
    assert [*PERCUSSION] == [*range(35, 82)]
    assert {instrument.sound for instrument in PERCUSSION.values()} <= kit(44_100).keys()
    names = [name for instrument in PERCUSSION.values() for name in instrument.names]
    assert len(names) == len(set(names)), "a name means one note"
    assert {voice.name: note_of(voice.name) for voice in VOICES} == {voice.name: voice.note for voice in VOICES}


@pytest.mark.parametrize(
    ("name", "note"),
    [
        *[("Hi-Hat (closed)", 42), ("Closed Hi-Hat", 42), ("open_hihat", 46), ("HH", 42), ("Pedal Hi-hat", 44)],
        *[("Crash Cymbal 1", 49), ("Ride Cymbal 2", 59), ("Chinese Cymbal", 52), ("Splash Cymbal", 55)],
        *[("Bass Drum 1", 36), ("Acoustic Bass Drum", 35), ("Hand Clap", 39), ("Side Stick", 37), ("BD", 36)],
        *[("Hi-Mid Tom", 48), ("Low-Mid Tom", 47), ("tom high", 50), ("High Floor Tom", 43), ("Cowbell", 56)],
        *[("Open Hi Conga", 63), ("Hi Wood Block", 76), ("gong", None), ("", None)],
    ],
)
def test_names_as_general_midi_and_drum_machines_write_them(name: str, note: int | None):
    assert note_of(name) == note


def test_columns_go_where_their_voice_is_expected():
    order = places(HOMEWORK)
    placed = [HOMEWORK[column] for column in order]
    assert placed == ["kick", "snare", "closed hat", "open hat", "low tom", "clap", "high tom", "crash", "ride"]
    assert sorted(order) == list(range(9))
    assert [voice.note for voice in kit_of(placed)] == [36, 38, 42, 46, 45, 39, 50, 49, 51]
    assert kit_of(placed)[5].sound == "clap"
    assert places(NAMES) == list(range(9)), "the standard order stays"
    assert kit_of(()) == VOICES


def test_a_second_drum_of_a_kind_takes_the_place_of_one_that_sounds_like_it():
    names = ("floor tom", "Kick", "snare", "electric snare", "hat", "pedal hat", "crash", "crash 2", "ride")
    placed = [names[column] for column in places(names)]
    assert placed[4] == "floor tom", "the low tom's"
    assert [placed[place] for place in (0, 1, 2, 7, 8)] == ["Kick", "snare", "hat", "crash", "ride"]


def test_unknown_names_are_played_as_the_voice_of_their_place():
    names = tuple(f"part {number}" for number in range(9))
    assert unknown(names) == dict(zip(names, NAMES, strict=True))
    assert [voice.note for voice in kit_of(names)] == [voice.note for voice in VOICES]
    assert [voice.name for voice in kit_of(names)] == [*names]


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (HOMEWORK[:8], "names 8 voices, the patterns have 9"),
        ((*HOMEWORK, "x"), "names 10 voices"),
        ((*HOMEWORK[:8], "Kick"), "names 'Kick' twice"),
        ((*HOMEWORK[:8], "ride cymbal"), "names 'ride cymbal' twice"),
        ((*HOMEWORK[:8], 34), "the note 34: General MIDI's percussion lies in 35..81"),
        ((*HOMEWORK[:8], None), "holds None: expected names"),
        ((*HOMEWORK[:8], True), "holds True: expected names"),
        ((*HOMEWORK[:8], " - "), "expected names"),
    ],
)
def test_names_that_do_not_fit_raise(entries, message: str):
    with pytest.raises(ValueError, match=f"data.voices .*{re.escape(message)}"):
        checked_names(entries, "data.voices")


def test_notes_are_names_too():
    assert checked_names([36, 38, "42", 46, 45, 50, 49, 51, 39], "data.voices") == HOMEWORK
