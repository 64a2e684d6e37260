"""The nine voices of a drum grid and the notes that stand for them.

General MIDI percussion and the Roland TD-11's additional pads, as in the Groove MIDI Dataset (Gillick et al. 2019,
arXiv:1905.06118). What is written is General MIDI's, so that any synthesiser plays it: its low tom is 45, the rim of
the Roland's mid tom.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Voice:
    """One column of a grid: `note` is the MIDI note that is written, `notes` are all that are read."""

    name: str
    note: int
    notes: tuple[int, ...]


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
