"""The nine voices of a drum grid, the MIDI notes that stand for them, and General MIDI's percussion by name.

Notes that are read include the Roland TD-11's additional pads, as in the Groove MIDI Dataset (Gillick et al. 2019,
arXiv:1905.06118). Notes that are written are General MIDI's, so that any synthesiser plays them: its low tom is 45, the
rim of the Roland's mid tom.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from src.core.files import read_lines


@dataclass(frozen=True)
class Voice:
    """One column of a grid: `note` is the MIDI note that is written, `notes` are all that are read.

    `sound` is that of the synthesised kit that plays it, by default the one of the same name.
    """

    name: str
    note: int
    notes: tuple[int, ...] = ()
    sound: str = ""


VOICES = (
    Voice("kick", 36, (36,)),
    Voice("snare", 38, (38, 37, 40)),
    Voice("closed hat", 42, (42, 22, 44)),
    Voice("open hat", 46, (46, 26)),
    Voice("low tom", 45, (43, 58)),
    Voice("mid tom", 47, (47, 45)),
    Voice("high tom", 50, (50, 48)),
    Voice("crash", 49, (49, 52, 55, 57)),
    Voice("ride", 51, (51, 53, 59)),
)

KICK, SNARE, CLOSED_HAT, OPEN_HAT, LOW_TOM, MID_TOM, HIGH_TOM, CRASH, RIDE = range(len(VOICES))
NAMES = tuple(voice.name for voice in VOICES)


@dataclass(frozen=True)
class Percussion:
    """An instrument of General MIDI: the sound of the synthesised kit that stands for it, and its names."""

    sound: str
    names: tuple[str, ...]


def _percussion(line: str) -> tuple[int, Percussion]:
    note, sound, names = line.split(" | ")
    return int(note), Percussion(sound, tuple(names.split(", ")))


PERCUSSION = dict(map(_percussion, read_lines(Path(__file__).with_name("percussion.txt"))))  # by note
NOTE_OF = {name: note for note, instrument in PERCUSSION.items() for name in instrument.names}


def plain(name: str) -> str:
    """A name without what differs between sources: "Hi-Hat (closed)" and "closed_hihat" become "hat closed"."""
    words = re.sub(r"[^\w#]+|_", " ", name.casefold())
    words = re.sub(r"\bhi ?hats?\b|\bhats\b", "hat", words)
    return " ".join(re.sub(r"\bcymbal\b", " ", words).split())


def note_of(name: str) -> int | None:
    """The General MIDI note of an instrument's name, None if there is none."""
    words = plain(name)
    return NOTE_OF.get(words, NOTE_OF.get(" ".join(reversed(words.split()))))


def kit_of(names: Sequence[str]) -> tuple[Voice, ...]:
    """The voices of a grid whose columns have these names; the standard ones if there are none.

    A name that General MIDI does not know is played as the standard voice of that column.
    """
    return tuple(map(_voice, names, VOICES)) if names else VOICES


def _voice(name: str, standard: Voice) -> Voice:
    note = note_of(name)
    if note is None:
        return Voice(name, standard.note, sound=standard.name)
    return Voice(name, note, sound=PERCUSSION[note].sound)


def unknown(names: Sequence[str]) -> dict[str, str]:
    """The standard voice that plays each name which General MIDI does not know."""
    return {name: standard for name, standard in zip(names or NAMES, NAMES, strict=True) if note_of(name) is None}


def places(names: Sequence[str]) -> list[int]:
    """For each standard voice, the index of the column that takes its place.

    Musical features, drawings and the style oracle rely on this order: the voice itself, else one with the same
    sound, else the first remaining column.
    """
    notes = [note_of(name) for name in names]
    sounds = [PERCUSSION[note].sound if note else None for note in notes]
    chosen: dict[int, int] = {}
    for columns, standards in ((notes, [voice.note for voice in VOICES]), (sounds, NAMES)):
        for place, standard in enumerate(standards):
            matching = [index for index, column in enumerate(columns) if column == standard]
            free = [index for index in matching if index not in chosen.values()]
            if place not in chosen and free:
                chosen[place] = free[0]
    remaining = iter(sorted({*range(len(names))} - {*chosen.values()}))
    return [chosen[place] if place in chosen else next(remaining) for place in range(len(VOICES))]


def checked_names(entries: Sequence[object], source: str) -> tuple[str, ...]:
    """Names of columns from names or notes of General MIDI.

    Raises:
        ValueError: not one name per column, or a name twice; the message begins with `source`.
    """
    if len(entries) != len(VOICES):
        raise ValueError(
            f"{source} names {len(entries)} voices, the patterns have {len(VOICES)}: name each column once"
        )
    names = [_name(entry, source) for entry in entries]
    for index, name in enumerate(names):
        if plain(name) in map(plain, names[:index]):
            raise ValueError(f"{source} names {name!r} twice: name each column once")
    return tuple(names)


def _name(entry: object, source: str) -> str:
    name = " ".join(str(entry).split())
    if isinstance(entry, bool) or not isinstance(entry, int | str) or not plain(name):
        raise ValueError(f"{source} holds {entry!r}: expected names of voices, or notes of General MIDI")
    if not name.isdecimal():
        return name
    if int(name) not in PERCUSSION:
        raise ValueError(f"{source} holds the note {name}: General MIDI's percussion lies in 35..81")
    return PERCUSSION[int(name)].names[0]
