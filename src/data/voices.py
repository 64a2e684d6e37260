"""The usual nine voices of a drum grid, the MIDI notes that stand for them, and General MIDI's percussion by name.

Notes that are read include the Roland TD-11's additional pads, as in the Groove MIDI Dataset (Gillick et al. 2019,
arXiv:1905.06118). Notes that are written are General MIDI's, so that any synthesiser plays them: its low tom is 45, the
rim of the Roland's mid tom.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from src.core.files import read_lines

STEPS_PER_BEAT = 4  # unless the data say otherwise


@dataclass(frozen=True)
class Voice:
    """One column of a grid: `note` is the MIDI note that is written, `notes` are all that are read.

    `sound` is that of the synthesised kit that plays it, by default the one of the same name.
    """

    name: str
    note: int
    notes: tuple[int, ...] = ()
    sound: str = ""


class Kit(tuple[Voice, ...]):
    """The voices of a grid's columns, with the number of its steps in a beat."""

    steps_per_beat: int

    def __new__(cls, voices: Iterable[Voice], steps_per_beat: int = STEPS_PER_BEAT) -> "Kit":
        kit = super().__new__(cls, voices)
        kit.steps_per_beat = steps_per_beat
        return kit


VOICES = Kit(
    (
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
)

KICK, SNARE, CLOSED_HAT, OPEN_HAT, LOW_TOM, MID_TOM, HIGH_TOM, CRASH, RIDE = range(len(VOICES))
NAMES = tuple(voice.name for voice in VOICES)


class Percussion(NamedTuple):
    """An instrument of General MIDI: the sound of the synthesised kit that stands for it, and its names."""

    sound: str
    names: list[str]


PERCUSSION = {  # by note
    int(note): Percussion(sound, names.split(", "))
    for note, sound, names in (line.split(" | ") for line in read_lines(Path(__file__).with_name("percussion.txt")))
}
NOTE_OF = {name: note for note, instrument in PERCUSSION.items() for name in instrument.names}
# What plays the columns whose names General MIDI does not know, by the columns' places.
STAND_INS = (
    *VOICES,
    *(
        Voice(instrument.names[0], note, sound=instrument.sound)
        for note, instrument in PERCUSSION.items()
        if note not in {voice.note for voice in VOICES}
    ),
)


def plain(name: str) -> str:
    """A name without what differs between sources: "Hi-Hat (closed)" and "closed_hihat" become "hat closed"."""
    words = re.sub(r"[^\w#]+|_", " ", name.casefold())
    words = re.sub(r"\bhi ?hats?\b|\bhats\b", "hat", words)
    return " ".join(re.sub(r"\bcymbal\b", " ", words).split())


def note_of(name: str) -> int | None:
    """The General MIDI note of an instrument's name, None if there is none."""
    words = plain(name)
    return NOTE_OF.get(words, NOTE_OF.get(" ".join(reversed(words.split()))))


def kit_of(names: Sequence[str], steps_per_beat: int = STEPS_PER_BEAT) -> Kit:
    """The voices of a grid whose columns have these names; the usual ones if there are none.

    A name that General MIDI does not know is played as the usual voice of that column, beyond them as further
    percussion.
    """
    return Kit(map(_voice, names, STAND_INS) if names else VOICES, steps_per_beat)


def _voice(name: str, stand_in: Voice) -> Voice:
    note = note_of(name)
    if note is None:
        return Voice(name, stand_in.note, sound=stand_in.sound or stand_in.name)
    return Voice(name, note, sound=PERCUSSION[note].sound)


def unknown(names: Sequence[str]) -> dict[str, str]:
    """The percussion that plays each name which General MIDI does not know."""
    return {name: each.name for name, each in zip(names or NAMES, STAND_INS, strict=False) if note_of(name) is None}


def assumed_names(num: int) -> tuple[str, ...]:
    """Names of so many unnamed columns: the usual ones as far as they go."""
    return (*NAMES[:num], *(f"voice {number + 1}" for number in range(len(NAMES), num)))


def roles_of(kit: Sequence[Voice]) -> dict[int, int]:
    """The column that is, or is played as, each usual voice, by the latter's index; without those that the kit lacks.

    The voice itself, else one with the same sound.
    """
    chosen: dict[int, int] = {}
    notes, sounds = [voice.note for voice in kit], [voice.sound or voice.name for voice in kit]
    for columns, standards in ((notes, [voice.note for voice in VOICES]), (sounds, NAMES)):
        for place, standard in enumerate(standards):
            matching = [index for index, column in enumerate(columns) if column == standard]
            free = [index for index in matching if index not in chosen.values()]
            if place not in chosen and free:
                chosen[place] = free[0]
    return chosen


def places(names: Sequence[str]) -> list[int]:
    """An order of the columns in which pictures show them: the usual voices, then the others.

    The place of a usual voice that is missing is taken by the first of the others.
    """
    chosen = roles_of([_voice(name, Voice("", -1)) for name in names])
    others = sorted({*range(len(names))} - {*chosen.values()})
    order = []
    for place in range(len(VOICES)):
        if place in chosen:
            order.append(chosen[place])
        elif others:
            order.append(others.pop(0))
    return order + others


def checked_names(entries: Sequence[object], source: str, num: int = len(VOICES)) -> tuple[str, ...]:
    """Names of `num` columns from names or notes of General MIDI; a message about others begins with `source`.

    Raises:
        ValueError: not one name for each of `num` columns, or a name twice; the message begins with `source`.
    """
    if len(entries) != num:
        raise ValueError(f"{source} names {len(entries)} voices, the patterns have {num}: name each column once")
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
