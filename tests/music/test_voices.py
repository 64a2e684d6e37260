from src.music.voices import VOICES


def test_no_note_belongs_to_two_voices():
    notes = [note for voice in VOICES for note in voice.notes]
    assert len(notes) == len(set(notes)) == 22


def test_written_notes_are_those_of_general_midi():
    written = {voice.name: voice.note for voice in VOICES}
    general_midi = {"kick": 36, "snare": 38, "closed hat": 42, "open hat": 46, "low tom": 45, "mid tom": 47}
    assert written == general_midi | {"high tom": 50, "crash": 49, "ride": 51}
